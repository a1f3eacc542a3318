"""One real socket on the event loop: what it reads, writes and ends is seen by the peer on the other end of it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import random
import select
import socket
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM
from brownout_proxy.relay.budget import Budget
from brownout_proxy.relay.endpoint import Endpoint, keep_alive
from brownout_proxy.relay.link import Link, Traffic
from tests.support.fakes.relay import FakeOwner, FakePort, VirtualClock
from tests.support.running import SECONDS, Running, Upstream, eventually, read_all, read_exactly, reset, running

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps two writes apart, and counts segments")

_DATA_SEGMENTS_IN: Final = 152  # offset of tcpi_data_segs_in in struct tcp_info, linux/tcp.h


class Owner:
    """A connection that only writes down what its side tells it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.errors: list[Exception | None] = []

    def side_ready(self, side: Endpoint) -> None:
        self.told.append("ready")

    def side_eof(self, side: Endpoint) -> None:
        self.told.append("eof")

    def side_lost(self, side: Endpoint, error: Exception | None) -> None:
        self.told.append("lost")
        self.errors.append(error)

    def side_closed(self, side: Endpoint) -> None:
        self.told.append("closed")


class Turns:
    """Another reader in the transport's place: whether it is its turn, and how often that changed."""

    def __init__(self) -> None:
        self.reading = False
        self.changes = 0

    def pause_reading(self) -> None:
        self.reading, self.changes = False, self.changes + 1

    def resume_reading(self) -> None:
        self.reading, self.changes = True, self.changes + 1


class Bench:
    """A side with its peer. What it reads ends in `sink`; `source` is what it writes for."""

    def __init__(self, harness: Running) -> None:
        self.harness = harness
        self.owner = Owner()
        self.side = Endpoint(self.owner)
        clock = VirtualClock()
        self.source, self.sink = FakePort(clock), FakePort(clock)
        links, budget = FakeOwner(), Budget(1 << 20)
        self.side.reads = Link(UPSTREAM, links, self.side, clock, budget, Traffic())
        self.side.reads.connect(self.sink, self.sink.write)
        with closing(Upstream()) as upstream:
            host, _, port = upstream.address.rpartition(":")
            harness.call(harness.loop.create_connection(lambda: self.side, host, int(port)))
            self.peer = upstream.accept()
        self.side.writes = Link(DOWNSTREAM, links, self.source, clock, budget, Traffic())
        self.side.writes.connect(self.side, self.side.write)
        self.raw = harness.ask(lambda: self.side.socket().dup())
        """A descriptor of the test's own for the side's socket: it says what the kernel knows."""

    def waiting(self) -> int:
        """Bytes that have arrived and that nobody has read."""
        return int(struct.unpack("i", fcntl.ioctl(self.raw, termios.FIONREAD, bytes(4)))[0])

    def arrives(self, size: int) -> None:
        """So many bytes wait in the kernel, and the loop has had the chance to read them."""
        eventually(lambda: self.waiting() == size)
        self.settle()
        assert self.waiting() == size

    def settle(self) -> None:
        for _ in range(3):
            self.harness.call(asyncio.sleep(0))

    def write_segments(self, *pieces: bytes) -> None:
        def write() -> None:
            for piece in pieces:
                self.side.write_segment(piece)

        self.harness.ask(write)

    def forget(self) -> None:
        """Gives up the test's own descriptor, which keeps the socket open."""
        self.raw.close()

    def close(self) -> None:
        self.peer.close()
        self.forget()
        self.harness.ask(self.side.abort)
        eventually(lambda: "lost" in self.owner.told)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with running() as harness, closing(Bench(harness)) as bench:
        yield bench


# Reading.


def test_what_it_receives_is_read_into_its_link_and_its_owner_is_told_of_the_end(bench: Bench) -> None:
    assert bench.owner.told == ["ready"]
    bench.peer.sendall(b"abc")
    bench.peer.shutdown(socket.SHUT_WR)
    eventually(lambda: bench.side.eof)
    assert bench.sink.data == b"abc"
    assert [end for _, end in bench.sink.ends] == ["eof"]
    assert bench.owner.told == ["ready", "eof"]


def test_it_still_writes_after_the_peer_s_fin(bench: Bench) -> None:
    bench.peer.shutdown(socket.SHUT_WR)
    eventually(lambda: bench.side.eof)
    bench.harness.ask(lambda: bench.side.write(b"answer"))
    bench.harness.ask(bench.side.write_eof)
    assert read_all(bench.peer) == b"answer"


def test_pauses_do_not_add_up(bench: Bench) -> None:
    bench.harness.ask(bench.side.pause)
    bench.harness.ask(bench.side.pause)
    bench.peer.sendall(b"abc")
    bench.arrives(3)
    bench.harness.ask(bench.side.resume)
    eventually(lambda: bench.sink.data == b"abc")
    bench.harness.ask(bench.side.resume)
    bench.harness.ask(bench.side.pause)
    bench.peer.sendall(b"de")
    bench.arrives(2)


def test_once_the_peer_has_ended_nothing_makes_it_read_again(bench: Bench) -> None:
    """A transport that is told to go on reads the end once more."""
    bench.peer.shutdown(socket.SHUT_WR)
    eventually(lambda: bench.side.eof)
    bench.harness.ask(bench.side.pause)
    bench.harness.ask(bench.side.resume)
    bench.harness.ask(lambda: bench.side.read_by(None))
    bench.settle()
    assert bench.owner.told == ["ready", "eof"]


def test_a_lost_side_takes_every_order_in_silence(bench: Bench) -> None:
    reset(bench.peer)
    eventually(lambda: bench.side.lost)
    side = bench.side
    for order in (side.pause, side.resume, side.write_eof, side.reset, side.abort, lambda: side.read_by(None)):
        bench.harness.ask(order)
    bench.settle()
    assert bench.owner.told == ["ready", "lost"]
    assert [type(error) for error in bench.owner.errors] == [ConnectionResetError]


def test_a_lost_side_leaves_its_reader_alone(bench: Bench) -> None:
    """The descriptor may be another socket's by now."""
    reader = Turns()
    bench.harness.ask(lambda: bench.side.read_by(reader))
    for order in (bench.side.abort, bench.side.pause, bench.side.resume, lambda: bench.side.read_by(None)):
        bench.harness.ask(order)
    assert reader.changes == 1


def test_another_reader_takes_the_transport_s_place_and_gives_it_back(bench: Bench) -> None:
    reader = Turns()
    bench.harness.ask(lambda: bench.side.read_by(reader))
    assert reader.reading
    bench.peer.sendall(b"for the other")
    bench.arrives(13)
    assert bench.raw.recv(100) == b"for the other"
    bench.harness.ask(bench.side.pause)
    bench.harness.ask(bench.side.pause)
    assert not reader.reading
    bench.harness.ask(bench.side.resume)
    assert reader.reading
    bench.harness.ask(lambda: bench.side.read_by(None))
    assert not reader.reading
    assert reader.changes == 4
    bench.peer.sendall(b"for the transport")
    eventually(lambda: bench.sink.data == b"for the transport")


def test_who_reads_changes_without_anybody_reading_while_it_is_paused(bench: Bench) -> None:
    reader = Turns()
    bench.harness.ask(bench.side.pause)
    bench.harness.ask(lambda: bench.side.read_by(reader))
    assert not reader.reading
    bench.peer.sendall(b"abc")
    bench.arrives(3)
    bench.harness.ask(lambda: bench.side.read_by(None))
    bench.arrives(3)
    assert not reader.changes
    bench.harness.ask(bench.side.resume)
    eventually(lambda: bench.sink.data == b"abc")
    assert not reader.changes


# Writing.


def test_a_peer_that_does_not_read_pauses_what_it_is_written_for(bench: Bench) -> None:
    data = random.Random(1).randbytes(20_000_000)
    bench.harness.ask(lambda: bench.side.write(data))
    assert bench.side.blocked
    assert bench.source.paused
    assert read_exactly(bench.peer, len(data)) == data
    eventually(lambda: not bench.side.blocked)
    assert not bench.source.paused


def _data_segments(receiver: socket.socket) -> int:
    info = receiver.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("I", info, _DATA_SEGMENTS_IN)[0])


@linux
def test_each_write_of_segments_leaves_in_one_of_its_own(bench: Bench) -> None:
    """A corked socket keeps small writes back to join them: without MSG_EOR all five are one segment."""
    bench.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    bench.write_segments(b"a", b"bc", b"d", b"ef", b"g")
    bench.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    assert read_exactly(bench.peer, 7) == b"abcdefg"
    assert _data_segments(bench.peer) == 5


def test_what_the_socket_does_not_take_of_a_segment_follows_in_order(bench: Bench) -> None:
    pieces = [random.Random(n).randbytes(8_000_000) for n in range(2)]
    bench.write_segments(*pieces, b"small")
    assert bench.side.transport.get_write_buffer_size() > 0
    assert read_exactly(bench.peer, 16_000_005) == b"".join(pieces) + b"small"
    eventually(lambda: not bench.side.blocked)
    bench.write_segments(b"later")
    assert read_exactly(bench.peer, 5) == b"later"


def test_a_segment_does_not_overtake_what_the_transport_still_holds(bench: Bench) -> None:
    data = random.Random(2).randbytes(20_000_000)
    received = bytearray()

    def make_room_and_write() -> None:
        """While the loop is busy here, its transport cannot use the room."""
        bench.peer.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                received.extend(bench.peer.recv(1 << 20))
        assert select.select([], [bench.raw], [], 0)[1]
        bench.side.write_segment(b"last")

    bench.write_segments(b"first")
    bench.harness.ask(lambda: bench.side.write(data))
    bench.harness.ask(make_room_and_write)
    bench.peer.settimeout(SECONDS)
    received += read_exactly(bench.peer, len(data) + 9 - len(received))
    assert received == b"first" + data + b"last"


def test_any_byte_of_a_segment_that_has_to_wait_blocks_the_port(bench: Bench) -> None:
    """So that the pieces behind it wait in the link, where they stay apart."""
    filled = 0
    bench.raw.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += bench.raw.send(bytes(100_000))
    bench.write_segments(b"x")
    assert bench.side.blocked
    assert bench.source.paused
    assert read_exactly(bench.peer, filled + 1)[-1:] == b"x"
    eventually(lambda: not bench.side.blocked)
    assert not bench.source.paused


def test_a_segment_for_a_peer_that_has_gone_does_not_hide_the_rst_from_the_owner(bench: Bench) -> None:
    def write_behind_the_reset() -> None:
        reset(bench.peer)  # while the loop is busy here, its transport cannot know
        bench.side.write_segment(b"x")

    bench.harness.ask(write_behind_the_reset)
    eventually(lambda: len(bench.owner.told) > 1)
    assert bench.owner.told == ["ready", "lost"]


# Ends.


@pytest.mark.parametrize("duplicated", [False, True])
def test_reset_is_rst_on_the_wire(bench: Bench, duplicated: bool) -> None:
    bench.forget()
    if duplicated:
        bench.write_segments(b"x")  # needs a descriptor of its own
        assert read_exactly(bench.peer, 1) == b"x"
    bench.harness.ask(bench.side.reset)
    with pytest.raises(ConnectionResetError):
        bench.peer.recv(1)
    bench.harness.ask(bench.side.reset)
    assert bench.owner.told == ["ready", "lost"]


def test_reset_does_not_wait_for_what_is_unsent(bench: Bench) -> None:
    bench.forget()
    bench.harness.ask(lambda: bench.side.write(bytes(20_000_000)))
    bench.harness.ask(bench.side.reset)
    eventually(lambda: "lost" in bench.owner.told)
    with pytest.raises(ConnectionResetError):
        read_all(bench.peer)


def test_abort_is_rst_where_bytes_are_unsent_as_fin_would_say_that_they_were_all(bench: Bench) -> None:
    bench.forget()
    bench.harness.ask(lambda: bench.side.write(bytes(20_000_000)))
    bench.harness.ask(bench.side.abort)
    eventually(lambda: "lost" in bench.owner.told)
    with pytest.raises(ConnectionResetError):
        read_all(bench.peer)


def test_abort_is_fin_where_everything_was_sent(bench: Bench) -> None:
    bench.forget()
    bench.harness.ask(lambda: bench.side.write(b"all"))
    bench.harness.ask(bench.side.abort)
    assert read_all(bench.peer) == b"all"


def test_a_side_that_joins_segments_again_has_its_usual_buffer(bench: Bench) -> None:
    _, high = bench.harness.ask(bench.side.transport.get_write_buffer_limits)
    bench.write_segments(b"x", b"y")
    assert bench.harness.ask(bench.side.transport.get_write_buffer_limits) == (0, 0)
    bench.harness.ask(bench.side.join_segments)
    assert bench.harness.ask(bench.side.transport.get_write_buffer_limits)[1] == high


def test_segments_leave_nothing_behind_when_the_socket_is_closed(bench: Bench) -> None:
    bench.write_segments(b"x")
    bench.forget()
    bench.harness.ask(bench.side.transport.close)
    assert read_all(bench.peer) == b"x"


def test_a_connection_that_the_kernel_reports_gone_is_told_to_the_owner_once_and_closed(bench: Bench) -> None:
    error = ConnectionResetError("gone")

    def report_twice() -> None:
        bench.side.broken(error)
        bench.side.broken(error)
        assert bench.owner.errors == [error]

    bench.forget()
    bench.harness.ask(report_twice)
    assert read_all(bench.peer) == b""
    bench.settle()
    assert [told for told in bench.owner.errors if told is not None] == [error]


def test_a_side_that_is_lost_already_has_nothing_to_report(bench: Bench) -> None:
    def report() -> None:
        bench.side.reset()
        bench.side.broken(OSError("gone"))
        assert bench.owner.errors == []

    bench.harness.ask(report)
    eventually(lambda: bench.owner.errors == [None])


# Keep-alive.


def test_a_peer_that_vanishes_is_looked_for_and_the_descriptor_stays_open(bench: Bench) -> None:
    assert not bench.raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    bench.harness.ask(bench.side.keep_alive)
    assert bench.raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if sys.platform == "linux":
        assert bench.raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15
    bench.forget()
    bench.harness.ask(lambda: bench.side.write(b"open"))
    assert read_exactly(bench.peer, 4) == b"open"
    assert not select.select([bench.peer], [], [], 0)[0]


def test_a_unix_socket_has_no_keep_alive_and_that_is_no_error() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        keep_alive(one)
        one.sendall(b"x")
        assert other.recv(1) == b"x"


def test_a_hang_up_of_a_side_that_is_read_is_left_to_its_transport(bench: Bench) -> None:
    bench.harness.ask(bench.side.hung_up)
    assert bench.owner.told == ["ready"]


def test_a_hang_up_after_fin_is_the_peer_s_close(bench: Bench) -> None:
    bench.peer.shutdown(socket.SHUT_WR)
    eventually(lambda: bench.side.eof)
    bench.harness.ask(bench.side.hung_up)
    assert bench.owner.told == ["ready", "eof", "closed"]


def test_a_hang_up_with_an_error_after_fin_is_a_reset(bench: Bench) -> None:
    bench.peer.shutdown(socket.SHUT_WR)
    eventually(lambda: bench.side.eof)
    reset(bench.peer)
    eventually(lambda: select.select([], [bench.raw], [], 0)[1])
    bench.harness.ask(bench.side.hung_up)
    assert bench.owner.told[:3] == ["ready", "eof", "lost"]
    assert isinstance(bench.owner.errors[0], OSError)


def test_a_side_is_stalled_while_it_is_paused_and_its_transport_is_its_reader(bench: Bench) -> None:
    assert not bench.side.stalled
    bench.harness.ask(bench.side.pause)
    assert bench.side.stalled
    bench.side.reads.handed_over = True
    assert not bench.side.stalled
    bench.side.reads.handed_over = False
    bench.harness.ask(bench.side.resume)
    assert not bench.side.stalled
