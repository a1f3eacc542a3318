"""A control API in a process of its own: brownout, or another server of the same contract.

Brownout takes any free port and says which. Other servers have to be told one; that it is still free when they bind it
is likely and no more.
"""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email.message import Message
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.running import eventually

_ROOT: Final = Path(__file__).parents[3]
_SECONDS: Final = 60.0
_TOLD: Final = re.compile(r"^control API http://127\.0\.0\.1:(\d+)", re.MULTILINE)

Command = Callable[[int], Sequence[str]]
"""The command line that starts a server whose control API listens on a port of 127.0.0.1; 0 is any free one."""


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


def brownout(*arguments: str) -> Command:
    return lambda port: (
        sys.executable, "-m", "brownout_proxy", "--port", str(port), *arguments,
    )  # fmt: skip


@contextmanager
def serving(command: Command, port: int = 0) -> Iterator[ControlServer]:
    """Runs the server from its first answer until the end of the block. With port 0 it has to say which it took."""
    path = os.pathsep.join(filter(None, (str(_ROOT / "proxy"), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "LOG_LEVEL": "info"}
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen(command(port), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield _answering(process, Path(log.name), port)
        finally:
            process.terminate()
            try:
                process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def _answering(process: subprocess.Popen[bytes], log: Path, port: int) -> ControlServer:
    """The server, as soon as it answers."""
    server = ControlServer(port)

    def answers() -> bool:
        assert process.poll() is None, "it has ended"
        if not server.port and (told := _TOLD.search(log.read_text())):
            server.port = int(told[1])
        with suppress(OSError):
            return bool(server.port) and server.ask("GET", "/version").status == 200
        return False

    try:
        eventually(answers, "an answer", _SECONDS)
    except AssertionError as error:
        raise AssertionError(f"{error}; the log is:\n{log.read_text()}") from None
    return server
