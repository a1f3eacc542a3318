"""A connection on real sockets, its time in the test's hands: the dial, the ends, and what is left of it.

Who sees which end of a stream is in tests/e2e/test_faithful.py.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import ClassVar, Final

import pytest

from brownout_core.faults.noop import Noop
from brownout_core.faults.spec import UPSTREAM, FaultSpec, Stage, StageContext
from brownout_proxy.relay import connection as module
from brownout_proxy.relay.connection import Connection
from brownout_proxy.relay.endpoint import Endpoint
from brownout_proxy.server.proxy import Proxy
from tests.support.fakes.relay import VirtualClock
from tests.support.running import (
    Running,
    Upstream,
    black_hole,
    dial,
    eventually,
    fault,
    nobody,
    open_files,
    read_all,
    read_exactly,
    reset,
    running,
)

_PATIENCE: Final = 1.0
"""The dial timeout, in seconds of the virtual clock; it passes before `_LINGER` does."""
_DATA: Final = random.Random(3).randbytes(100_000)


class Bench:
    """A proxy whose connections live by a clock that stands still until `pass_`."""

    def __init__(self, harness: Running) -> None:
        self.harness = harness
        self.clock = VirtualClock()

    def proxy(self, upstream: str, *faults: FaultSpec) -> Proxy:
        proxy = self.harness.proxy(upstream, *faults)
        proxy.clock = self.clock
        return proxy

    def pass_(self, seconds: float) -> None:
        self.harness.ask(lambda: self.clock.advance(seconds))
        self.settle()

    def settle(self) -> None:
        """Lets the loop do what it has to do by now."""
        for _ in range(5):
            self.harness.ask(lambda: None)

    def end(self, connection: Connection) -> None:
        self.harness.ask(lambda: connection.end("close"))

    @property
    def timers(self) -> int:
        return sum(1 for _, _, timer in self.clock._heap if timer.callback is not None)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with running(dial_timeout=_PATIENCE) as harness:
        yield Bench(harness)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with closing(Upstream()) as upstream:
        yield upstream


def the_connection(proxy: Proxy) -> Connection:
    eventually(lambda: proxy.live == 1)
    return next(iter(proxy._connections))


@contextmanager
def joined(proxy: Proxy, upstream: Upstream) -> Iterator[tuple[Connection, socket.socket, socket.socket]]:
    """A connection with both of its peers: the client and the server."""
    with dial(proxy) as client, upstream.accept() as server:
        connection = the_connection(proxy)
        eventually(lambda: connection.upstream is not None and connection.up.sink is not None)
        yield connection, client, server


def hears_nothing(peer: socket.socket) -> bool:
    return not select.select([peer], [], [], 0)[0]


def was_reset(peer: socket.socket) -> bool:
    poll = select.poll()
    poll.register(peer, 0)  # errors are always reported
    return any(events & select.POLLERR for _, events in poll.poll(0))


@pytest.mark.parametrize("abort", [False, True])
def test_a_client_whose_transport_is_not_made_yet_holds_up_no_end_of_the_others(
    bench: Bench, upstream: Upstream, abort: bool
) -> None:
    proxy = bench.proxy(upstream.address)
    with joined(proxy, upstream) as (_, client, server):
        early = bench.harness.ask(proxy._accept)  # as uvloop does it, a turn before connection_made
        assert isinstance(early, Endpoint)
        bench.harness.ask(lambda: proxy.drop_connections(abort=abort))
        assert read_all(client) == read_all(server) == b""
        host, _, port = upstream.address.rpartition(":")
        bench.harness.call(bench.harness.loop.create_connection(lambda: early, host, int(port)))
        with upstream.accept() as peer:
            assert read_all(peer) == b""
        client.close()
        server.close()
        eventually(lambda: proxy.live == 0)


# Dialling.


def test_keep_alive_is_for_upstreams_that_last_a_dial_timeout(bench: Bench, upstream: Upstream) -> None:
    with joined(bench.proxy(upstream.address), upstream) as (connection, client, server):
        side = connection.upstream
        assert side is not None

        def probes() -> int:
            return bench.harness.ask(lambda: side.socket().getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

        bench.pass_(_PATIENCE - 0.001)
        assert not probes()
        bench.pass_(0.001)
        assert probes()
        client.sendall(b"still here")
        assert read_exactly(server, 10) == b"still here"


def test_a_dial_that_is_refused_ends_in_fin_and_is_counted_once(bench: Bench) -> None:
    with nobody() as address, dial(proxy := bench.proxy(address)) as client:
        client.sendall(_DATA)
        assert read_all(client) == b""
        client.sendall(_DATA)  # is read and forgotten: what is not would bring RST
        bench.pass_(_PATIENCE)
        assert not was_reset(client)
        assert proxy.live == 1
    eventually(lambda: proxy.live == 0)
    assert proxy.dial_failures == sum(proxy.dial_counts) == 1
    assert bench.timers == 0


def test_an_upstream_that_is_no_address_is_a_dial_that_failed(bench: Bench) -> None:
    proxy = bench.proxy("nonsense")
    with dial(proxy) as client:
        assert read_all(client) == b""
    assert proxy.dial_failures == 1


def test_a_dial_without_an_answer_is_given_up_after_the_dial_timeout_and_counted_once(bench: Bench) -> None:
    with black_hole() as address:
        proxy = bench.proxy(address)
        with dial(proxy) as client:
            client.sendall(b"anybody?")
            the_connection(proxy)
            eventually(lambda: bench.timers == 1)
            bench.pass_(_PATIENCE - 0.001)
            assert hears_nothing(client)
            assert proxy.dial_failures == 0
            bench.pass_(0.001)
            assert read_all(client) == b""
            assert bench.harness.tasks() == 0
        eventually(lambda: proxy.live == 0)
        assert bench.timers == 0
    assert proxy.dial_failures == sum(proxy.dial_counts) == 1
    assert proxy.dial_seconds == _PATIENCE


def test_the_dial_timeout_begins_with_the_dial_and_not_with_what_delays_it(bench: Bench) -> None:
    with black_hole() as address:
        proxy = bench.proxy(address, fault("slow_open", delay="60s"))
        with dial(proxy) as client:
            eventually(lambda: bench.timers == 1)
            bench.pass_(60)
            eventually(lambda: bench.timers == 1)
            bench.pass_(_PATIENCE * 0.9)
            assert hears_nothing(client)
            bench.pass_(_PATIENCE * 0.1)
            assert read_all(client) == b""
    assert proxy.dial_failures == 1
    assert proxy.dial_seconds == _PATIENCE


def test_a_connection_that_a_fault_opens_late_has_met_it_once(bench: Bench, upstream: Upstream) -> None:
    proxy = bench.proxy(upstream.address, fault("slow_open", delay="60s"))
    with dial(proxy) as client:
        eventually(lambda: bench.timers == 1)
        bench.pass_(60)
        with upstream.accept() as server:
            client.sendall(b"hello")
            assert server.recv(5) == b"hello"
            (active,) = proxy.faults
            assert (active.hits, active.connections) == (1, 1)


@pytest.mark.parametrize("slowly", [False, True])
def test_a_client_that_leaves_during_the_dial_cancels_it_and_leaves_nothing(bench: Bench, slowly: bool) -> None:
    with black_hole() as address:
        proxy = bench.proxy(address, *[fault("slow_open", delay="1h")] * slowly)
        eventually(lambda: bench.harness.tasks() == 0)
        before = open_files()
        client = dial(proxy)
        eventually(lambda: bench.timers == 1)
        assert bench.harness.tasks() == 1
        reset(client)
        eventually(lambda: proxy.live == 0 and bench.harness.tasks() == 0)
        assert bench.timers == 0
        eventually(lambda: open_files() <= before)
        assert proxy.dial_failures == sum(proxy.dial_counts) == 0


def test_an_upstream_that_answers_too_late_is_closed_and_changes_nothing(bench: Bench, upstream: Upstream) -> None:
    with black_hole() as address:
        proxy = bench.proxy(address)
        client = dial(proxy)
        connection = the_connection(proxy)
        eventually(lambda: bench.timers == 1)
        reset(client)
        eventually(lambda: proxy.live == 0)
    host, _, port = upstream.address.rpartition(":")
    loop = bench.harness.loop
    bench.harness.call(loop.create_connection(lambda: Endpoint(connection), host, int(port)))
    with upstream.accept() as server:
        assert read_all(server) == b""
    assert connection.upstream is None
    assert bench.harness.registry.engine.headroom.used == 0


# Ends.


def test_what_was_sent_is_read_by_a_peer_that_itself_goes_on_sending(bench: Bench, upstream: Upstream) -> None:
    proxy = bench.proxy(upstream.address)
    with joined(proxy, upstream) as (connection, client, server):
        client.sendall(_DATA)
        server.sendall(_DATA)
        eventually(lambda: proxy.traffic["downstream"].sent == proxy.traffic["upstream"].sent == len(_DATA))
        bench.end(connection)
        for _ in range(20):
            client.sendall(_DATA)
            server.sendall(_DATA)
        assert read_all(client) == read_all(server) == _DATA
        assert not was_reset(client)
        assert not was_reset(server)


def test_both_sides_are_closed_after_the_second_fin(bench: Bench, upstream: Upstream) -> None:
    proxy = bench.proxy(upstream.address)
    before = open_files()
    with joined(proxy, upstream) as (connection, client, server):
        bench.end(connection)
        client.shutdown(socket.SHUT_WR)
        eventually(lambda: connection.client.lost)
        assert proxy.live == 1
        server.shutdown(socket.SHUT_WR)
        eventually(lambda: proxy.live == 0)
        assert bench.timers == 0
    eventually(lambda: open_files() <= before)


def test_a_peer_that_had_ended_before_is_not_waited_for(bench: Bench, upstream: Upstream) -> None:
    proxy = bench.proxy(upstream.address)
    with joined(proxy, upstream) as (connection, client, server):
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b""
        bench.end(connection)
        eventually(lambda: connection.client.lost)
        server.close()
        eventually(lambda: proxy.live == 0)


def test_peers_that_never_close_are_parted_with_after_a_while(bench: Bench, upstream: Upstream) -> None:
    proxy = bench.proxy(upstream.address)
    with joined(proxy, upstream) as (connection, client, server):
        bench.end(connection)
        bench.end(connection)  # does not begin anew
        bench.pass_(module._LINGER - 0.001)
        assert proxy.live == 1
        client.sendall(b"x")
        assert read_all(client) == b""
        bench.pass_(0.001)
        eventually(lambda: proxy.live == 0)
        assert bench.timers == 0
        for peer in (client, server):
            with contextlib.suppress(OSError):
                peer.sendall(b"is anybody there?")
        eventually(lambda: was_reset(client) and was_reset(server))


def test_a_reset_reaches_both_peers_at_once_also_in_the_middle_of_a_close(bench: Bench, upstream: Upstream) -> None:
    proxy = bench.proxy(upstream.address)
    with joined(proxy, upstream) as (connection, client, server):
        bench.end(connection)
        bench.harness.ask(lambda: connection.end("reset"))
        eventually(lambda: proxy.live == 0)
        eventually(lambda: was_reset(client) and was_reset(server))
    assert bench.timers == 0


def test_a_peer_that_takes_nothing_is_parted_with_also_when_both_had_ended(bench: Bench, upstream: Upstream) -> None:
    proxy = bench.proxy(upstream.address)
    with joined(proxy, upstream) as (connection, client, server):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport = connection.client.transport
        ours = bench.harness.ask(connection.client.socket)
        bench.harness.ask(lambda: ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096))
        client.shutdown(socket.SHUT_WR)
        while not bench.harness.ask(transport.get_write_buffer_size):
            server.sendall(_DATA[:10_000])
            bench.settle()
        server.close()
        eventually(lambda: connection.down.done)
        bench.end(connection)
        bench.pass_(module._LINGER)
        assert proxy.live == 0


# Bugs.


class _Unlucky(Stage):
    def delay(self, offset: int) -> float:
        if offset == 13:
            raise ZeroDivisionError("a bug")
        return 0.0

    def narrow(self, offset: int, size: int) -> int:
        return 1


class Unlucky(Noop):
    """Fails at offset 13."""

    kind: ClassVar[str] = "unlucky"

    def stage(self, site: StageContext) -> Stage:
        return _Unlucky()


def test_a_fault_that_raises_closes_its_own_connection_and_is_named_in_one_line(
    bench: Bench, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = bench.proxy(upstream.address, FaultSpec("the-bad-one", Unlucky(), UPSTREAM))
    with dial(proxy) as client, upstream.accept() as server, dial(proxy) as other, upstream.accept() as its_server:
        client.sendall(bytes(20))
        eventually(lambda: proxy.live == 1)
        with contextlib.suppress(ConnectionResetError):
            assert read_all(client) == b""
        with contextlib.suppress(ConnectionResetError):
            read_all(server)
        other.sendall(b"twelve bytes")
        assert read_exactly(its_server, 12) == b"twelve bytes"
    eventually(lambda: proxy.live == 0)
    assert bench.timers == 0
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "proxy p, connection 1, upstream failed and is closed; faults: the-bad-one" in errors[0].getMessage()
    assert errors[0].exc_info


class Stillborn(Noop):
    """Fails before there is a byte."""

    kind: ClassVar[str] = "stillborn"
    early: bool = False

    def stage(self, site: StageContext) -> Stage:
        raise ZeroDivisionError("a bug")

    def dial_delay(self) -> float:
        return 1 / 0 if self.early else 0.0


@pytest.mark.parametrize("early", [False, True])
def test_a_fault_that_raises_before_there_is_a_byte_closes_its_connection(
    bench: Bench, upstream: Upstream, early: bool
) -> None:
    proxy = bench.proxy(upstream.address, FaultSpec("the-bad-one", Stillborn(early=early), UPSTREAM))
    with dial(proxy) as client:
        eventually(lambda: proxy.accepted == 1)
        bench.settle()
        assert not hears_nothing(client)
