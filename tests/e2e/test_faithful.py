"""G1 and G4 on real sockets: without a fault a connection through the proxy is as good as a direct one."""

from __future__ import annotations

import random
import resource
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.running import (
    SECONDS,
    Running,
    Upstream,
    black_hole,
    dial,
    echoing,
    eventually,
    fault,
    nobody,
    open_files,
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


def test_bytes_arrive_complete_and_in_order_both_ways(harness: Running) -> None:
    data = random.Random(1).randbytes(30_000_000)
    with echoing() as address, dial(harness.proxy(address)) as client:
        sender = threading.Thread(target=_send_all, args=(client, data))
        sender.start()
        assert read_all(client) == data
        sender.join()


def _send_all(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def test_data_after_half_close_is_still_forwarded(harness: Running, upstream: Upstream) -> None:
    with dial(harness.proxy(upstream.address)) as client, upstream.accept() as server:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"question"
        server.sendall(b"answer")
        server.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"answer"


def test_an_upstream_may_half_close_first(harness: Running, upstream: Upstream) -> None:
    with dial(harness.proxy(upstream.address)) as client, upstream.accept() as server:
        server.sendall(b"hello")
        server.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"hello"
        client.sendall(b"still here")
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"still here"


@pytest.mark.parametrize("faults", [(), ("latency",)])
def test_rst_of_the_client_reaches_the_upstream_as_rst(
    harness: Running, upstream: Upstream, faults: tuple[str, ...]
) -> None:
    proxy = harness.proxy(upstream.address, *(fault(kind, stream="upstream") for kind in faults))
    client = dial(proxy)
    with upstream.accept() as server:
        client.sendall(b"x")
        assert read_exactly(server, 1) == b"x"
        reset(client)
        with pytest.raises(ConnectionResetError):
            server.recv(1)


def test_rst_of_the_upstream_reaches_the_client_as_rst(harness: Running, upstream: Upstream) -> None:
    with dial(harness.proxy(upstream.address)) as client:
        server = upstream.accept()
        server.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
        reset(server)
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_bytes_sent_before_the_upstream_answers_are_kept(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("slow_open", delay="100ms"))
    with dial(proxy) as client:
        client.sendall(b"early")
        with upstream.accept() as server:
            assert read_exactly(server, 5) == b"early"


def test_a_client_that_closes_early_is_served_all_the_same(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("slow_open", delay="50ms"))
    with dial(proxy) as client:
        client.sendall(b"all I have")
        client.shutdown(socket.SHUT_WR)
        with upstream.accept() as server:
            assert read_all(server) == b"all I have"
            server.sendall(b"thanks")
            server.close()
        assert read_all(client) == b"thanks"


def test_a_client_of_a_dead_upstream_is_accepted_and_gets_fin(harness: Running) -> None:
    with nobody() as address:
        proxy = harness.proxy(address)
        with dial(proxy) as client:
            client.sendall(b"anybody?")
            assert read_all(client) == b""
        eventually(lambda: proxy.dial_failures == 1)


def test_a_dial_that_gets_no_answer_is_given_up(upstream: Upstream) -> None:
    with running(dial_timeout=0.3) as harness, black_hole() as hole:
        dead, alive = harness.proxy(hole, name="dead"), harness.proxy(upstream.address, name="alive")
        with dial(dead) as waiting:
            with dial(alive) as client, upstream.accept() as server:  # held up by nobody
                client.sendall(b"x")
                assert read_exactly(server, 1) == b"x"
            assert read_all(waiting) == b""


def test_a_client_that_does_not_read_pauses_its_own_upstream_only(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address)
    with dial(proxy), upstream.accept() as server:
        server.setblocking(False)
        sent = 0
        chunk = bytes(1 << 16)

        def stuck() -> bool:
            nonlocal sent
            try:
                sent += server.send(chunk)
            except BlockingIOError:
                return not select.select([], [server], [], 0.3)[1]
            return False

        eventually(stuck, "backpressure")
        assert sent < 64_000_000  # what the kernel's buffers and ours take, not all that there is
        with dial(proxy) as other, upstream.accept() as its_server:
            other.sendall(b"alive")
            assert read_exactly(its_server, 5) == b"alive"


@pytest.mark.parametrize("listen", ["unix", "[::1]:0", "127.0.0.1:0", "localhost:0", ":0"])
def test_it_listens_on_every_kind_of_address(harness: Running, tmp_path: Path, listen: str) -> None:
    listen = f"unix:{tmp_path / 'in.sock'}" if listen == "unix" else listen
    with echoing() as address, dial(harness.proxy(address, listen=listen)) as client:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"


@pytest.mark.parametrize("kind", ["unix", "v6"])
def test_it_dials_every_kind_of_address(harness: Running, tmp_path: Path, kind: str) -> None:
    where = (socket.AF_UNIX, str(tmp_path / "up.sock")) if kind == "unix" else (socket.AF_INET6, ("::1", 0))
    with (
        closing(Upstream(*where)) as upstream,
        dial(harness.proxy(upstream.address)) as client,
        upstream.accept() as server,
    ):
        client.sendall(b"x")
        assert read_exactly(server, 1) == b"x"


def test_a_unix_socket_left_by_a_killed_process_is_replaced(harness: Running, tmp_path: Path) -> None:
    path = str(tmp_path / "stale.sock")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    with echoing() as address, dial(harness.proxy(address, listen=f"unix:{path}")) as client:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"


def test_nothing_is_left_of_connections_that_ended(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("latency", latency="1ms"))
    eventually(lambda: harness.tasks() == 0)
    before = open_files()
    for number in range(50):
        client = dial(proxy)
        server = upstream.accept()
        client.sendall(b"x" * 1000)
        if number % 3 == 0:
            reset(client)
        else:
            client.close()
        server.close()
    eventually(lambda: proxy.live == 0, "closing")
    eventually(lambda: open_files() <= before, "release of the sockets")
    assert harness.tasks() == 0
    eventually(lambda: harness.timers() == 0, "release of the timers")
    assert harness.registry.engine.budget.used == 0


def test_without_file_descriptors_new_clients_wait_and_are_served_later(caplog: pytest.LogCaptureFixture) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with ExitStack() as stack:
            harness = stack.enter_context(running())
            proxy = harness.proxy(stack.enter_context(echoing()))
            assert harness.registry.engine.headroom.capacity < 180
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))  # for this test's own sockets
            clients = [stack.enter_context(dial(proxy)) for _ in range(90)]
            eventually(lambda: harness.registry.engine.headroom.full)
            for client in clients[:60]:
                client.close()
            for client in clients[60:]:
                client.sendall(b"x")
                assert read_exactly(client, 1) == b"x"
        warnings = [record for record in caplog.records if "open files are all" in record.message]
        assert len(warnings) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_of_hundreds_of_clients_at_once_none_waits_for_a_second_try(upstream: Upstream) -> None:
    """Whose SYN finds the kernel's queue full is dropped, and sends the next one a second later."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        with ExitStack() as stack:
            harness = stack.enter_context(running())
            proxy = harness.proxy(upstream.address)
            (host, _, port), listener = proxy.listen.rpartition(":"), proxy._listener
            assert listener is not None
            harness.ask(listener.pause)
            for _ in range(300):
                client = stack.enter_context(socket.socket())
                client.settimeout(SECONDS)
                client.connect((host, int(port)))  # nobody accepts: each stays in the queue
            harness.call(listener.resume())
            eventually(lambda: proxy.accepted == 300)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_closing_waits_for_clients_as_long_as_it_is_told(upstream: Upstream) -> None:
    with running() as harness:
        proxy = harness.proxy(upstream.address)
        client, server = dial(proxy), upstream.accept()
        done = threading.Thread(target=lambda: harness.call(harness.registry.close(drain=8)))
        done.start()
        eventually(lambda: not proxy.enabled)
        client.sendall(b"last words")
        assert read_exactly(server, 10) == b"last words"
        client.close()
        server.close()
        done.join(5)
        assert not done.is_alive()


def test_closing_does_not_wait_for_ever_for_clients_that_stay(upstream: Upstream) -> None:
    with running() as harness:
        client, server = dial(harness.proxy(upstream.address)), upstream.accept()
        harness.call(harness.registry.close(drain=0.1))
        assert read_all(client) == b""
        client.close()
        server.close()


def test_a_proxy_that_is_made_while_descriptors_are_scarce_lets_its_clients_wait(
    harness: Running, upstream: Upstream
) -> None:
    first, headroom = harness.proxy(upstream.address), harness.registry.engine.headroom
    headroom.capacity = 4  # two connections
    clients = [dial(first) for _ in range(2)]
    servers = [upstream.accept() for _ in clients]
    eventually(lambda: headroom.full)
    second = harness.proxy(upstream.address, name="second")
    with dial(second) as waiting:
        waiting.sendall(b"x")
        waiting.settimeout(0.1)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        assert second.accepted == 0
        for connection in (*clients, *servers):
            connection.close()
        with upstream.accept() as server:
            assert read_exactly(server, 1) == b"x"
