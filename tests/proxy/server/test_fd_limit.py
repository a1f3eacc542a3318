"""Listeners wait while connections use up the limit of open files: real listeners, a limit that is only a number."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from typing import Final, cast

import pytest

from brownout_core.address import Address
from brownout_proxy.server import fd_limit as module
from brownout_proxy.server.fd_limit import FdLimit
from brownout_proxy.server.listener import Listener
from tests.support.running import SECONDS, Running, eventually, read_exactly, running

_LIMIT: Final = 292  # 292 - 64 - 2 * 16 is 196 files for 98 connections; 95 % of them are 93.1


class Greeter(asyncio.Protocol):
    """Says hello and goodbye."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        stream.write(b"hello")
        stream.close()


class Bench:
    """A headroom with a limit of its own, and listeners that it may pause."""

    def __init__(self, harness: Running) -> None:
        self._harness = harness
        self._listeners: list[Listener] = []
        self.headroom = FdLimit(harness.loop, _LIMIT)

    def add(self) -> Listener:
        async def add() -> Listener:
            listener = Listener(Address("127.0.0.1", 0), 8)
            self._listeners.append(listener)
            await listener.serve(self._harness.loop, Greeter)
            self.headroom.add(listener)
            return listener

        return self._harness.call(add())

    def remove(self, listener: Listener) -> None:
        self._harness.ask(lambda: self.headroom.remove(listener))

    def turn(self, *changes: int) -> None:
        """In one turn of the loop so many connections begin, or end where the number is negative."""

        def change() -> None:
            for count in changes:
                for _ in range(abs(count)):
                    (self.headroom.opened if count > 0 else self.headroom.closed)()

        self._harness.ask(change)
        self.settle()

    def serves(self, listener: Listener) -> bool:
        """Whether a client of it is served. Accepting takes one turn of the loop once the kernel has connected it."""
        with socket.create_connection((listener.address.host, listener.address.port), SECONDS) as client:
            self.settle()
            client.setblocking(False)
            try:
                return read_exactly(client, 5) == b"hello"
            except BlockingIOError:
                return False

    def use(self, files: int) -> None:
        self._harness.ask(lambda: self.headroom.use(files))
        self.settle()

    def ran_out(self) -> None:
        self._harness.ask(self.headroom.ran_out)
        self.settle()

    def settle(self) -> None:
        """Lets the loop do what it has to do by now."""
        for _ in range(5):
            self._harness.call(asyncio.sleep(0))

    def stop(self) -> None:
        def stop() -> None:
            for listener in self._listeners:
                listener.close()

        self._harness.ask(stop)
        self.settle()


@pytest.fixture
def bench() -> Iterator[Bench]:
    with running() as harness:
        bench = Bench(harness)
        yield bench
        bench.stop()


@pytest.mark.parametrize(
    ("limit", "capacity"),
    [
        (_LIMIT, 196),
        (1024, 928),
        (1 << 20, 1_048_480),
        (110, 14),
        (16, 8),  # hopeless, but not refused
    ],
)
def test_two_files_for_each_client_of_one_turn_are_kept_free(limit: int, capacity: int) -> None:
    with asyncio.Runner() as runner:
        headroom = FdLimit(runner.get_loop(), limit)
    assert headroom.capacity == capacity


def test_every_listener_is_paused_when_the_capacity_is_reached_and_not_before(bench: Bench) -> None:
    listeners = [bench.add(), bench.add()]
    bench.turn(97)
    assert [bench.serves(listener) for listener in listeners] == [True, True]
    assert not bench.headroom.full
    bench.turn(1)
    assert [bench.serves(listener) for listener in listeners] == [False, False]
    assert bench.headroom.full


def test_they_go_on_below_95_percent_and_not_before(bench: Bench) -> None:
    listeners = [bench.add(), bench.add()]
    bench.turn(98)
    bench.turn(-4)
    assert bench.headroom.used == 188
    assert [bench.serves(listener) for listener in listeners] == [False, False]
    bench.turn(-1)
    assert [bench.serves(listener) for listener in listeners] == [True, True]


def test_a_client_that_waited_is_served_when_they_go_on(bench: Bench) -> None:
    listener = bench.add()
    bench.turn(98)
    with socket.create_connection((listener.address.host, listener.address.port), SECONDS) as client:
        client.setblocking(False)
        bench.settle()
        with pytest.raises(BlockingIOError):
            client.recv(5)
        client.settimeout(SECONDS)
        bench.turn(-5)
        assert read_exactly(client, 5) == b"hello"


def test_one_warning_when_it_is_full_and_none_for_each_client_at_the_edge(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warnings() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]

    bench.turn(97)
    assert warnings() == []
    bench.turn(10)
    bench.turn(-5)
    bench.turn(5)
    assert len(warnings()) == 1
    assert warnings()[0].startswith("196 open files are all that the limit allows")
    bench.turn(-20)
    bench.turn(20)
    assert len(warnings()) == 1
    monkeypatch.setattr(module, "_QUIET", 0.0)
    bench.headroom._quiet_until = 0.0
    bench.turn(-20)
    bench.turn(20)
    assert len(warnings()) == 2


def test_a_listener_that_cannot_go_on_tries_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = bench.add()
    bench.turn(98)
    resume, failures = listener.resume, [OSError(errno.EMFILE, "too many open files")]

    async def unlucky() -> None:
        if failures:
            raise failures.pop()
        await resume()

    monkeypatch.setattr(module, "_RETRY", 0.001)
    monkeypatch.setattr(listener, "resume", unlucky)
    bench.turn(-5)
    eventually(lambda: bench.serves(listener))
    assert not failures


def test_other_files_count_too(bench: Bench) -> None:
    listener = bench.add()
    bench.turn(97)
    bench.use(2)
    assert not bench.serves(listener)
    bench.use(-12)
    assert bench.serves(listener)


def test_connections_that_end_before_the_pause_takes_effect_leave_nobody_waiting(bench: Bench) -> None:
    listener = bench.add()
    bench.turn(98, -5)
    assert bench.serves(listener)
    assert not bench.headroom.full


def test_it_may_be_full_again_while_listeners_are_about_to_go_on(bench: Bench) -> None:
    listener = bench.add()
    bench.turn(98)
    bench.turn(-5, 5)
    assert not bench.serves(listener)
    bench.turn(-5)
    assert bench.serves(listener)


def test_a_listener_that_is_added_while_it_is_full_is_paused_until_there_is_room(bench: Bench) -> None:
    bench.turn(98)
    listener = bench.add()
    assert not bench.serves(listener)
    bench.turn(-5)
    assert bench.serves(listener)


def test_a_listener_that_was_removed_is_neither_paused_nor_resumed(bench: Bench) -> None:
    served, paused = bench.add(), bench.add()
    bench.remove(served)
    bench.turn(98)
    assert bench.serves(served)
    bench.remove(paused)
    bench.turn(-5)
    assert not bench.serves(paused)
    bench.remove(paused)  # once more is no error


def test_descriptors_may_be_spent_on_pipes_below_a_quarter_of_the_capacity(bench: Bench) -> None:
    assert bench.headroom.capacity // 4 == 49
    bench.turn(24)
    assert bench.headroom.allows_pipes
    bench.turn(1)
    assert not bench.headroom.allows_pipes
    bench.turn(-1)
    assert bench.headroom.allows_pipes


def test_where_the_system_refuses_a_file_clients_wait_for_a_moment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_RETRY", 0.05)
    listener = bench.add()
    bench.ran_out()
    bench.ran_out()
    assert not bench.serves(listener)
    eventually(lambda: bench.serves(listener), "the listener going on")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
