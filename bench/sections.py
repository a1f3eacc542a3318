"""What a run measures, one function for each section; the figures go into `Samples` under the section's name.

Within a section the relays take turns, round after round, so that whatever else the machine does hits them alike.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import load, measure
from bench.peers import KINDS, ROOT, Relay, running
from bench.process import Program, Unmeasured
from bench.stats import Samples

FAULTS: Final[Mapping[str, tuple[str, dict[str, float], float]]] = {
    # section: kind, attributes, µs by which it delays a round trip that it hits once
    "latency 10 ms": ("latency", {"latency": 10}, 10_000),
    "bandwidth 10 GB/s": ("bandwidth", {"rate": 10_000_000}, 0),  # never the bottleneck: what counts is its cost
}
MANY: Final = 10_000
_KEPT: Final = 2500
"""Descriptors of the limit that connections cannot use: what the proxy reserves for itself and for bursts."""


@dataclass(slots=True)
class Run:
    """One run of the bench: what to measure, how thoroughly, and what came of it."""

    names: list[str]
    """Of the relays that are here and wanted."""
    rounds: int
    quick: bool
    upstream: int
    samples: Samples = field(default_factory=Samples)

    def scaled(self, count: int) -> int:
        return count // 5 if self.quick else count

    def turns(self, what: str) -> Iterator[int]:
        """The numbers of the rounds, told to whoever waits."""
        for number in range(self.rounds):
            say(f"{what}: round {number + 1} of {self.rounds}")
            yield number

    @contextlib.contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """A failure inside is kept for the end of the run; the rest goes on."""
        try:
            yield
        except (Unmeasured, OSError) as error:
            self.samples.failures.append(f"{what}: {error}")


def say(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
    else:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def serving(*, hurry: bool = False) -> Iterator[int]:
    """The upstream's process; gives its port. With `hurry` it comes before everybody else's work."""
    with TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-m", "bench.upstream"]
        with Program(command, Path(folder, "log"), env={"PYTHONPATH": str(ROOT)}) as server:
            if hurry:
                server.hurry()
            server.wait_until(lambda: server.log.read_bytes().endswith(b"\n"))
            yield int(server.complaint())


@contextlib.contextmanager
def all_running(run: Run, names: list[str]) -> Iterator[list[Relay]]:
    with contextlib.ExitStack() as stack:
        relays = []
        for name in names:
            with run.noting(f"start of {name}"):
                relays.append(stack.enter_context(running(name, run.upstream)))
        yield relays


def plain(run: Run) -> None:
    """Bulk, round trips and connections with nothing wrong. `direct` comes first: what is added counts from there."""
    with all_running(run, ["direct", *(name for name in run.names if name != "direct")]) as relays:
        for relay in relays:
            with run.noting(f"warm-up of {relay.name}"):
                _warm_up(relay)
        for number in run.turns("no fault"):
            order = [*relays[number % len(relays) :], *relays[: number % len(relays)]]
            for relay in order:
                with run.noting(f"bulk through {relay.name}"):
                    run.samples.add("plain", relay.name, **measure.bulk(relay, run.scaled(1_000_000_000)))
            _added_round_trips(run, "plain", relays, run.scaled(3000))
            for relay in order:
                with run.noting(f"connections through {relay.name}"):
                    run.samples.add("plain", relay.name, **measure.connections(relay, run.scaled(1000)))


def _warm_up(relay: Relay) -> None:
    load.bulk(relay.port, 50_000_000)
    load.round_trips(relay.port, 300)
    load.connections(relay.port, 50)


def _added_round_trips(run: Run, section: str, relays: list[Relay], count: int, less: float = 0.0) -> None:
    """Times of `direct`, the first of `relays`, and for the others what they add to it in this round."""
    base: dict[str, float] = {}
    for relay in relays:
        with run.noting(f"round trips through {relay.name}"):
            figures = measure.round_trips(relay, count, less if base else 0.0)
            run.samples.add(section, relay.name, **{f"rtt_{name}": figures[name] for name in ("p50", "p99")})
            base = base or figures
            added = {f"added_{name}": figures[name] - base[name] for name in ("p50", "p99")}
            run.samples.add(section, relay.name, **added)
            if "cpu_rtt" in figures:
                run.samples.add(section, relay.name, cpu_rtt=figures["cpu_rtt"])


def faulty(run: Run) -> None:
    """The same bulk and round trips while a fault is in force on what the client sends."""
    names = [name for name in run.names if KINDS[name].speaks_http]
    with all_running(run, ["direct", *names]) as relays:
        for number in run.turns("with faults"):
            for section, (kind, attributes, less) in FAULTS.items():
                for relay in relays[1:]:
                    with run.noting(f"{kind} on {relay.name}"):
                        relay.add_fault(kind, "upstream", attributes)
                for relay in relays[1:] if number % 2 else relays[:0:-1]:
                    with run.noting(f"bulk through {relay.name} with {section}"):
                        run.samples.add(section, relay.name, **measure.bulk(relay, run.scaled(1_000_000_000)))
                _added_round_trips(run, section, relays, 100 if less else run.scaled(2000), less)
                for relay in relays[1:]:
                    with run.noting(f"reset of {relay.name}"):
                        relay.remove_faults()


def idle(run: Run) -> None:
    """Memory of a fresh relay, and what each of 2000 silent connections adds to it."""
    for number in range(1 if run.quick else 3):
        say(f"idle connections: round {number + 1}")
        for name in run.names:
            if name == "direct":
                continue
            count = 100 if name == "socat" else 2000  # a process for each connection
            with run.noting(f"{count} idle connections through {name}"), running(name, run.upstream) as relay:
                run.samples.add("plain", name, **measure.idle(relay, count))


def many(run: Run) -> None:
    """10,000 silent connections on one process of ours, or what the limit of open files allows."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    count = min(MANY, (limit - _KEPT) // 2)
    say(f"{count} idle connections")
    with run.noting(f"{count} idle connections"), running("brownout", run.upstream) as relay:
        _hold(run, relay, count)


def _hold(run: Run, relay: Relay, count: int) -> None:
    assert relay.process is not None
    alone = measure.round_trips(relay, 500)
    before, start = relay.process.memory(), time.perf_counter()
    with load.silent(relay.port, count) as conns:
        opened = time.perf_counter() - start
        taken = (relay.process.memory() - before) / count / 1e3
        spent = relay.process.settled_cpu()
        time.sleep(1)
        spent = relay.process.cpu() - spent
        beside = measure.round_trips(relay, 500)
        for conn in conns:
            load.ping(conn)  # each of them still works
    run.samples.add("many", relay.name, count=count, kb=taken, open_s=opened, idle_cpu_ms=spent * 1e3)
    for name in ("p50", "p99"):
        run.samples.add("many", relay.name, **{f"alone_{name}": alone[name], f"beside_{name}": beside[name]})
