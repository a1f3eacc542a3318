"""What control costs the connections: round trips through a proxy while its APIs are idle, watched, and called.

Two processes, one with the gRPC API and one without, take turns in many short rounds, on several starts of both. The
same calls to the other process tell what the machine has less of because of the caller, which is not the proxy's doing.
Where that is allowed, what is measured comes before all other work of the machine.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, Literal, NamedTuple

from bench import load
from bench.callers import OTHER
from bench.measure import MB
from bench.peers import ROOT, accepts, free_ports
from bench.process import Program, Unmeasured, hurrying
from bench.sections import Run, serving
from bench.stats import percentile

SECTION: Final = "control"
_SPACING: Final = 0.0005
"""Seconds between round trips, whether or not the one before is back: what a pause delays is counted in full."""
_SECONDS: Final = 2.0
"""Of one measurement."""
_STARTS: Final = 3
_PROXIES: Final = 20
_LIVE: Final = 300
"""Connections that are open and silent."""

Which = Literal["off", "on"]


class State(NamedTuple):
    """What is measured: round trips through one process while somebody controls that or another one."""

    title: str
    through: Which
    manner: str = ""
    """Of bench.callers; nobody calls without one."""
    calls: Which = "on"


STATES: Final = (
    State("gRPC off", "off"),
    State("gRPC idle", "on"),
    State("watch at 1 s", "on", "watch 1 s"),
    State("watch at 0.1 s", "on", "watch 0.1 s"),
    State("200 gRPC calls/s", "on", "calls"),
    State("the same to another proxy", "off", "calls"),
    State("200 HTTP requests/s", "off", "requests", "off"),
    State("the same, to another proxy", "on", "requests", "off"),
)
"""The first is what the others are compared with."""


class Controlled(NamedTuple):
    """A proxy process with several proxies. `measured` and `other` are ports of two of them."""

    process: Program
    measured: int
    other: int
    http: str
    grpc: str


@contextlib.contextmanager
def controlled(upstream: int, which: Which, proxies: int = _PROXIES) -> Iterator[Controlled]:
    """Raises Unmeasured."""
    http, grpc, measured, other, *more = free_ports(proxies + 2)
    ports = {"measured": measured, OTHER: other} | {f"more-{number}": port for number, port in enumerate(more)}
    spec: dict[str, dict[str, object]] = {
        name: {"listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{upstream}"}
        | ({} if name in ("measured", OTHER) else {"faults": [{"noop": {}}]})
        for name, port in ports.items()
    }
    with TemporaryDirectory(prefix="bench-") as folder:
        config = Path(folder, "brownout.json")
        config.write_text(json.dumps({"proxies": spec}))
        command = [sys.executable, "-m", "brownout_proxy", "--config", str(config), "--port", str(http)]
        command += ["--grpc-port", "off" if which == "off" else str(grpc)]
        env = {"PYTHONPATH": str(ROOT / "proxy"), "LOG_LEVEL": "error"}
        with Program(command, Path(folder, "log"), env=env) as process:
            process.hurry()
            process.wait_until(lambda: load.answers(measured) and accepts(http if which == "off" else grpc))
            yield Controlled(process, measured, other, f"127.0.0.1:{http}", f"127.0.0.1:{grpc}")


@contextlib.contextmanager
def caller(manner: str, address: str) -> Iterator[dict[str, float]]:
    """Somebody who has begun to act; what he says of himself is in the dictionary at the end. Raises Unmeasured."""
    told: dict[str, float] = {}
    with TemporaryDirectory(prefix="bench-") as folder:
        env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'proxy'}"}
        command = [sys.executable, "-m", "bench.callers", manner, address]
        with Program(command, Path(folder, "log"), env=env) as program:
            if manner == "probe":  # which measures, too
                program.hurry()
            program.wait_until(lambda: program.complaint() == "ready")
            yield told
        try:
            told |= json.loads(program.complaint())
        except ValueError:
            raise Unmeasured(f"{manner}: {program.complaint()}") from None


def control(run: Run) -> None:
    starts = 1 if run.quick else _STARTS
    for start in range(starts):
        for state in STATES[:2]:
            with run.noting(f"size with {state.title}"):
                _size(run, state)
        with run.noting("control"), _both(run) as processes:
            for number in run.turns(f"control, start {start + 1} of {starts}"):
                turn = number + start * run.rounds
                for place in range(len(STATES)):
                    state = STATES[(place + turn) % len(STATES)]
                    with run.noting(state.title):
                        _measure(run, state, processes)


def _size(run: Run, state: State) -> None:
    """Of a process that nobody has used."""
    with controlled(run.upstream, state.through, proxies=2) as fresh:
        process = fresh.process
        sizes = {"resident_mb": process.resident(), "proportional_mb": process.memory(), "own_mb": process.own()}
    run.samples.add(SECTION, state.title, **{name: size / MB for name, size in sizes.items()})


@contextlib.contextmanager
def _both(run: Run) -> Iterator[dict[Which, Controlled]]:
    """Warm, with silent connections and a few that come and go."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(serving(hurry=True))
        off = stack.enter_context(controlled(upstream, "off"))
        on = stack.enter_context(controlled(upstream, "on"))
        for process in (off, on):
            stack.enter_context(load.silent(process.other, _LIVE))
            stack.enter_context(caller("churn", f"127.0.0.1:{process.other}"))
            load.spaced_round_trips(process.measured, 1000, _SPACING)
        yield {"off": off, "on": on}


def _measure(run: Run, state: State, processes: dict[Which, Controlled]) -> None:
    through, called = processes[state.through], processes[state.calls]
    address = called.http if state.manner == "requests" else called.grpc
    count = run.scaled(int(_SECONDS / _SPACING))
    with contextlib.ExitStack() as stack:
        told = stack.enter_context(caller(state.manner, address)) if state.manner else {}
        before, began = through.process.cpu(), time.monotonic()
        with hurrying():
            times = load.spaced_round_trips(through.measured, count, _SPACING)
        took, spent = time.monotonic() - began, through.process.cpu() - before
    figures = {"p50": median(times), "p99": percentile(times, 0.99), "p999": percentile(times, 0.999)}
    run.samples.add(SECTION, state.title, **{name: value * 1e6 for name, value in figures.items()})
    run.samples.add(SECTION, state.title, cpu_ms=spent / took * 1e3)
    run.samples.add(SECTION, state.title, **{f"caller_{name}": value for name, value in told.items()})
