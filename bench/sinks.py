"""The upstreams of the artificial load: a process with one port per kind, cheap enough not to be the bottleneck.

`python -m bench.sinks` prints its ports as JSON and serves until it is killed. Blocking sockets, one thread per kind
and one per bulk, echo or paced connection: at any time of a measurement one thread works.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from bench.statistic import largest_burst, mean_rate

BUFFER: Final = 256 * 1024
"""Bytes per system call; on the machines measured, more is slower, as it leaves the processor's cache."""
COUNT: Final = struct.Struct("!Q")
"""How bulk and paced connections begin: the number of bytes that follow, or for how many ns to receive."""
RESET: Final = struct.pack("ii", 1, 0)  # struct linger: close(2) discards what is unsent


def read_exactly(conn: socket.socket, size: int) -> bytes:
    """Raises EOFError when the connection ends before."""
    data = b""
    while len(data) < size:
        piece = conn.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _bulk(conn: socket.socket) -> None:
    """Discards so many bytes and answers how many ns they took from first to last."""
    (left,) = COUNT.unpack(read_exactly(conn, COUNT.size))
    buffer = bytearray(BUFFER)
    left -= conn.recv_into(buffer, min(left, BUFFER))
    started = time.monotonic_ns()
    while left:
        size = conn.recv_into(buffer, min(left, BUFFER))
        if not size:
            return
        left -= size
    conn.sendall(COUNT.pack(time.monotonic_ns() - started))


def _echo(conn: socket.socket) -> None:
    while data := conn.recv(4096):
        conn.sendall(data)


def _paced(conn: socket.socket) -> None:
    """Receives for a time and answers, as a line of JSON, at what rate and in what bursts bytes came."""
    (duration,) = COUNT.unpack(read_exactly(conn, COUNT.size))
    buffer = bytearray(BUFFER)
    arrivals: list[tuple[int, int]] = []
    ends = None
    while ends is None or time.monotonic_ns() < ends:
        size = conn.recv_into(buffer)
        now = time.monotonic_ns()
        if not size:
            return
        arrivals.append((now, size))
        ends = ends or now + duration
    conn.sendall(json.dumps({"rate": mean_rate(arrivals), "burst": largest_burst(arrivals)}).encode() + b"\n")


def _threaded(serve: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def handle(conn: socket.socket) -> None:
        with conn, contextlib.suppress(OSError, EOFError):
            serve(conn)

    def accept(listener: socket.socket) -> None:
        while True:
            conn, _ = listener.accept()
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handle, args=(conn,), daemon=True).start()

    return accept


def _once(listener: socket.socket) -> None:
    """One byte there and back, one connection after another."""
    while True:
        conn, _ = listener.accept()
        with conn, contextlib.suppress(OSError):
            conn.sendall(conn.recv(1))
            conn.recv(1)  # the client closes first


def _hold(listener: socket.socket) -> None:
    """Greets each connection with one byte and keeps it until the client leaves."""
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    held: dict[int, socket.socket] = {}
    while True:
        for fd, _ in poll.poll():
            if fd != listener.fileno():
                held.pop(fd).close()
                continue
            conn, _ = listener.accept()
            with contextlib.suppress(OSError):
                conn.sendall(b"!")
            held[conn.fileno()] = conn
            poll.register(conn.fileno(), select.EPOLLIN)


KINDS: Final[Mapping[str, Callable[[socket.socket], None]]] = {
    "bulk": _threaded(_bulk),
    "echo": _threaded(_echo),
    "paced": _threaded(_paced),
    "once": _once,
    "hold": _hold,
}


def main() -> None:
    ports = {}
    for kind, serve in KINDS.items():
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        ports[kind] = listener.getsockname()[1]
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
    print(json.dumps(ports), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
