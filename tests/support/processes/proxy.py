"""A real `brownout proxy` process with its gRPC API, for tests of what controls it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from tests.support.running import SECONDS, eventually


class ProxyProcess:
    """`control` is the address of the gRPC API, `api` that of the HTTP one."""

    process: subprocess.Popen[str]

    def __init__(
        self, log: IO[str], words: Sequence[str], environment: Mapping[str, str], files: int | None = None
    ) -> None:
        self._log = log
        self._files = files
        self._words = words
        self._environment = environment
        self.control = self.api = ""

    def start(self) -> None:
        """Raises AssertionError if it does not."""
        self._log.seek(0)
        self._log.truncate()
        command = [sys.executable, "-m", "brownout_proxy", *self._words]
        if self._files is not None:
            command = ["/bin/sh", "-c", f'ulimit -n {self._files} && exec "$@"', "sh", *command]
        self.process = subprocess.Popen(command, stderr=self._log, text=True, env={**os.environ, **self._environment})
        eventually(lambda: re.search(r"^gRPC API \S+\n", self.told(), re.MULTILINE), "start of the proxy", seconds=90)
        text = self.told()
        self.control = re.findall(r"^gRPC API (\S+)", text, re.MULTILINE)[0]
        self.api = re.findall(r"^control API http://(\S+)", text, re.MULTILINE)[0]

    def told(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def listen(self, name: str) -> str:
        """Where the proxy of that name listens."""
        found = re.search(rf"^{re.escape(name)} +(\S+) ->", self.told(), re.MULTILINE)
        assert found is not None, self.told()
        return found[1]

    def kill(self) -> None:
        """As if the machine had lost it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)

    def restart(self) -> None:
        """On the same ports, as a supervisor would; it knows nothing but its command line."""
        ports = {"--port": self.api.rpartition(":")[2], "--grpc-port": self.control.rpartition(":")[2]}
        words = []
        for before, word in zip(("", *self._words), self._words, strict=False):
            name, at, rest = word.partition("@")
            kept = f"{name}@{self.listen(name)}={rest.partition('=')[2]}" if at else word
            words.append(ports.get(before, kept))
        self._words = words
        self.start()

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)  # a test may have frozen it
        self.process.terminate()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(SECONDS)


@contextmanager
def proxy_process(*words: str, files: int | None = None, **environment: str) -> Iterator[ProxyProcess]:
    """`words` are mappings and flags; ports that are not given are free ones. It may open so many `files`."""
    ports = [flag for flag in ("--port", "--grpc-port") if flag not in words]
    with tempfile.TemporaryFile("w+") as log:
        running = ProxyProcess(log, [*words, *(word for flag in ports for word in (flag, "0"))], environment, files)
        try:
            running.start()
            yield running
        finally:
            running.end()
