"""Every fault on real sockets, switched on, changed and off on live connections."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from brownout_core.faults.spec import Selection
from brownout_proxy.server.proxy import Proxy
from tests.support.running import (
    SECONDS,
    Running,
    Upstream,
    dial,
    echoing,
    eventually,
    fault,
    read_all,
    read_exactly,
    reset,
    running,
)


@pytest.fixture
def harness() -> Iterator[Running]:
    with running() as harness:
        yield harness


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with closing(Upstream()) as upstream:
        yield upstream


@pytest.fixture
def echo() -> Iterator[str]:
    with echoing() as address:
        yield address


def round_trip(client: socket.socket, message: bytes = b"ping") -> float:
    """Seconds from sending to the complete echo."""
    started = time.monotonic()
    client.sendall(message)
    assert read_exactly(client, len(message)) == message
    return time.monotonic() - started


def test_latency_is_never_early_and_comes_and_goes_on_a_live_connection(harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo)
    with dial(proxy) as client:
        round_trip(client)
        active = harness.add(proxy, fault("latency", latency="60ms"))
        assert min(round_trip(client) for _ in range(5)) >= 0.06
        harness.update(proxy, "latency", latency="120ms")
        assert round_trip(client) >= 0.12
        harness.remove(proxy, "latency")
        assert min(round_trip(client) for _ in range(5)) < 0.06
        assert active.hits >= 6
        assert active.connections == 1


def test_latency_keeps_throughput(harness: Running, echo: str) -> None:
    data = random.Random(2).randbytes(20_000_000)
    with dial(harness.proxy(echo, fault("latency", latency="50ms"))) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        started = time.monotonic()
        sender.start()
        assert read_exactly(client, len(data)) == data
        sender.join()
        assert time.monotonic() - started >= 0.05


def test_fin_travels_behind_delayed_data(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("latency", stream="upstream", latency="100ms"))
    with dial(proxy) as client, upstream.accept() as server:
        started = time.monotonic()
        client.sendall(b"last words")
        client.close()
        assert read_all(server) == b"last words"
        assert time.monotonic() - started >= 0.1


def test_bandwidth_paces_and_a_rate_of_zero_holds_everything_back(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("bandwidth", rate="1MB/s"))
    with dial(proxy) as client, upstream.accept() as server:
        started = time.monotonic()
        server.sendall(bytes(100_000))
        read_exactly(client, 100_000)
        assert time.monotonic() - started >= 0.099
        harness.update(proxy, "bandwidth", rate=0)
        server.sendall(b"held")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(SECONDS)
        harness.remove(proxy, "bandwidth")
        assert read_exactly(client, 4) == b"held"


def test_a_shared_rate_is_the_sum_of_all_connections(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("bandwidth", rate="1MB/s", scope="proxy"))
    clients = [dial(proxy) for _ in range(4)]
    servers = [upstream.accept() for _ in range(4)]
    started = time.monotonic()
    for server in servers:
        server.sendall(bytes(50_000))
    for client in clients:
        read_exactly(client, 50_000)
    assert time.monotonic() - started >= 0.195
    for connection in clients + servers:
        connection.close()


def test_slow_open_delays_the_dial(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("slow_open", delay="150ms"))
    started = time.monotonic()
    with dial(proxy), upstream.accept():
        assert time.monotonic() - started >= 0.15


def test_removing_slow_open_lets_a_waiting_client_through_at_once(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("slow_open", delay="1h"))
    with dial(proxy):
        eventually(lambda: proxy.faults[0].hits)
        harness.remove(proxy, "slow_open")
        upstream.accept().close()


def test_slow_close_delays_fin(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("slow_close", delay="150ms"))
    with dial(proxy) as client, upstream.accept() as server:
        started = time.monotonic()
        server.close()
        assert client.recv(1) == b""
        assert time.monotonic() - started >= 0.15


def test_slow_close_delays_no_data_and_removing_it_lets_fin_through(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("slow_close", delay="1h"))
    with dial(proxy) as client, upstream.accept() as server:
        server.sendall(b"now")
        server.close()
        assert read_exactly(client, 3) == b"now"
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(SECONDS)
        harness.remove(proxy, "slow_close")
        assert client.recv(1) == b""


def test_timeout_swallows_and_closes_even_under_traffic(harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo, fault("timeout", stream="upstream", timeout="150ms"))
    started = time.monotonic()
    with dial(proxy) as client:
        stop = threading.Event()

        def trickle() -> None:
            while not stop.wait(0.02):
                try:
                    client.send(b"x")
                except OSError:
                    return

        sender = threading.Thread(target=trickle)
        sender.start()
        assert client.recv(1) == b""
        assert time.monotonic() - started >= 0.15
        stop.set()
        sender.join()


def test_removing_timeout_closes_only_connections_that_lost_bytes(harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo)
    with dial(proxy) as loser, dial(proxy) as idle:
        round_trip(loser)
        round_trip(idle)
        harness.add(proxy, fault("timeout", stream="upstream"))
        loser.sendall(b"lost")
        eventually(lambda: proxy.faults[0].hits)
        harness.remove(proxy, "timeout")
        assert loser.recv(1) == b""
        round_trip(idle)


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_reset_peer_resets_live_idle_connections_on_both_sides(
    harness: Running, upstream: Upstream, stream: str
) -> None:
    proxy = harness.proxy(upstream.address)
    with dial(proxy) as client, upstream.accept() as server:
        server.sendall(b"up")
        read_exactly(client, 2)
        harness.add(proxy, fault("reset_peer", stream=stream))
        for peer in (client, server):
            with pytest.raises(ConnectionResetError):
                peer.recv(1)


def test_reset_peer_waits_its_timeout_on_a_new_connection(harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo, fault("reset_peer", timeout="100ms"))
    started = time.monotonic()
    with dial(proxy) as client:
        client.sendall(b"ping")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_reset_peer_lets_neither_bytes_nor_fin_pass_in_its_direction_and_both_in_the_other(
    harness: Running, upstream: Upstream, stream: str
) -> None:
    proxy = harness.proxy(upstream.address, fault("reset_peer", stream=stream, timeout="1h"))
    with dial(proxy) as client, upstream.accept() as server:
        sender, receiver = (client, server) if stream == "upstream" else (server, client)
        receiver.sendall(b"passes")
        receiver.shutdown(socket.SHUT_WR)
        assert read_all(sender) == b"passes"
        sender.sendall(b"lost")
        sender.shutdown(socket.SHUT_WR)
        eventually(lambda: proxy.faults[0].hits)
        harness.update(proxy, "reset_peer", timeout="1ms")
        with pytest.raises(ConnectionResetError):
            receiver.recv(1)


def test_removing_reset_peer_resets_only_connections_that_lost_bytes(harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo, fault("reset_peer", stream="upstream", timeout="1h"))
    with dial(proxy) as loser, dial(proxy) as idle:
        loser.sendall(b"lost")
        eventually(lambda: proxy.faults[0].hits)
        eventually(lambda: proxy.faults[0].connections == 2)
        harness.remove(proxy, "reset_peer")
        with pytest.raises(ConnectionResetError):
            loser.recv(1)
        round_trip(idle)


def test_cut_ends_a_connection_under_constant_traffic(harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo, fault("cut", after="100ms"))
    started = time.monotonic()
    with dial(proxy) as client:
        with pytest.raises((AssertionError, ConnectionError)):
            _round_trips_for_ever(client)
        assert time.monotonic() - started >= 0.1


def _round_trips_for_ever(client: socket.socket) -> None:
    while True:
        round_trip(client)


def test_slicer_sends_segments_of_the_stated_size(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("slicer", average_size=10, delay="2ms"))
    with dial(proxy) as client, upstream.accept() as server:
        server.sendall(bytes(100))
        sizes: list[int] = []
        while sum(sizes) < 100:
            sizes.append(len(client.recv(100)))
        assert max(sizes) <= 20, sizes  # with 2 ms between them hardly two arrive together
        assert len(sizes) >= 5


def test_limit_data_is_exact_and_an_update_counts_what_was_sent(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("limit_data", bytes=5))
    with dial(proxy) as client, upstream.accept() as server:
        server.sendall(b"1234")
        assert read_exactly(client, 4) == b"1234"
        harness.update(proxy, "limit_data", bytes=7)
        server.sendall(b"56789")
        assert read_all(client) == b"567"


def test_limit_data_delivers_all_of_it_though_the_client_sent_what_nobody_reads(
    harness: Running, upstream: Upstream
) -> None:
    """Closing with unread bytes sends RST, which would take the last bytes from the client."""
    proxy = harness.proxy(upstream.address, fault("limit_data", bytes=100_000))
    with dial(proxy) as client, upstream.accept() as server:
        client.sendall(bytes(50_000))
        server.sendall(bytes(200_000))
        assert len(read_all(client)) == 100_000


def test_stall_delays_a_share_and_loses_nothing(harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo, fault("stall", probability=0.5, duration="30ms", segment=4))
    with dial(proxy) as client:
        times = [round_trip(client, b"1234") for _ in range(40)]
    late = sum(taken >= 0.03 for taken in times)
    assert 8 <= late <= 32
    assert late < 40


def test_corrupt_flips_bits_and_keeps_the_length(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("corrupt", probability=1))
    with dial(proxy) as client, upstream.accept() as server:
        server.sendall(bytes(640))
        got = read_exactly(client, 640)
        assert sum(byte.bit_count() for byte in got) == 10


def test_refuse_resets_new_clients_and_leaves_live_ones(harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo)
    with dial(proxy) as live:
        round_trip(live)
        harness.add(proxy, fault("refuse"))
        with pytest.raises(ConnectionResetError):
            _one_byte_there_and_back(proxy)
        round_trip(live)
        harness.remove(proxy, "refuse")
        with dial(proxy) as served:
            round_trip(served)


def _one_byte_there_and_back(proxy: Proxy) -> None:
    with dial(proxy) as client:
        client.sendall(b"x")
        client.recv(1)


def test_first_fails_so_many_connections_and_then_recovers(harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo, fault("limit_data", bytes=0, chosen=Selection(first=2)))
    outcomes = []
    for _ in range(4):
        with dial(proxy) as client:
            client.sendall(b"x")
            outcomes.append(client.recv(1))
    assert outcomes == [b"", b"", b"x", b"x"]


def _answers(proxy: Proxy, source: str = "127.0.0.1") -> bool:
    host, _, port = proxy.listen.rpartition(":")
    with socket.create_connection((host, int(port)), SECONDS, (source, 0)) as client:
        client.sendall(b"x")
        return client.recv(1) == b"x"


def test_first_and_every_count_only_what_the_other_conditions_leave(harness: Running, echo: str) -> None:
    near = {"clients": ["127.0.0.2"]}
    cases: list[tuple[dict[str, Any], list[bool]]] = [
        ({"first": 2, **near}, [False, False, True, True, True, True]),
        ({"every": 2, **near}, [True, False, True, False, True, False]),
    ]
    for number, (conditions, expected) in enumerate(cases):
        chosen = Selection.model_validate(conditions)
        proxy = harness.proxy(echo, fault("limit_data", bytes=0, chosen=chosen), name=f"p{number}")
        seen = []
        for _ in range(6):
            assert [_answers(proxy) for _ in range(3)] == [True] * 3  # others, who are not counted
            seen.append(_answers(proxy, "127.0.0.2"))
        assert seen == expected


def test_first_counts_what_toxicity_leaves_and_the_same_seed_picks_the_same(echo: str) -> None:
    def picked(**conditions: Any) -> list[int]:
        chosen = Selection.model_validate({"toxicity": 0.4, **conditions})
        with running(seed=5) as harness:
            proxy = harness.proxy(echo, fault("limit_data", bytes=0, chosen=chosen))
            return [number for number in range(30) if not _answers(proxy)]

    drawn = picked()
    assert 5 < len(drawn) < 25
    assert picked(first=3) == picked(first=3) == drawn[:3]
    assert picked(every=3) == drawn[2::3]


def test_a_connection_without_a_byte_uses_up_nothing(harness: Running, echo: str) -> None:
    active = harness.proxy(echo, fault("limit_data", bytes=0, chosen=Selection(first=2)))
    (counted,) = active.faults
    for number in range(5):
        dial(active).close()
        eventually(lambda: active.accepted > number and active.live == 0)  # noqa: B023  it is called here
    assert counted.left == 2
    assert not _answers(active)
    eventually(lambda: counted.left == 1 and active.live == 0)
    assert [_answers(active) for _ in range(2)] == [False, True]
    assert counted.left == 0


@pytest.mark.parametrize("kind", ["refuse", "reset_peer", "slow_open"])
def test_a_connection_without_a_byte_counts_where_a_fault_acted_on_it(harness: Running, echo: str, kind: str) -> None:
    attributes = {"delay": "1h"} if kind == "slow_open" else {}
    proxy = harness.proxy(echo, fault(kind, chosen=Selection(first=1), **attributes))
    host, _, port = proxy.listen.rpartition(":")
    client = socket.socket()
    client.settimeout(SECONDS)
    with contextlib.suppress(ConnectionResetError):  # it may be reset already
        client.connect((host, int(port)))
    eventually(lambda: proxy.faults[0].hits)
    reset(client)
    eventually(lambda: proxy.live == 0)
    assert proxy.faults[0].left == 0
    assert _answers(proxy)


def test_a_fault_for_other_clients_leaves_this_one_alone(harness: Running, echo: str) -> None:
    chosen = Selection.model_validate({"clients": ["10.0.0.0/8"]})
    with dial(harness.proxy(echo, fault("timeout", chosen=chosen))) as client:
        round_trip(client)


def test_faults_may_come_and_go_in_a_bulk_transfer_without_a_byte_lost(harness: Running, echo: str) -> None:
    data = random.Random(3).randbytes(60_000_000)
    proxy = harness.proxy(echo)
    with dial(proxy) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        receiver: list[bytes] = []
        reader = threading.Thread(target=lambda: receiver.append(read_exactly(client, len(data))))
        sender.start()
        reader.start()
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("latency", {"latency": "3ms", "jitter": "2ms"}),
            ("bandwidth", {"rate": "300MB/s"}),
            ("slicer", {"average_size": 5000}),
            ("stall", {"probability": 0.01, "duration": "2ms"}),
            ("noop", {}),
        ]
        choose = random.Random(4)
        while reader.is_alive():
            kind, attributes = choose.choice(kinds)
            stream = choose.choice(["upstream", "downstream"])
            harness.add(proxy, fault(kind, name="f", stream=stream, **attributes))
            reader.join(0.01)
            harness.remove(proxy, "f")
            reader.join(0.01)
        sender.join()
    assert receiver == [data]


def test_same_seed_same_decisions_with_1_and_with_50_connections() -> None:
    def hit(connections: int) -> list[bool]:
        with running(seed=99) as harness, echoing() as echo:
            proxy = harness.proxy(echo, fault("limit_data", bytes=0, chosen=Selection(toxicity=0.5)))
            clients = [dial(proxy) for _ in range(connections)]
            outcomes = []
            for client in clients:
                client.sendall(b"x")
                outcomes.append(client.recv(1) == b"")
                client.close()
            return outcomes

    many = hit(50)
    assert hit(1) == many[:1]
    assert hit(50) == many
    assert 10 < sum(many) < 40
