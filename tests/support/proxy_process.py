"""A real `brownout proxy` process with its gRPC API, for tests of what controls it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tests.support.running import SECONDS, eventually


@dataclass
class ProxyProcess:
    """`control` is the address of the gRPC API, `api` that of the HTTP one."""

    process: subprocess.Popen[str]
    log: IO[str]
    control: str = ""
    api: str = ""

    def told(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def listen(self, name: str) -> str:
        """Where the proxy of that name listens."""
        found = re.search(rf"^{re.escape(name)} +(\S+) ->", self.told(), re.MULTILINE)
        assert found is not None, self.told()
        return found[1]

    def kill(self) -> None:
        """As if the machine had lost it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)


@contextmanager
def proxy_process(*words: str, **environment: str) -> Iterator[ProxyProcess]:
    """`words` are mappings and flags; ports that are not given are free ones."""
    ports = [flag for flag in ("--port", "--grpc-port") if flag not in words]
    command = [sys.executable, "-m", "brownout_proxy", *words, *(word for flag in ports for word in (flag, "0"))]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stderr=log, text=True, env={**os.environ, **environment})
        running = ProxyProcess(process, log)
        try:
            eventually(lambda: re.search(r"^gRPC API \S+\n", running.told(), re.MULTILINE), "start of the proxy")
            text = running.told()
            running.control = re.findall(r"^gRPC API (\S+)", text, re.MULTILINE)[0]
            running.api = re.findall(r"^control API http://(\S+)", text, re.MULTILINE)[0]
            yield running
        finally:
            process.terminate()
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(SECONDS)
