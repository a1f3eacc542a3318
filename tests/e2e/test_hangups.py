"""G1 after the first FIN: what the kernel reports of a socket is noticed, and ends the connection."""

from __future__ import annotations

import contextlib
import itertools
import random
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from brownout_proxy.relay.endpoint import Endpoint
from brownout_proxy.server.proxy import Proxy
from tests.support.running import (
    Running,
    Upstream,
    dial,
    eventually,
    fault,
    open_files,
    read_all,
    read_exactly,
    reset,
    running,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports what nobody asked for")

_MB: Final = 1 << 20


@pytest.fixture
def harness() -> Iterator[Running]:
    with running() as harness:
        yield harness


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with closing(Upstream()) as upstream:
        yield upstream


def was_reset(peer: socket.socket) -> bool:
    poll = select.poll()
    poll.register(peer, 0)  # errors are always reported
    return any(events & select.POLLERR for _, events in poll.poll(0))


def sides(harness: Running, proxy: Proxy) -> list[Endpoint]:
    connection = next(iter(proxy._connections))
    eventually(lambda: connection.upstream is not None)
    assert connection.upstream is not None
    return [connection.client, connection.upstream]


@pytest.mark.parametrize("faulty", [False, True], ids=["plain", "with latency"])
@pytest.mark.parametrize("who", ["client", "server"])
def test_a_reset_after_fin_is_passed_on(harness: Running, upstream: Upstream, who: str, faulty: bool) -> None:
    late = [fault("latency", name=f"late_{way}", stream=way, latency="1ms") for way in ("upstream", "downstream")]
    proxy = harness.proxy(upstream.address, *late * faulty)
    client, server = dial(proxy), upstream.accept()
    first, other = (client, server) if who == "client" else (server, client)
    with other:
        first.sendall(b"all")
        first.shutdown(socket.SHUT_WR)
        assert read_all(other) == b"all"
        reset(first)
        eventually(lambda: was_reset(other))
        eventually(lambda: proxy.live == 0)


@pytest.mark.parametrize("who", ["client", "server"])
@pytest.mark.parametrize("faulty", [False, True], ids=["spliced", "read in large pieces"])
def test_a_reset_after_the_fin_of_a_bulk_transfer_is_passed_on(
    harness: Running, upstream: Upstream, who: str, faulty: bool
) -> None:
    late = [fault("latency", name=f"late_{way}", stream=way, latency="1ms") for way in ("upstream", "downstream")]
    proxy = harness.proxy(upstream.address, *late * faulty)
    bulk = harness.registry.engine.bulk
    assert bulk is not None
    client, server = dial(proxy), upstream.accept()
    first, other = (client, server) if who == "client" else (server, client)
    first.settimeout(0)
    size = 0
    with other:
        while not len(bulk):
            size += _send_some(first)
            size -= len(_read_some(other))
        first.settimeout(10)
        first.shutdown(socket.SHUT_WR)
        assert len(read_all(other)) == size
        reset(first)
        eventually(lambda: was_reset(other))
        eventually(lambda: proxy.live == 0)


def _send_some(peer: socket.socket) -> int:
    try:
        return peer.send(bytes(_MB))
    except BlockingIOError:
        return 0


def _read_some(peer: socket.socket) -> bytes:
    return peer.recv(4 * _MB) if select.select([peer], [], [], 0)[0] else b""


@pytest.mark.parametrize("kind", ["nothing", "bandwidth 0", "latency"])
def test_a_client_that_closes_before_a_silent_server_is_let_go_once_its_kernel_has_forgotten_it(
    harness: Running, upstream: Upstream, kind: str
) -> None:
    faults = {
        "nothing": [],
        "bandwidth 0": [fault("bandwidth", stream="downstream", rate="0")],
        "latency": [fault("latency", stream="upstream", latency="20ms")],
    }[kind]
    proxy = harness.proxy(upstream.address, *faults)
    before = open_files()
    client, server = dial(proxy), upstream.accept()
    with server:
        client.sendall(b"question")
        assert read_exactly(server, 8) == b"question"
        hasten(harness, proxy)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, 1)  # seconds that its kernel remembers it
        client.close()
        assert server.recv(1) == b""
        assert proxy.live == 1  # a client may also wait for its answer
        eventually(lambda: proxy.live == 0)
        eventually(lambda: was_reset(server))
    eventually(lambda: open_files() <= before, "release of the descriptors")


def hasten(harness: Running, proxy: Proxy) -> None:
    """Has the kernel probe each second what it would probe each quarter of a minute."""
    for side in sides(harness, proxy):
        raw = harness.ask(side.socket)
        with socket.socket(fileno=raw.dup().detach()) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)


def test_a_client_that_waits_for_its_answer_after_fin_gets_it(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address)
    with dial(proxy) as client, upstream.accept() as server:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"question"
        hasten(harness, proxy)
        assert not select.select([client], [], [], 2.5)[0]  # several probes
        server.sendall(b"answer")
        server.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"answer"


@pytest.mark.parametrize("who", ["client", "server"])
@pytest.mark.parametrize("kinds", list(itertools.product(["unix", "tcp"], repeat=2)), ids="-".join)
def test_a_unix_peer_that_closes_is_known_to_be_gone_at_once(
    harness: Running, tmp_path: Path, who: str, kinds: tuple[str, str]
) -> None:
    """A Unix socket says that it was closed, and not only that it will send nothing more."""
    listen = f"unix:{tmp_path}/p.sock" if kinds[0] == "unix" else "127.0.0.1:0"
    with closing(_upstream(kinds[1], tmp_path)) as upstream:
        proxy = harness.proxy(upstream.address, listen=listen)
        client, server = dial(proxy), upstream.accept()
        first, other = (client, server) if who == "client" else (server, client)
        with other:
            first.sendall(b"all")
            assert read_exactly(other, 3) == b"all"
            first.close()
            assert other.recv(1) == b""
            if kinds[0 if who == "client" else 1] == "unix":
                eventually(lambda: proxy.live == 0)
            else:
                assert proxy.live == 1


def _upstream(kind: str, folder: Path) -> Upstream:
    return Upstream(socket.AF_UNIX, f"{folder}/u.sock") if kind == "unix" else Upstream()


def test_a_unix_peer_that_half_closes_is_answered(harness: Running, tmp_path: Path) -> None:
    with closing(_upstream("unix", tmp_path)) as upstream:
        proxy = harness.proxy(upstream.address, fault("latency", latency="20ms"), listen=f"unix:{tmp_path}/p.sock")
        with dial(proxy) as client, upstream.accept() as server:
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            assert read_all(server) == b"question"
            server.sendall(b"answer")
            server.close()
            assert read_all(client) == b"answer"


def test_what_a_unix_client_sent_before_it_closed_arrives_though_it_is_late(harness: Running, tmp_path: Path) -> None:
    with closing(_upstream("unix", tmp_path)) as upstream:
        late = fault("latency", stream="upstream", latency="50ms")
        proxy = harness.proxy(upstream.address, late, listen=f"unix:{tmp_path}/p.sock")
        client, server = dial(proxy), upstream.accept()
        with server:
            client.sendall(b"all that I have")
            client.close()
            assert read_all(server) == b"all that I have"
            eventually(lambda: proxy.live == 0)


@pytest.mark.parametrize(("stuck", "mb"), [(True, 1), (True, 64), (False, 64)])
def test_a_reset_is_noticed_though_nobody_reads_the_client(
    harness: Running, upstream: Upstream, stuck: bool, mb: int
) -> None:
    """Because a fault lets nothing go, or because the server reads nothing."""
    faults = [fault("bandwidth", stream="upstream", rate="0")] if stuck else []
    proxy = harness.proxy(upstream.address, *faults)
    client, server = dial(proxy), upstream.accept()
    with server:
        client.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            client.sendall(bytes(mb * _MB))
        (side, _) = sides(harness, proxy)
        eventually(lambda: side._paused)
        reset(client)
        eventually(lambda: proxy.live == 0)


@pytest.mark.parametrize("mb", [0, 8], ids=["by its transport", "in bulk"])
@pytest.mark.parametrize("faulty", [False, True], ids=["plain", "with latency"])
def test_urgent_data_stays_in_the_stream(harness: Running, upstream: Upstream, mb: int, faulty: bool) -> None:
    late = [fault("latency", name=f"late_{way}", stream=way, latency="1ms") for way in ("upstream", "downstream")]
    proxy = harness.proxy(upstream.address, *late * faulty)
    data = random.Random(5).randbytes(mb * _MB + 10)
    for forth in (True, False):
        client, server = dial(proxy), upstream.accept()
        sender, receiver = (client, server) if forth else (server, client)
        with sender, receiver:
            taken = bytearray()
            sender.settimeout(0)
            for part, flags in ((data, 0), (b"!", socket.MSG_OOB), (b"after", 0)):
                view = memoryview(part)
                while view:
                    view = view[_sent(sender, view, flags) :]
                    taken += _read_some(receiver)
            taken += read_exactly(receiver, len(data) + 6 - len(taken))
            sender.settimeout(10)
            assert bytes(taken) == data + b"!after"
            sender.shutdown(socket.SHUT_WR)
            assert read_all(receiver) == b""


def _sent(peer: socket.socket, data: memoryview, flags: int) -> int:
    try:
        return peer.send(data, flags)
    except BlockingIOError:
        return 0


def test_a_closed_socket_leaves_the_set_of_the_watched(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address)
    hangups = harness.registry.engine.hangups
    assert hangups is not None
    for _ in range(3):
        with dial(proxy) as client, upstream.accept() as server:
            client.shutdown(socket.SHUT_WR)
            assert server.recv(1) == b""
            eventually(lambda: len(hangups) == 1)
    eventually(lambda: len(hangups) == 0)


def test_a_socket_whose_both_directions_are_closed_while_a_fault_holds_one_back_makes_no_work(
    harness: Running, upstream: Upstream
) -> None:
    """EPOLLHUP stays true: a set that reported it again and again would keep the processor busy."""
    proxy = harness.proxy(upstream.address, fault("slow_close", stream="upstream", delay="1h"))
    with dial(proxy) as client, upstream.accept() as server:
        client.shutdown(socket.SHUT_WR)
        server.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        hangups = harness.registry.engine.hangups
        assert hangups is not None
        eventually(lambda: len(hangups) == 2)
        assert not harness.ask(lambda: hangups._epoll.poll(0))
        assert proxy.live == 1
