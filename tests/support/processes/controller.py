"""A real `brownout controller` process, for tests of what talks to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.running import SECONDS, eventually

MAIN: Final = (sys.executable, "-c", "from brownout_proxy.cli import main; main()")
PATIENCE: Final = 120.0
"""Seconds in which a process must end: a lease and the time to give up on a revert are in it."""


@dataclass
class ControllerProcess:
    """`address` is where it listens, `root` the folder that it runs in."""

    process: subprocess.Popen[bytes]
    log: Path
    root: Path
    address: str = ""

    def told(self) -> str:
        return self.log.read_text()

    def kill(self) -> None:
        """As if its machine had vanished."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def server_environment(root: Path, **environment: str) -> dict[str, str]:
    """Of a process of a test: its locks are its own."""
    return {**os.environ, "XDG_STATE_HOME": str(root / "state"), **environment}


@contextmanager
def controller_process(root: Path, *flags: str, **environment: str) -> Iterator[ControllerProcess]:
    """Runs in `root`, where its brownout.yaml and its runs are; on any free port unless `flags` say which."""
    root.mkdir(exist_ok=True)
    listen = () if "--listen" in flags else ("--listen", "127.0.0.1:0")
    log = root / "controller.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*MAIN, "controller", *listen, *flags], cwd=root, stderr=file, env=server_environment(root, **environment)
        )
    running = ControllerProcess(process, log, root)
    try:

        def started() -> bool:
            assert process.poll() is None, running.told()
            found = re.search(r"^brownout: controller \S+ on (\S+);", running.told(), re.MULTILINE)
            running.address = found[1] if found else ""
            return bool(found)

        eventually(started, "start of the controller", PATIENCE)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(SECONDS)


@dataclass
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return self.out + self.err


def start(root: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """`brownout WORDS` in a folder of its own beside the controller's."""
    root.mkdir(exist_ok=True)
    return subprocess.Popen(
        [*MAIN, *words], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=server_environment(root, **environment),
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> Ended:
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it did not end: {out}{err}") from None
    return Ended(process.returncode, out, err)
