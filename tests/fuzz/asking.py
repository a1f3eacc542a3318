"""Asks a controller for its health again and again, from a process of its own: `python -m tests.fuzz.asking ADDRESS`.

Each line on its input is answered by the longest time that an answer took since the last one, in seconds.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


class Asking:
    """Its process. An answer takes a turn of the loop that renews the leases."""

    def __init__(self, address: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.asking", address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.longest()

    def longest(self) -> float:
        """Raises AssertionError if the server does not answer any more."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the server does not answer any more"
        return float(answer)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _main(address: str) -> None:
    longest, began, lock = [0.0], [0.0], threading.Lock()

    def ask() -> None:
        with grpc.insecure_channel(address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            while True:
                began[0] = time.monotonic()
                stub.Check(health_pb2.HealthCheckRequest(), timeout=60, wait_for_ready=True)
                with lock:
                    longest[0] = max(longest[0], time.monotonic() - began[0])
                began[0] = 0.0
                time.sleep(0.002)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    for _ in sys.stdin:
        if not thread.is_alive():
            return
        with lock:
            print(max(longest[0], time.monotonic() - began[0] if began[0] else 0.0), flush=True)
            longest[0] = 0.0


if __name__ == "__main__":
    _main(sys.argv[1])
