"""A program that the bench starts: stopped for certain, with the processor time and memory of its whole family.

Linux only: it reads /proc and the kernel's clocks of other processes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_PATIENCE: Final = 5.0
"""Seconds after SIGTERM before SIGKILL."""
_START: Final = 20.0
"""Seconds in which a program has to be ready."""
_REST: Final = 100e-6
"""Seconds of processor time in 20 ms; a program that spends less has finished what a client left it to do."""
_TICK: Final = os.sysconf("SC_CLK_TCK")


class Unmeasured(Exception):
    """Something could not be measured; the text says what and why."""


def program(name: str) -> str | None:
    """The path of a program, also from the folders that only root has on PATH; None without it."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
    return shutil.which(name, path=path)


class Program:
    """A running program and its children, in a session of its own. Its output goes to `log`."""

    def __init__(
        self, command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, user: str | None = None
    ) -> None:
        """`env` adds to the environment; `user` is for programs that refuse to run as root. Raises Unmeasured."""
        self.name = Path(command[0]).name
        self.log = log
        try:
            with log.open("wb") as output:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    user=user,
                    start_new_session=True,
                )
        except OSError as error:
            raise Unmeasured(f"{self.name} does not start: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def hurry(self) -> bool:
        """Puts it before everybody else's work on this machine, to be measured without it; False if that is not
        allowed. To be called before it has threads."""
        return _hurry(self._process.pid, os.SCHED_RR)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Raises Unmeasured when the program ends before, or takes too long."""
        deadline = time.monotonic() + _START
        while not ready():
            if self._process.poll() is not None:
                raise Unmeasured(f"{self.name} ended: {self.complaint()}")
            if time.monotonic() > deadline:
                raise Unmeasured(f"{self.name} is not ready after {_START:g} s: {self.complaint()}")
            time.sleep(0.02)

    def complaint(self) -> str:
        """The last line that the program wrote."""
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "no output")

    def stop(self) -> None:
        """Ends the program and every child of it, politely first."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)

    def kill(self) -> None:
        """By SIGKILL, as if the machine had lost it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_PATIENCE)

    def cpu(self) -> float:
        """Seconds of processor time that it and its children, dead ones too, have spent."""
        return sum(_clock(pid) + _dead_children(pid) for pid in _family(self._process.pid))

    def settled_cpu(self) -> float:
        """The same, once it has done what the last client left it to do."""
        spent = self.cpu()
        for _ in range(50):
            time.sleep(0.02)
            before, spent = spent, self.cpu()
            if spent - before < _REST:
                break
        return spent

    def memory(self) -> int:
        """Proportional set size in bytes: shared pages are counted once in all."""
        return sum(_rollup(pid, "Pss:") for pid in _family(self._process.pid))

    def own(self) -> int:
        """Bytes that it shares with nobody and no file: what one more process of its kind takes."""
        return sum(_rollup(pid, "Anonymous:") for pid in _family(self._process.pid))

    def resident(self) -> int:
        """Resident set size in bytes."""
        return sum(_rollup(pid, "Rss:") for pid in _family(self._process.pid))


@contextlib.contextmanager
def hurrying() -> Iterator[None]:
    """This process before everybody else's, where that is allowed; not the programs that it starts meanwhile."""
    before = os.sched_getscheduler(0)
    _hurry(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, before, os.sched_param(0))


def _hurry(pid: int, policy: int) -> bool:
    try:
        os.sched_setscheduler(pid, policy, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    except PermissionError:
        return False
    return True


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                yield from _family(int(child))


def _clock(pid: int) -> float:
    # What clock_getcpuclockid(3) computes (CPUCLOCK_SCHED, all threads): nanoseconds, up to date at the call. In
    # /proc/PID/stat there are ticks of 10 ms, and /proc/PID/task/*/schedstat forgets threads that have ended.
    with contextlib.suppress(OSError):  # it has just ended: its parent knows
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    return 0.0


def _dead_children(pid: int) -> float:
    """Seconds spent by children that have ended; in ticks, as the kernel keeps nothing finer (proc(5), cutime)."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / _TICK
    return 0.0


def _rollup(pid: int, key: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().split("\n"):
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return 0
