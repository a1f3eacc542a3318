"""A control API in a process of its own: brownout, or another server of the same contract.

A port is found by binding port 0 and letting go: not every server can be told to choose one.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import IO, Final, NamedTuple

_ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = 20.0

Command = Callable[[int], Sequence[str]]
"""The command line that starts a server whose control API listens on a port of 127.0.0.1."""


class Reply(NamedTuple):
    status: int
    headers: Message
    body: str


class ControlServer:
    """A running server; `port` is where its control API listens on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """The answer to one request on a connection of its own; the path goes out as written."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            data = None if body is None else body.encode()
            connection.request(method, path, data, dict(headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody has right now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def brownout(*arguments: str) -> Command:
    return lambda port: (
        sys.executable, "-m", "brownout_proxy", "--port", str(port), *arguments,
    )  # fmt: skip


@contextmanager
def serving(command: Command) -> Iterator[ControlServer]:
    """Runs the server from its first answer until the end of the block."""
    server = ControlServer(free_port())
    path = os.pathsep.join(filter(None, (str(_ROOT / "proxy"), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "LOG_LEVEL": "error"}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command(server.port), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            _wait_for_answer(server, process, log)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def _wait_for_answer(server: ControlServer, process: subprocess.Popen[bytes], log: IO[str]) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            server.ask("GET", "/version")
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise AssertionError(f"the server does not answer ({error}):\n{log.read()}") from None
            time.sleep(0.02)
