"""Bulk transfers on real sockets: handed over, taken back, ended from either side, and not a byte different."""

from __future__ import annotations

import random
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from brownout_proxy.relay import bulk as module
from brownout_proxy.relay.bulk import Bulk
from brownout_proxy.server.proxy import Proxy
from tests.support.running import (
    SECONDS,
    Running,
    Upstream,
    dial,
    echoing,
    eventually,
    fault,
    open_files,
    read_all,
    read_exactly,
    reset,
    running,
)

pytestmark = pytest.mark.skipif(not module.AVAILABLE, reason="this system has no splice or no epoll")

_MB = 1_000_000
_LATE = fault("latency", stream="upstream", latency="1ms")
_PATTERN = random.Random(5).randbytes(65_521)  # a prime: a piece that is lost or swapped shows wherever it falls


@pytest.fixture
def harness() -> Iterator[Running]:
    with running(buffer=8 * _MB) as harness:
        yield harness


@pytest.fixture
def bulk(harness: Running) -> Bulk:
    bulk = harness.ask(lambda: harness.registry.engine).bulk
    assert bulk is not None
    return bulk


class Flow:
    """A client that sends the pattern over and over, and the server that it reaches through the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self._read = 0
        self._stopped = False
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def _send(self) -> None:
        try:
            while not self._stopped:
                self.client.sendall(_PATTERN)
        except OSError:
            pass

    def stop(self) -> None:
        """Nobody is inside the client's socket any more: while a thread waits there, closing it sends nothing."""
        self._stopped = True
        self.server.setblocking(False)
        while self._sender.is_alive():
            if select.select([self.server], [], [], 0.01)[0]:
                self.server.recv(_MB)
        self.server.settimeout(SECONDS)

    def check(self, size: int) -> None:
        """Reads so many bytes and compares each with what was sent."""
        data = read_exactly(self.server, size)
        start = self._read % len(_PATTERN)
        assert data == (_PATTERN * (size // len(_PATTERN) + 2))[start : start + size]
        self._read += size

    def check_until(self, condition: Callable[[], object]) -> None:
        def checked() -> object:
            self.check(_MB)
            return condition()

        eventually(checked)


@contextmanager
def flowing(proxy: Proxy) -> Iterator[Flow]:
    with closing(Upstream()) as upstream:
        proxy.upstream = upstream.address
        with dial(proxy) as client, upstream.accept() as server:
            yield Flow(client, server)
            for end in (client, server):
                if end.fileno() >= 0:
                    reset(end)


def test_without_faults_the_kernel_moves_it_and_with_faults_it_is_read_in_large_pieces(
    harness: Running, bulk: Bulk
) -> None:
    proxy = harness.proxy("127.0.0.1:1")
    with flowing(proxy) as flow:
        flow.check_until(lambda: bulk.spliced == 1)
        active = harness.add(proxy, _LATE)
        assert bulk.spliced == 0
        flow.check_until(lambda: len(bulk) == 1 and active.hits)
        assert bulk.spliced == 0
        harness.remove(proxy, "latency")
        flow.check(20 * _MB)
    eventually(lambda: len(bulk) == 0)


@pytest.mark.parametrize("faulty", [False, True])
@pytest.mark.parametrize("who", ["client", "server"])
def test_rst_is_passed_on(harness: Running, bulk: Bulk, faulty: bool, who: str) -> None:
    proxy = harness.proxy("127.0.0.1:1", *[_LATE] * faulty)
    with flowing(proxy) as flow:
        flow.check_until(lambda: len(bulk) == 1 and bulk.spliced == (not faulty))
        if who == "client":
            flow.stop()
            reset(flow.client)
            with pytest.raises(ConnectionResetError):
                read_all(flow.server)
        else:
            reset(flow.server)
            poll = select.poll()
            poll.register(flow.client, select.POLLERR | select.POLLHUP)
            assert poll.poll(5000)
    eventually(lambda: proxy.live == 0 and len(bulk) == 0)


@pytest.mark.parametrize("faulty", [False, True])
def test_everything_comes_before_fin(harness: Running, bulk: Bulk, faulty: bool) -> None:
    data = random.Random(6).randbytes(20 * _MB)
    with echoing() as address, dial(harness.proxy(address, *[_LATE] * faulty)) as client:

        def send() -> None:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        received, seen = bytearray(), 0
        while part := client.recv(1 << 20):
            received += part
            seen = max(seen, len(bulk))
        sender.join()
        assert received == data
        assert seen, "nothing was handed over"
    eventually(lambda: len(bulk) == 0)


@pytest.mark.parametrize("faulty", [False, True])
def test_a_transfer_that_becomes_small_is_given_back(harness: Running, bulk: Bulk, faulty: bool) -> None:
    with closing(Upstream()) as upstream:
        proxy = harness.proxy(upstream.address, *[_LATE] * faulty)
        with dial(proxy) as client, upstream.accept() as server:
            sender = threading.Thread(target=client.sendall, args=(bytes(20 * _MB),))
            sender.start()
            read_exactly(server, 20 * _MB)
            sender.join()
            assert len(bulk) == 1
            for _ in range(40):
                client.sendall(b"small")
                assert read_exactly(server, 5) == b"small"
            assert len(bulk) == 0


def test_who_does_not_read_stops_a_transfer_with_a_fault_and_the_buffer_stays_in_its_bounds(
    harness: Running, bulk: Bulk
) -> None:
    proxy = harness.proxy("127.0.0.1:1", fault("bandwidth", stream="upstream", rate="500MB/s"))
    budget = harness.registry.engine.budget
    with flowing(proxy) as flow:
        flow.check_until(lambda: len(bulk) == 1)
        harness.update(proxy, "bandwidth", rate="0")
        sent = proxy.traffic["upstream"]
        before = -1

        def settled() -> bool:
            nonlocal before
            known, before = before, sent.received
            return known == before

        eventually(settled)
        assert budget.used <= budget.limit + 2 * _MB
        harness.update(proxy, "bandwidth", rate="500MB/s")
        flow.check_until(lambda: len(bulk) == 1)
        flow.check(20 * _MB)
    eventually(lambda: budget.used == 0)


def test_pipes_are_given_back(harness: Running, bulk: Bulk) -> None:
    proxy = harness.proxy("127.0.0.1:1")
    before = open_files()
    for _ in range(3):
        with flowing(proxy) as flow:
            flow.check_until(lambda: bulk.spliced == 1)
        eventually(lambda: proxy.live == 0)
    eventually(lambda: open_files() <= before, "release of the pipes")


def test_it_is_taken_back_though_descriptors_became_scarce(harness: Running, bulk: Bulk) -> None:
    """Whether another link may be handed over says nothing about those that were."""
    proxy = harness.proxy("127.0.0.1:1")
    with flowing(proxy) as flow:
        flow.check_until(lambda: bulk.spliced == 1)
        harness.registry.engine.headroom.capacity = 1
        harness.add(proxy, _LATE)
        assert bulk.spliced == 0
        flow.check(20 * _MB)
        harness.remove(proxy, "latency")
        flow.check(20 * _MB)
        assert bulk.spliced == 0


def test_a_sink_that_is_reset_during_a_transfer_is_a_reset_for_its_source(harness: Running, bulk: Bulk) -> None:
    """Whether the kernel tells it when bytes go in or when they come out: it is never the other peer's end."""
    for _ in range(20):
        proxy = harness.proxy("127.0.0.1:1")
        with closing(Upstream()) as upstream:
            proxy.upstream = upstream.address
            with dial(proxy) as client, upstream.accept() as server:
                while not bulk.spliced:
                    client.sendall(_PATTERN * 4)
                    read_exactly(server, len(_PATTERN) * 4)
                client.sendall(_PATTERN * 16)
                reset(server)
                assert _end_of_sending(client) == "reset"
        harness.call(harness.registry.delete("p"))


def _end_of_sending(client: socket.socket) -> str:
    """Sends until the connection ends, and says how it did."""
    client.setblocking(False)
    while select.select([client], [client], [], SECONDS) != ([], [], []):
        for step in (lambda: client.recv(1), lambda: client.send(_PATTERN)):
            try:
                if not step():
                    return "FIN"
            except BlockingIOError:
                continue
            except ConnectionResetError:
                return "reset"
    return "nothing"
