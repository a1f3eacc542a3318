"""What is done to a relay: bulk, round trips, connections, silence. Blocking sockets; times in seconds.

It knows the upstream's orders and a port, nothing of what is behind the port.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from bench.upstream import BUFFER, ECHO, HEADER, PING, SINK, SOURCE

_MESSAGE = ECHO * 64
_PATIENCE = 60.0


def _open(port: int) -> socket.socket:
    conn = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return conn


def ping(conn: socket.socket) -> None:
    """One byte there and back. Raises OSError if it does not come back."""
    conn.send(PING)
    if conn.recv(1) != PING:
        raise ConnectionError("the connection was closed before the answer")


def answers(port: int) -> bool:
    """Whether a connection gets through."""
    try:
        with _open(port) as conn:
            conn.settimeout(2)
            ping(conn)
    except OSError:
        return False
    return True


def bulk(port: int, total: int) -> float:
    """Sends `total` bytes in one stream; the time until the upstream has confirmed them all."""
    data = memoryview(bytearray(BUFFER))
    with _open(port) as conn:
        conn.settimeout(None)  # with a timeout each send would cost a poll more
        start = time.perf_counter()
        conn.sendall(HEADER.pack(SINK, total))
        left = total - HEADER.size
        while left > 0:
            conn.sendall(data[:left])
            left -= BUFFER
        _receive(conn, 1)
        return time.perf_counter() - start


def round_trips(port: int, count: int) -> list[float]:
    """64 bytes there and back, one after another on one connection."""
    times = []
    with _open(port) as conn:
        conn.settimeout(None)
        for _ in range(count):
            start = time.perf_counter()
            conn.sendall(_MESSAGE)
            _receive(conn, len(_MESSAGE))
            times.append(time.perf_counter() - start)
    return times


def _receive(conn: socket.socket, size: int) -> None:
    while size:
        data = conn.recv(size)
        if not data:
            raise ConnectionError("the connection was closed before the answer")
        size -= len(data)


def spaced_round_trips(port: int, count: int, spacing: float) -> list[float]:
    """64 bytes there and back, sent every `spacing` seconds whether or not the one before is back."""
    sent: deque[float] = deque()
    times: list[float] = []
    with _open(port) as conn:
        conn.settimeout(None)
        poll = select.poll()
        poll.register(conn, select.POLLIN)
        left, due, partial = count, time.perf_counter(), 0
        while len(times) < count:
            now = time.perf_counter()
            if left and now >= due:
                sent.append(now)
                conn.sendall(_MESSAGE)
                left, due = left - 1, now + spacing
            if not poll.poll(max(0.0, due - time.perf_counter()) * 1e3 if left else _PATIENCE * 1e3):
                continue
            partial += len(conn.recv(BUFFER))
            arrived = time.perf_counter()
            while partial >= len(_MESSAGE):
                times.append(arrived - sent.popleft())
                partial -= len(_MESSAGE)
    return times


def connections(port: int, count: int) -> float:
    """Connect, one byte there and back, close: `count` times, one after another."""
    start = time.perf_counter()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as conn:
            ping(conn)
    return time.perf_counter() - start


@contextlib.contextmanager
def silent(port: int, count: int) -> Iterator[list[socket.socket]]:
    """`count` connections that have been used once and are silent now."""
    with contextlib.ExitStack() as opened:
        conns = []
        for _ in range(count):
            conns.append(opened.enter_context(_open(port)))
            ping(conns[-1])
        yield conns


def rate(port: int, seconds: float) -> float:
    """Bytes per second at which the upstream's bytes come, between the first and the last arrival."""
    arrivals: list[tuple[float, int]] = []
    buffer = bytearray(BUFFER)
    with _open(port) as conn:
        conn.sendall(SOURCE)
        while len(arrivals) < 2 or arrivals[-1][0] - arrivals[0][0] < seconds:
            size = conn.recv_into(buffer)
            if not size:
                raise ConnectionError("the connection was closed by the other side")
            arrivals.append((time.perf_counter(), size))
    # The first piece ends the time before the measurement, so its bytes do not count.
    received = sum(after[1] for _, after in pairwise(arrivals))
    return received / (arrivals[-1][0] - arrivals[0][0])
