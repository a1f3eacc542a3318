"""How soon a fault is gone whose controller was killed: by when the connections have what it held back.

Late is the time from the end of the lease, counted from when its last renewal was asked for, until the byte that the
fault held back is there: once for one connection, and with many until the last of them has its byte.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from bench import load
from bench.callers import OTHER
from bench.control import Controlled, caller, controlled
from bench.peers import ROOT
from bench.process import Program, Unmeasured, hurrying
from bench.sections import Run, say, serving
from bench.stats import percentile
from bench.upstream import PING

SECTION: Final = "leases"
_KILLS: Final = 20
_PATIENCE: Final = 10.0
"""Seconds after the end of a lease in which the bytes have to come."""


class Case(NamedTuple):
    """A lease in seconds, on a fault that holds a byte of so many connections, beside a load."""

    title: str
    lease: float
    held: int = 1
    loaded: bool = False


CASES: Final = (
    Case("1 s, idle", 1),
    Case("3 s, idle", 3),
    Case("1 s, 1,000 connections, under load", 1, held=1000, loaded=True),
    Case("1 s, 5,000 connections", 1, held=5000),
)


def leases(run: Run) -> None:
    choose = random.Random(1)
    for case in CASES:
        with run.noting(case.title), serving(hurry=True) as upstream, controlled(upstream, "on", 3) as proxy:
            _kill_again_and_again(run, case, proxy, choose)


def _kill_again_and_again(run: Run, case: Case, proxy: Controlled, choose: random.Random) -> None:
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(load.silent(proxy.other, case.held))
        if case.loaded:
            stack.enter_context(caller("load", f"127.0.0.1:{proxy.measured}"))
        for number in range(run.scaled(_KILLS)):
            say(f"lease of {case.title}: kill {number + 1} of {run.scaled(_KILLS)}")
            # The first renewal comes after a third; from there on any moment between two of them is as likely.
            moment = case.lease * (1 + choose.random()) / 3
            with caller("probe", f"127.0.0.1:{proxy.measured}") as beside:
                asked, arrivals = _killed(case, proxy, held, moment)
            late = [arrived - asked - case.lease for arrived in arrivals]
            run.samples.add(SECTION, case.title, first_ms=min(late) * 1e3, last_ms=max(late) * 1e3)
            run.samples.add(SECTION, case.title, pause_ms=beside["max"] / 1e3)


def _killed(case: Case, proxy: Controlled, held: Sequence[socket.socket], moment: float) -> tuple[float, list[float]]:
    """When the last renewal that counted was asked for, and when the bytes came."""
    with _holding(proxy, case.lease) as holder:
        for conn in held:
            conn.send(PING)
        with hurrying():
            time.sleep(moment)
            holder.kill()
            asked = _asked(holder)
            arrivals = _arrivals(held, asked[-1] + case.lease + _PATIENCE)
    # The last may not have left the dying process: then it is the one before that counted.
    return max(at for at in asked if at + case.lease <= min(arrivals)), arrivals


@contextlib.contextmanager
def _holding(proxy: Controlled, lease: float) -> Iterator[Program]:
    with TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-m", "bench.holder", proxy.grpc, OTHER, str(lease)]
        env = {"PYTHONPATH": ":".join(str(path) for path in (ROOT, ROOT / "proxy", ROOT / "controller"))}
        with Program(command, Path(folder, "log"), env=env) as holder:
            holder.wait_until(lambda: holder.complaint().startswith("answered"))
            yield holder


def _asked(holder: Program) -> list[float]:
    words = (line.split() for line in holder.log.read_text().splitlines())
    return [float(at) for what, at in words if what == "asked"]


def _arrivals(held: Sequence[socket.socket], until: float) -> list[float]:
    """When each connection had its byte. Raises Unmeasured if one has none in time."""
    poll, waiting = select.epoll(), {conn.fileno(): conn for conn in held}
    arrivals: list[float] = []
    with poll:
        for number in waiting:
            poll.register(number, select.EPOLLIN)
        while waiting:
            ready = poll.poll(max(0.0, until - time.monotonic()))
            if not ready:
                raise Unmeasured(f"{len(waiting)} connections still have the fault, {_PATIENCE:g} s after its lease")
            now = time.monotonic()
            for number, _ in ready:
                waiting.pop(number).recv(1)
                poll.unregister(number)
                arrivals.append(now)
    return arrivals


def spread(values: Sequence[float]) -> tuple[float, float, float, float]:
    """Least, median, 95th percentile, most."""
    return min(values), median(values), percentile(values, 0.95), max(values)
