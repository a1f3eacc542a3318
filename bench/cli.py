"""`python -m bench`: which relays and sections, how many rounds, and where the results go."""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench import sections
from bench.accuracy import accuracy
from bench.clients import clients
from bench.control import control
from bench.leases import leases
from bench.machine import facts
from bench.peers import KINDS, ROOT
from bench.record import save
from bench.sections import Run
from bench.table import report

SECTIONS: Final[Mapping[str, tuple[Callable[[Run], None], str]]] = {
    "plain": (sections.plain, "bulk, round trips and connections without a fault"),
    "idle": (sections.idle, "memory of a fresh relay and of idle connections"),
    "faults": (sections.faulty, "bulk and round trips with a latency or a bandwidth fault"),
    "accuracy": (accuracy, "how exactly delays and rates are kept"),
    "many": (sections.many, "ten thousand idle connections"),
    "control": (control, "round trips while the control APIs are idle, watched and called"),
    "leases": (leases, "how soon faults are gone whose controller was killed"),
    "clients": (clients, "redis-benchmark, pgbench, wrk and iperf3"),
}
_LONG: Final = ("many", "control", "leases", "clients")
_RESULTS: Final = ROOT / "bench" / "results"


def _some_of(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known are: {', '.join(known)}")
        return [name for name in known if name in names]

    return read


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measures every relay on this machine side by side."
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each relay has its turn (5)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"a fifth of the load, at most 2 rounds, not the sections {', '.join(_LONG)}",
    )
    parser.add_argument(
        "--only", type=_some_of(KINDS), metavar="A,B", default=list(KINDS), help="these relays; see --list"
    )
    parser.add_argument("--sections", type=_some_of(SECTIONS), metavar="A,B", help="these sections; see --list")
    parser.add_argument("--results", type=Path, default=_RESULTS, metavar="DIR", help="for the JSON and the plot")
    parser.add_argument("--list", action="store_true", help="show the relays and sections, and measure nothing")
    options = parser.parse_args(words)
    if options.rounds < 1:
        parser.error("--rounds: must be at least 1")
    if options.quick:
        options.rounds = min(options.rounds, 2)
    if options.sections is None:
        options.sections = [name for name in SECTIONS if not options.quick or name not in _LONG]
    return options


def _list() -> None:
    for name, kind in KINDS.items():
        lacks = kind.lacks()
        print(f"{name:10} {kind.title}{f' (absent: {lacks})' if lacks else ''}")
    print()
    for name, (_, about) in SECTIONS.items():
        print(f"{name:10} {about}")


def main(words: Sequence[str] | None = None) -> int:
    """0, or 1 when something could not be measured."""
    options = _options(words)
    if options.list:
        _list()
        return 0
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # relays inherit it
    absent = {name: lacks for name in options.only if (lacks := KINDS[name].lacks())}
    machine = facts()
    with sections.serving() as upstream:
        run = Run([name for name in options.only if name not in absent], options.rounds, options.quick, upstream)
        for name in options.sections:
            SECTIONS[name][0](run)
    sections.say("")
    known = {"rounds": run.rounds, "quick": run.quick, "absent": absent}
    save(run.samples, options.sections, known, machine, options.results)
    print(report(run.samples, machine, absent))
    print(f"\nresults: {options.results}/latest.json, latest.svg", file=sys.stderr)
    return 1 if run.samples.failures else 0
