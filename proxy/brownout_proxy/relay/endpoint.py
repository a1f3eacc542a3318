"""One socket of a connection, as the event loop's protocol and as the port that links write to."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Final, Protocol, cast

from brownout_proxy.relay.link import Link

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, 0 s; close(2) then sends RST (socket(7))
_KEEPALIVE: Final = 15  # seconds before the first probe and between two, as Toxiproxy and Go's net.Dialer have it


class EndpointOwner(Protocol):
    """The connection, as its sockets see it."""

    def side_ready(self, side: Endpoint) -> None: ...

    def side_eof(self, side: Endpoint) -> None:
        """The peer has closed its direction."""

    def side_lost(self, side: Endpoint, error: Exception | None) -> None:
        """The socket is closed: with an error if the peer reset it or vanished."""

    def side_closed(self, side: Endpoint) -> None:
        """The peer, which had ended its direction, has closed its socket: nothing that is written reaches it."""


def keep_alive(sock: socket.socket) -> None:
    """Detects peers that vanish without a word. Sockets accepted from a listener inherit it on Linux."""
    with contextlib.suppress(OSError):  # a Unix socket has no such thing
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE)


def keep_urgent_data_in_line(sock: socket.socket) -> None:
    """Makes the byte that TCP calls urgent a byte of the stream, where it would be left out (RFC 6093, section 3.1).
    Sockets accepted from a listener inherit it on Linux."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)


def _in_line() -> Callable[[int], object] | None:
    """Sets SO_OOBINLINE of a descriptor, for a tenth of what a Python socket made for it costs."""
    if sys.platform != "linux":
        return None
    setsockopt = ctypes.CDLL(None).setsockopt
    on = ctypes.byref(ctypes.c_int(1))
    size = ctypes.sizeof(ctypes.c_int)
    return lambda descriptor: setsockopt(descriptor, socket.SOL_SOCKET, socket.SO_OOBINLINE, on, size)


_IN_LINE: Final = _in_line()


class Reader(Protocol):
    """What reads a socket: its transport, or what stands in for it."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Endpoint(asyncio.Protocol):
    """The client's or the upstream's socket. `reads` takes what it sends, `writes` gives it what it receives."""

    __slots__ = (
        "_borrowed", "_owner", "_paused", "_reader", "blocked", "eof", "lost", "made", "reads", "transport", "watched",
        "writes",
    )  # fmt: skip

    transport: asyncio.Transport
    _reader: Reader
    reads: Link
    writes: Link

    def __init__(self, owner: EndpointOwner) -> None:
        self._owner = owner
        self._paused = False
        self._borrowed: socket.socket | None = None
        self.blocked = False
        self.eof = False
        """The peer has sent FIN."""
        self.lost = False
        """The socket is closed, or about to be."""
        self.made = False
        """There is a transport: uvloop makes it a turn of the loop after this, which may be ended in between."""
        self.watched = -1
        """See `Watched`."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = self._reader = cast(asyncio.Transport, transport)
        self.made = True
        if self.lost:
            self.transport.abort()
        else:
            self._owner.side_ready(self)

    def data_received(self, data: bytes) -> None:
        self.reads.feed(data)

    def eof_received(self) -> bool:
        self.end_of_stream()
        return True  # the socket stays open for the other direction

    def pause_writing(self) -> None:
        self.blocked = True
        self.writes.sink_blocked()

    def resume_writing(self) -> None:
        self.blocked = False
        self.writes.sink_ready()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._give_back()
        self._owner.side_lost(self, exc)

    # Port

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def write_segment(self, data: bytes) -> None:
        if self.transport.get_write_buffer_size() or self.transport.is_closing():
            self.transport.write(data)
            return
        try:
            sent = self._raw().send(data, getattr(socket, "MSG_EOR", 0))
        except OSError:  # full or gone: the transport waits for room, or finds out and reports it
            sent = 0
        if sent < len(data):
            self.transport.write(data[sent:])

    def join_segments(self) -> None:
        if self._borrowed is not None:
            self._give_back()
            self.transport.set_write_buffer_limits()

    def _raw(self) -> socket.socket:
        """The transport's socket, for its flags: MSG_EOR keeps the kernel from joining two writes (tcp_sendmsg), which
        TCP_NODELAY alone does not."""
        if self._borrowed is None:
            self._borrowed = self._borrow()
            # Any unsent byte now blocks the port: pieces wait in the link, where they stay apart.
            self.transport.set_write_buffer_limits(high=0)
        return self._borrowed

    def _borrow(self) -> socket.socket:
        """A Python socket on the transport's own descriptor, to be detached before that is closed."""
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=self.fileno())

    def _give_back(self) -> None:
        if self._borrowed is not None:
            self._borrowed.detach()
            self._borrowed = None

    def write_eof(self) -> None:
        if not self.lost:
            self.transport.write_eof()

    def reset(self) -> None:
        """Closes the socket at once, with RST on the wire."""
        if self.lost:
            return
        self.lost = True
        if not self.made:
            return
        with contextlib.suppress(OSError):
            self.socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._give_back()
        self.transport.abort()

    def abort(self) -> None:
        """Closes the socket at once: with RST if bytes are unsent, for FIN would mean that those were all."""
        if not self.made or self.transport.get_write_buffer_size():
            self.reset()
            return
        self.lost = True
        self._give_back()
        self.transport.abort()

    def pause(self) -> None:
        if not self._paused:
            self._paused = True
            if not self.eof and not self.lost:
                self._reader.pause_reading()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            if not self.eof and not self.lost:
                self._reader.resume_reading()

    # For whatever reads it, and for the connection.

    def read_by(self, reader: Reader | None) -> None:
        """Another reader takes the transport's place, paused or not as before; None gives it back."""
        reads = not (self._paused or self.eof or self.lost)
        if reads:
            self._reader.pause_reading()
        self._reader = self.transport if reader is None else reader
        if reads:
            self._reader.resume_reading()

    def keep_alive(self) -> None:
        # The transport's socket makes and drops one of these for each call.
        sock = self._borrow()
        try:
            keep_alive(sock)
        finally:
            sock.detach()

    def keep_urgent_data_in_line(self) -> None:
        if _IN_LINE is not None:
            _IN_LINE(self.fileno())

    def end_of_stream(self) -> None:
        self.eof = True
        self.reads.feed_end("eof")
        self._owner.side_eof(self)

    @property
    def stalled(self) -> bool:
        """It is paused: its transport would not notice that the peer has reset it."""
        return self._paused and self.made and not (self.eof or self.lost or self.reads.handed_over)

    def hung_up(self) -> None:
        """The kernel reports an error, or that both directions are closed. A transport that reads sees for itself."""
        if self.lost or not (self.eof or self.stalled):
            return
        try:
            self.raise_error()
        except OSError as error:
            self.broken(error)
        else:
            if self.eof:
                self._owner.side_closed(self)

    def raise_error(self) -> None:
        """Raises OSError if the kernel has found something wrong with the connection to the peer."""
        sock = self._borrow()
        try:
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        finally:
            sock.detach()
        if number:
            raise OSError(number, os.strerror(number))

    def broken(self, error: OSError) -> None:
        """The kernel reported that the connection to this peer is gone."""
        if not self.lost:
            self.lost = True
            self._give_back()
            self._owner.side_lost(self, error)
            self.transport.abort()

    def fileno(self) -> int:
        return self.socket().fileno()

    def socket(self) -> socket.socket:
        return cast(socket.socket, self.transport.get_extra_info("socket"))
