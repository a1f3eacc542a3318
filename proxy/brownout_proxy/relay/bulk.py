"""Bulk transfers, which leave the loop's transport: it reads 256 kB at a time and copies every byte once more.

Without faults the kernel moves the bytes: splice(2) from socket to pipe to socket, none of them in user space. With
faults they are read in large pieces into the memory in which the link keeps them. That cuts the processor time per byte
to a third and to two thirds (docs/decisions/0001). A link is handed over once it moves bulk, and taken back when its
faults change, when the stream ends, or when it is bulk no more. The sockets are watched by an epoll set of our own: the
loop's transports keep the same sockets in theirs, and pausing here is one epoll_ctl instead of a handle made and
destroyed. Linux only.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import select
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from brownout_proxy.relay.budget import Budget
from brownout_proxy.relay.endpoint import Endpoint
from brownout_proxy.relay.link import Link

_ENDS: Final = 2  # descriptors of a pipe
_PIPE: Final = 1 << 20  # bytes; /proc/sys/fs/pipe-max-size for an unprivileged process
_SMALL: Final = 16 * 1024
"""A transfer that brings less at a time is no bulk: a read and a write are cheaper and sooner."""
_SMALL_READS: Final = 16
_BATCH: Final = 64  # events taken before other callbacks of the loop get their turn

AVAILABLE: Final = hasattr(os, "splice") and hasattr(select, "epoll")
_NOTHING: Final = getattr(select, "EPOLLET", 0)
"""Errors and hang-ups, which are always reported, here once."""
_FLAGS: Final = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)

Watch = Callable[[int, int, bool], None]
"""`watch(descriptor, event, wanted)` changes what is waited for."""


class Transfer(Protocol):
    """One link that is not read by its transport."""

    link: Link
    source: Endpoint
    source_fd: int
    small: int
    """How many of the latest reads brought little."""

    def fill(self) -> int:
        """Moves what has arrived; how many bytes, 0 at the end of the stream. Raises OSError as the socket does."""

    def stop(self) -> None:
        """Gives the link back to the transport of its source, with whatever is under way."""


_Any = TypeVar("_Any", bound=Transfer)


class _SinkLostError(Exception):
    """The socket of `sink` failed with `error`."""

    def __init__(self, sink: Endpoint, error: OSError) -> None:
        super().__init__(str(error))
        self.sink, self.error = sink, error


class Spliced:
    """A link without faults, in the kernel's hands: from its source into a pipe, and from there into its sink."""

    def __init__(self, link: Link, source: Endpoint, sink: Endpoint, watch: Watch) -> None:
        """Raises OSError when the system has no pipe to give."""
        self.link, self.source, self.sink = link, source, sink
        self.source_fd, self.sink_fd = source.socket().fileno(), sink.socket().fileno()
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # over the user's limit for pipes: the default size works too
            fcntl.fcntl(self._writer, fcntl.F_SETPIPE_SZ, _PIPE)
        self.small = 0
        self._watch = watch
        self._in_pipe = 0
        source.pause()
        watch(self.source_fd, select.EPOLLIN, True)

    def fill(self) -> int:
        size = self._take()
        self._in_pipe += size
        if size and self.link.silent:
            self.link.take_turn()
        if not self._drain():
            self._watch(self.source_fd, select.EPOLLIN, False)
            self._watch(self.sink_fd, select.EPOLLOUT, True)
        return size

    def _take(self) -> int:
        try:
            size = os.splice(self.source_fd, self._writer, _PIPE, flags=_FLAGS)
        except BlockingIOError:
            size = 0
        # At the end of the stream splice(2) brings nothing, and before urgent data, which read(2) passes
        # (tcp_read_sock). The pipe is empty whenever the source is read.
        return size or os.write(self._writer, os.read(self.source_fd, _SMALL))

    def _drain(self) -> bool:
        """Empties the pipe into the sink; False if the sink takes no more for now. Raises _SinkLostError."""
        while self._in_pipe:
            try:
                size = os.splice(self._reader, self.sink_fd, self._in_pipe, flags=_FLAGS)
            except BlockingIOError:
                return False
            except OSError as error:
                raise _SinkLostError(self.sink, error) from None
            self._in_pipe -= size
            self.link.passed += size
            self.link.traffic.received += size
            self.link.traffic.sent += size
        return True

    def refill(self) -> None:
        """The sink takes bytes again."""
        if self._drain():
            self._watch(self.sink_fd, select.EPOLLOUT, False)
            self._watch(self.source_fd, select.EPOLLIN, True)

    def stop(self) -> None:
        self._watch(self.source_fd, select.EPOLLIN, False)
        self._watch(self.sink_fd, select.EPOLLOUT, False)
        rest = b""
        while len(rest) < self._in_pipe:
            rest += os.read(self._reader, self._in_pipe - len(rest))
        os.close(self._reader)
        os.close(self._writer)
        self.source.resume()
        if rest:
            self.link.feed(rest)


class DirectReader:
    """A link with faults, read in large pieces. It pauses and resumes with its endpoint."""

    def __init__(self, link: Link, source: Endpoint, budget: Budget, watch: Watch) -> None:
        self.link, self.source = link, source
        self.source_fd = source.socket().fileno()
        self.small = 0
        self._budget = budget
        self._watch = watch
        source.read_by(self)

    def fill(self) -> int:
        data = os.read(self.source_fd, self._budget.largest_read)
        if data:
            self.link.feed(data)
        return len(data)

    def pause_reading(self) -> None:
        self._watch(self.source_fd, select.EPOLLIN, False)

    def resume_reading(self) -> None:
        self._watch(self.source_fd, select.EPOLLIN, True)

    def stop(self) -> None:
        self.source.read_by(None)
        self.pause_reading()


class Bulk:
    """All bulk transfers of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, budget: Budget, files: Callable[[int], None]) -> None:
        """`files` is called with how many descriptors more are in use, or fewer."""
        self._loop = loop
        self._budget = budget
        self._files = files
        self._epoll = select.epoll()
        # Two transfers, one for each direction, share the two sockets of a connection: (as source, as sink).
        self._sources: dict[int, Transfer] = {}
        self._sinks: dict[int, Spliced] = {}
        self._transfers: dict[Link, Transfer] = {}
        self._interest: dict[int, int] = {}
        loop.add_reader(self._epoll.fileno(), self._ready)

    def __len__(self) -> int:
        return len(self._transfers)

    @property
    def spliced(self) -> int:
        """How many of them are in the kernel's hands."""
        return len(self._sinks)

    def splice(self, link: Link, source: Endpoint, sink: Endpoint) -> bool:
        """Takes over a plain link; False if the system has no pipe to give."""
        try:
            transfer = Spliced(link, source, sink, self._watch)
        except OSError:
            return False
        self._files(_ENDS)
        self._sinks[transfer.sink_fd] = transfer
        self._add(transfer)
        return True

    def read(self, link: Link, source: Endpoint) -> None:
        """Takes over the reading of a link with faults."""
        self._add(DirectReader(link, source, self._budget, self._watch))

    def _add(self, transfer: Transfer) -> None:
        self._sources[transfer.source_fd] = transfer
        self._transfers[transfer.link] = transfer

    def stop(self, link: Link) -> None:
        """Gives the link back, with what was under way; no error if it is not here."""
        transfer = self._transfers.pop(link, None)
        if transfer is None:
            return
        del self._sources[transfer.source_fd]
        if isinstance(transfer, Spliced):
            del self._sinks[transfer.sink_fd]
            self._files(-_ENDS)
        link.handed_over = False
        transfer.stop()

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _watch(self, fd: int, event: int, wanted: bool) -> None:
        known = self._interest.pop(fd, None)
        events = (known or 0) | event if wanted else (known or 0) & ~event
        if events:
            self._interest[fd] = events
        if not events and fd in self._sources:
            self._interest[fd], events = 0, _NOTHING  # a reset is noticed all the same
        with contextlib.suppress(OSError):  # the descriptor is closed: the kernel has forgotten it already
            if not events:
                if known is not None:
                    self._epoll.unregister(fd)
            elif known is None:
                self._epoll.register(fd, events)
            else:
                self._epoll.modify(fd, events)

    def _ready(self) -> None:
        for fd, events in self._epoll.poll(0, _BATCH):
            if events & ~select.EPOLLOUT and (transfer := self._sources.get(fd)):
                if self._interest.get(fd, 0) & select.EPOLLIN:
                    self._guarded(transfer, self._fill)
                elif events & select.EPOLLERR:
                    self._guarded(transfer, _raise_error)
            if events & ~select.EPOLLIN and (spliced := self._sinks.get(fd)):
                self._guarded(spliced, Spliced.refill)

    def _fill(self, transfer: Transfer) -> None:
        size = transfer.fill()
        if not size:
            transfer.source.eof = True  # before the transport resumes: it must not read the end again
            self.stop(transfer.link)
            transfer.source.end_of_stream()
            return
        transfer.small = transfer.small + 1 if size < _SMALL else 0
        if transfer.small > _SMALL_READS:
            self.stop(transfer.link)

    def _guarded(self, transfer: _Any, step: Callable[[_Any], None]) -> None:
        """A socket error is a peer's end, not ours: the transport is not reading, so it is reported here."""
        try:
            step(transfer)
        except BlockingIOError:
            pass
        except _SinkLostError as lost:
            lost.sink.broken(lost.error)  # first, so that nothing more is written to it
            self.stop(transfer.link)
        except OSError as error:
            self.stop(transfer.link)
            transfer.source.broken(error)


def _raise_error(transfer: Transfer) -> None:
    """Raises what is wrong with the source, of which nothing is read now."""
    transfer.source.raise_error()
