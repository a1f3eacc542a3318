"""The server behind every relay: `python -m bench.upstream` prints its port and serves until it is killed.

A connection's first byte says what it wants; see the constants. Pings and silent connections cost one epoll entry, so
that ten thousand fit; what is measured in volume gets a thread and a blocking socket, the cheapest way to serve one.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from typing import Final

PING: Final = b"P"
"""Answered with the same bytes; the connection stays in the event loop."""
ECHO: Final = b"E"
"""All bytes come back, from a thread."""
SINK: Final = b"S"
"""Eight bytes in network order say how many bytes in all will vanish; then comes one byte. Not by FIN: some relays turn
the client's FIN into the end of both directions, and the answer would be lost."""
SOURCE: Final = b"D"
"""Bytes come as fast as they are taken, for as long as the connection lives."""

HEADER: Final = struct.Struct("!cQ")
BUFFER: Final = 256 * 1024


def _echo(conn: socket.socket, first: bytes) -> None:
    conn.sendall(first)
    buffer = memoryview(bytearray(BUFFER))
    while size := conn.recv_into(buffer):
        conn.sendall(buffer[:size])


def _sink(conn: socket.socket, first: bytes) -> None:
    while len(first) < HEADER.size:
        first += conn.recv(BUFFER)
    buffer = bytearray(BUFFER)
    left = HEADER.unpack_from(first)[1] - len(first)
    while left > 0 and (size := conn.recv_into(buffer)):
        left -= size
    conn.sendall(SINK)


def _source(conn: socket.socket, first: bytes) -> None:
    data = bytes(BUFFER)
    while True:
        conn.sendall(data)


_IN_THREADS: Final = {ECHO: _echo, SINK: _sink, SOURCE: _source}


def _work(conn: socket.socket, first: bytes) -> None:
    with conn, contextlib.suppress(OSError):
        conn.setblocking(True)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _IN_THREADS[first[:1]](conn, first)


def _arrived(selector: selectors.BaseSelector, conn: socket.socket) -> None:
    try:
        data = conn.recv(BUFFER)
    except OSError:
        data = b""
    if data[:1] == PING:
        with contextlib.suppress(OSError):
            conn.send(data)
        return
    selector.unregister(conn)
    if data[:1] in _IN_THREADS:
        threading.Thread(target=_work, args=(conn, data), daemon=True).start()
    else:
        conn.close()


def _accept(selector: selectors.BaseSelector, listener: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            conn, _ = listener.accept()
            conn.setblocking(False)
            selector.register(conn, selectors.EVENT_READ)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    print(listener.getsockname()[1], flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                _accept(selector, listener)
            elif isinstance(key.fileobj, socket.socket):
                _arrived(selector, key.fileobj)


if __name__ == "__main__":
    main()
