"""Processes under measurement: start, stop, and what they and their descendants cost.

CPU comes from the process CPU clock (clock_getcpuclockid(3)), which counts nanoseconds over all threads, also those
that have ended; /proc/PID/stat counts whole ticks of 10 ms. Only for descendants that are gone (socat forks for
each connection) is the tick count all that the kernel keeps.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).parents[1]
_TICK: Final = os.sysconf("SC_CLK_TCK")
_STOPS_WITHIN: Final = 5.0  # seconds
_STARTS_WITHIN: Final = 20.0  # seconds


class Process:
    """A program that runs until it is stopped; its output goes to a file that is shown when it fails."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stdout: int | IO[bytes] | None = None,
    ) -> None:
        """Raises OSError when the program cannot be started."""
        self._log = tempfile.TemporaryFile()
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log if stdout is None else stdout,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "proxy"))), **(env or {})},
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            cwd="/" if user else ROOT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def failed(self) -> bool:
        return self.popen.poll() is not None

    def output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-2000:]

    def cpu(self) -> float:
        """Seconds of CPU used so far by the process and its descendants."""
        return sum(_clock(pid) + _ended_children(pid) for pid in family(self.pid))

    def settled_cpu(self) -> float:
        """The same, once the work that the last client left behind is done."""
        deadline = time.monotonic() + 1.0
        before = self.cpu()
        while time.monotonic() < deadline:
            time.sleep(0.02)
            now = self.cpu()
            if now - before < 100e-6:
                return now
            before = now
        return before

    def memory(self) -> int:
        """Bytes of memory, shared pages divided among their users, with descendants."""
        return sum(_proportional(pid) for pid in family(self.pid))

    def stop(self) -> None:
        """Asks the whole session to end and kills what does not."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(_STOPS_WITHIN)
                break
        if self.popen.stdout is not None:
            self.popen.stdout.close()
        self._log.close()


def family(pid: int) -> Iterator[int]:
    """The process and its living descendants."""
    yield pid
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                yield from family(int(child))


def _clock(pid: int) -> float:
    """MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of the kernel; 0 for a process that is gone."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def _ended_children(pid: int) -> float:
    """Seconds used by children that are gone: cutime and cstime of proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / _TICK


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(names: Sequence[str]) -> dict[str, int]:
    """As many different ports, all held until the last one is found."""
    with contextlib.ExitStack() as held:
        ports = {}
        for name in names:
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports[name] = int(probe.getsockname()[1])
        return ports


def wait_until(ready: Callable[[], bool], processes: Sequence[Process], what: str) -> None:
    """Polls until `ready`. Raises RuntimeError with the output of a process that ended, or after a deadline."""
    deadline = time.monotonic() + _STARTS_WITHIN
    while not ready():
        for process in processes:
            if process.failed:
                raise RuntimeError(f"{what} ended: {process.output().strip()}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} is not ready after {_STARTS_WITHIN:g} s")
        time.sleep(0.02)


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def allow_many_files() -> None:
    """Raises the limit of open files, which children inherit, as far as it goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
