"""What is reported of sockets that nobody reads: errors and hang-ups, once, until they are forgotten."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from brownout_proxy.relay.hangups import Hangups
from tests.support.running import Running, eventually, reset, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports what nobody asked for")


class Peer:
    """A connected socket that counts what is reported of it."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.other = socket.create_connection(listener.getsockname())
            self.socket, _ = listener.accept()
        self.watched = -1
        self.lost = False
        self.reports = 0

    def fileno(self) -> int:
        return self.socket.fileno()

    def hung_up(self) -> None:
        self.reports += 1

    def close(self) -> None:
        self.socket.close()
        self.other.close()


@pytest.fixture
def harness() -> Iterator[Running]:
    with running() as harness:
        yield harness


@pytest.fixture
def hangups(harness: Running) -> Iterator[Hangups]:
    made = harness.ask(lambda: Hangups(harness.loop))
    yield made
    harness.ask(made.close)


@pytest.fixture
def peer() -> Iterator[Peer]:
    with closing(Peer()) as peer:
        yield peer


def settle(harness: Running) -> None:
    for _ in range(3):
        harness.call(asyncio.sleep(0))


def test_bytes_and_fin_are_no_reports(harness: Running, hangups: Hangups, peer: Peer) -> None:
    harness.ask(lambda: hangups.watch(peer))
    peer.other.sendall(b"x")
    peer.other.shutdown(socket.SHUT_WR)
    assert select.select([peer.socket], [], [], 10)[0]
    settle(harness)
    assert peer.reports == 0


def test_a_reset_is_reported_once(harness: Running, hangups: Hangups, peer: Peer) -> None:
    harness.ask(lambda: hangups.watch(peer))
    reset(peer.other)
    eventually(lambda: peer.reports)
    settle(harness)
    assert peer.reports == 1


def test_what_is_already_so_is_reported_when_it_is_watched_and_watched_anew(
    harness: Running, hangups: Hangups, peer: Peer
) -> None:
    reset(peer.other)
    harness.ask(lambda: hangups.watch(peer))
    eventually(lambda: peer.reports == 1)
    harness.ask(lambda: hangups.watch(peer))
    eventually(lambda: peer.reports == 2)
    assert len(hangups) == 1


def test_a_socket_that_is_forgotten_is_not_reported(harness: Running, hangups: Hangups, peer: Peer) -> None:
    harness.ask(lambda: hangups.watch(peer))
    harness.ask(lambda: hangups.forget(peer))
    assert (len(hangups), peer.watched) == (0, -1)
    reset(peer.other)
    settle(harness)
    assert peer.reports == 0
    harness.ask(lambda: hangups.forget(peer))  # once more is no error


def test_a_descriptor_that_is_used_again_reports_its_new_socket_alone(harness: Running, hangups: Hangups) -> None:
    with closing(Peer()) as old:
        harness.ask(lambda: hangups.watch(old))
        number = old.fileno()
    with closing(Peer()) as new:
        while new.fileno() != number:
            new.socket = socket.socket(fileno=_moved(new.socket, number))
        harness.ask(lambda: hangups.watch(new))
        harness.ask(lambda: hangups.forget(old))
        reset(new.other)
        eventually(lambda: new.reports == 1)
    assert old.reports == 0


def test_what_is_watched_soon_is_watched_unless_it_was_lost_meanwhile(harness: Running, hangups: Hangups) -> None:
    with closing(Peer()) as lasting, closing(Peer()) as short:

        def soon() -> None:
            for peer in (lasting, short):
                hangups.watch_soon(peer)
            short.lost = True

        harness.ask(soon)
        reset(lasting.other)
        reset(short.other)
        eventually(lambda: lasting.reports == 1)
        settle(harness)
        assert (short.reports, len(hangups)) == (0, 1)


def _moved(sock: socket.socket, number: int) -> int:
    os.dup2(sock.fileno(), number)
    sock.close()
    return number
