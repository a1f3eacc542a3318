"""How long a connection stood still: a byte goes to an echo and back again and again, both in a process of their own.

The process that does harm is busy, and would make its own pings late.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_PAUSE = 0.001


class Pinger:
    """`echo` is the address of its echo; `longest()` is the longest round trip since the last call, in seconds."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.processes.pinger"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.echo = self._answer()

    def through(self, address: str) -> None:
        """Begins, by a proxy whose upstream is the echo."""
        self._ask(address)

    def longest(self) -> float:
        """Raises AssertionError if the connection was lost."""
        return float(self._ask(""))

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        assert answer, "the connection of the ping was lost"
        return answer.strip()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def pinging() -> Iterator[Pinger]:
    pinger = Pinger()
    try:
        yield pinger
    finally:
        pinger.close()


def _echo(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(16):
        connection.sendall(data)


def _ping() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_echo, args=(listener,), daemon=True).start()
    print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
    host, _, port = sys.stdin.readline().strip().rpartition(":")
    lock, longest = threading.Lock(), [0.0]
    began = [0.0]

    def run() -> None:
        with socket.create_connection((host, int(port)), timeout=600) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                began[0] = time.monotonic()
                connection.sendall(b"x")
                if not connection.recv(1):
                    return
                took = time.monotonic() - began[0]
                with lock:
                    longest[0] = max(longest[0], took)
                began[0] = 0.0
                time.sleep(_PAUSE)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    print("begun", flush=True)
    for _ in sys.stdin:
        started = began[0]  # of a trip that is still under way
        pending = time.monotonic() - started if started else 0.0
        if not thread.is_alive():
            return
        with lock:
            print(max(longest[0], pending), flush=True)
            longest[0] = 0.0


if __name__ == "__main__":
    _ping()
