"""The artificial load: each kind runs in a process of its own and prints one line of JSON.

    python -m bench.load bulk PORT BYTES | echo PORT COUNT WARMUP | once PORT COUNT | hold PORT COUNT | paced PORT SECONDS

Blocking sockets in one thread: cheaper than any event loop. Times are in seconds unless a key says otherwise.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench.sinks import BUFFER, COUNT, RESET, read_exactly

_MESSAGE: Final = 64  # bytes of an echo
_PATIENCE: Final = 120.0  # seconds until a measurement counts as failed


def _connect(port: int) -> socket.socket:
    conn = socket.create_connection(("127.0.0.1", port), 30)
    conn.settimeout(None)  # a timeout would cost a poll(2) per call
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return conn


def bulk(port: int, size: int) -> dict[str, Any]:
    """One stream of `size` bytes; timed by the sink, so that a delay before its first byte does not count."""
    buffer = memoryview(bytes(BUFFER))
    with _connect(port) as conn:
        conn.sendall(COUNT.pack(size))
        left = size
        while left:
            left -= conn.send(buffer[: min(left, BUFFER)])
        (elapsed,) = COUNT.unpack(read_exactly(conn, COUNT.size))
    return {"seconds": elapsed / 1e9}


def echo(port: int, count: int, warmup: int) -> dict[str, Any]:
    message = b"x" * _MESSAGE
    times = []
    with _connect(port) as conn:
        for _ in range(warmup + count):
            started = time.perf_counter_ns()
            conn.sendall(message)
            if len(conn.recv(_MESSAGE)) != _MESSAGE:
                raise EOFError
            times.append(time.perf_counter_ns() - started)
    return {"times_ns": times[warmup:]}


def once(port: int, count: int) -> dict[str, Any]:
    started = time.perf_counter_ns()
    for _ in range(count):
        with _connect(port) as conn:
            conn.sendall(b"x")
            read_exactly(conn, 1)
    return {"seconds": (time.perf_counter_ns() - started) / 1e9}


def hold(port: int, count: int) -> dict[str, Any]:
    """Opens connections through which one byte has passed, and keeps them until its input ends."""
    held = [_connect(port) for _ in range(count)]
    for conn in held:
        read_exactly(conn, 1)
    print(json.dumps({"held": len(held)}), flush=True)
    sys.stdin.read()
    return {}


def paced(port: int, seconds: float) -> dict[str, Any]:
    """Sends as much as goes until the sink has seen enough."""
    buffer = bytes(BUFFER)
    with _connect(port) as conn:
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        conn.sendall(COUNT.pack(int(seconds * 1e9)))
        conn.setblocking(False)
        while True:
            readable, writable, _ = select.select([conn], [conn], [])
            if readable:
                break
            if writable:
                conn.send(buffer)
        conn.setblocking(True)
        answer = b""
        while not answer.endswith(b"\n"):
            answer += read_exactly(conn, 1)
    result: dict[str, Any] = json.loads(answer)
    return result


KINDS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "bulk": bulk,
    "echo": echo,
    "once": once,
    "hold": hold,
    "paced": paced,
}


def _command(kind: str, *arguments: float) -> list[str]:
    return [sys.executable, "-m", "bench.load", kind, *map(str, arguments)]


def run(kind: str, *arguments: float) -> dict[str, Any]:
    """Runs one load in a process of its own. Raises RuntimeError when it fails or takes too long."""
    try:
        done = subprocess.run(
            _command(kind, *arguments),
            capture_output=True, text=True, timeout=_PATIENCE, check=False, cwd=Path(__file__).parents[1],
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"the load {kind} took more than {_PATIENCE:g} s") from None
    if done.returncode:
        raise RuntimeError(f"the load {kind} failed: {done.stderr.strip().splitlines()[-1:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


class Holding:
    """Idle connections, kept by a process of their own for as long as the context lasts."""

    def __init__(self, port: int, count: int) -> None:
        self._popen = subprocess.Popen(
            _command("hold", port, count),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1],
        )  # fmt: skip

    def __enter__(self) -> None:
        """Raises RuntimeError when a connection cannot be opened."""
        assert self._popen.stdout is not None
        if not self._popen.stdout.readline():
            raise RuntimeError("the idle connections could not be opened")

    def __exit__(self, *_: object) -> None:
        self._popen.communicate()


def main(kind: str, *arguments: str) -> None:
    numbers = [float(argument) if "." in argument else int(argument) for argument in arguments]
    print(json.dumps(KINDS[kind](*numbers)))


if __name__ == "__main__":
    main(*sys.argv[1:])
