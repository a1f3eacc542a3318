"""The figures of a run as plain text of at most 120 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final

from bench.accuracy import DELAYS, RATES, SLEEP, delay_title, rate_title
from bench.control import SECTION as CONTROL
from bench.control import STATES
from bench.leases import CASES, spread
from bench.leases import SECTION as LEASES
from bench.peers import KINDS
from bench.sections import FAULTS
from bench.stats import Samples, percentile
from bench.targets import judged

PLAIN: Final[Mapping[str, tuple[str, str, int]]] = {
    # metric: two lines of heading, digits
    "bulk": ("bulk", "MB/s", 0),
    "cpu_gb": ("CPU", "s/GB", 2),
    "added_p50": ("RTT +p50", "µs", 0),
    "added_p99": ("RTT +p99", "µs", 0),
    "cpu_rtt": ("CPU", "µs/RTT", 0),
    "rate": ("connect", "1/s", 0),
    "cpu_conn": ("CPU", "µs/conn", 0),
    "idle_kb": ("idle", "kB/conn", 1),
    "resident_mb": ("resident", "MB", 0),
}
_FAULTY: Final = ("bulk", "cpu_gb", "added_p50", "added_p99", "cpu_rtt")
_AGAINST: Final = ("bare", "toxiproxy")


def shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def _relays(samples: Samples, section: str, metrics: Sequence[str]) -> Iterator[str]:
    rows = [["", *(PLAIN[metric][0] for metric in metrics)], ["", *(PLAIN[metric][1] for metric in metrics)]]
    for relay in sorted(samples.relays(section), key=list(KINDS).index):
        figures = (shown(samples.median(section, relay, metric), PLAIN[metric][2]) for metric in metrics)
        rows.append([relay, *figures])
    for other in _AGAINST:
        ratios = [samples.ratio(section, metric, "brownout", other) for metric in metrics]
        if any(ratios):
            rows.append([f"brownout / {other}", *(shown(ratio, 2) for ratio in ratios)])
    yield from aligned(rows)


def _accuracy(samples: Samples) -> Iterator[str]:
    measured = [relay for relay in ("brownout", "toxiproxy", SLEEP) if relay in samples.relays(delay_title(DELAYS[0]))]
    late = {"late_p50": "p50", "late_p99": "p99", "late_min": "earliest"}
    rows = [
        ["", *(relay if title == "p50" else "" for relay in measured for title in late.values())],
        ["late, ms", *(title for _ in measured for title in late.values())],
    ]
    for delay in DELAYS:
        section = delay_title(delay)
        figures = (shown(samples.median(section, relay, metric), 3) for relay in measured for metric in late)
        rows.append([section.removeprefix("accuracy of "), *figures])
    yield from aligned(rows)
    yield ""
    relays = [relay for relay in measured if relay != SLEEP]
    rows = [["error of the rate, %", *relays]]
    for rate in RATES:
        section = rate_title(rate)
        errors = (shown(samples.median(section, relay, "error_percent"), 2) for relay in relays)
        rows.append([section.removeprefix("accuracy of "), *errors])
    yield from aligned(rows)


def _many(samples: Samples) -> Iterator[str]:
    def own(metric: str, digits: int = 0) -> str:
        return shown(samples.median("many", "brownout", metric), digits)

    yield f"{own('count')} connections, opened in {own('open_s', 1)} s, each answers: {own('kb', 1)} kB for each"
    yield f"processor time of a second in which nothing happens: {own('idle_cpu_ms', 1)} ms"
    yield f"round trip of one more: p50 {own('beside_p50')} µs, p99 {own('beside_p99')} µs"
    yield f"round trip before them: p50 {own('alone_p50')} µs, p99 {own('alone_p99')} µs"


def _control(samples: Samples) -> Iterator[str]:
    def own(state: str, metric: str, digits: int = 0) -> str:
        return shown(samples.median(CONTROL, state, metric), digits)

    rows = [["", "p50", "p99", "p99.9", "p99", "its quartiles", "CPU", "calls", "a call"]]
    rows.append(["round trips", "µs", "µs", "µs", "x", "", "ms/s", "1/s", "p99 µs"])
    for state in STATES:
        ratios = samples.paired(CONTROL, "p99", state.title, STATES[0].title) or [math.nan]
        quartiles = f"{percentile(ratios, 0.25):.2f} - {percentile(ratios, 0.75):.2f}"
        figures = [own(state.title, metric) for metric in ("p50", "p99", "p999")]
        calls = [own(state.title, metric) for metric in ("cpu_ms", "caller_per_s", "caller_p99")]
        rows.append([state.title, *figures, f"{median(ratios):.2f}", quartiles, *calls])
    yield from aligned(rows)
    yield ""
    for state in STATES[:2]:
        sizes = [own(state.title, f"{kind}_mb", 1) for kind in ("resident", "proportional", "own")]
        yield "{}: {} MB resident, {} MB as its share, {} MB its own".format(state.title, *sizes)


def _leases(samples: Samples) -> Iterator[str]:
    rows = [["ms after the end of the lease", "least", "median", "p95", "most", "kills"]]
    told = {"first_ms": "first byte", "last_ms": "last byte", "pause_ms": "longest round trip beside it"}
    for case in CASES:
        for metric, title in told.items():
            times = samples.values.get((LEASES, case.title, metric))
            if times and not (metric == "last_ms" and case.held == 1):
                rows.append([f"{case.title}: {title}", *(f"{value:.1f}" for value in spread(times)), str(len(times))])
    yield from aligned(rows)


def _clients(samples: Samples) -> Iterator[str]:
    relays = samples.relays("clients")
    rows = [["", *relays]]
    for title in samples.metrics("clients"):
        rows.append([title, *(shown(samples.median("clients", relay, title), 0) for relay in relays)])
    yield from aligned(rows)


def _targets(samples: Samples) -> Iterator[str]:
    rows = [["", "target", "measured", ""]]
    for target, value, verdict in judged(samples):
        limit = f"{target.bound} {target.limit:g} {target.unit}"
        rows.append(
            [target.text, limit.rstrip(), "-" if value is None else f"{value:.2f} {target.unit}".rstrip(), verdict]
        )
    yield from aligned(rows)


def report(samples: Samples, machine: Mapping[str, str], absent: Mapping[str, str]) -> str:
    """The whole run; parts that were not measured are left out."""
    parts: list[tuple[str, Iterator[str]]] = [
        ("Machine", aligned(list(machine.items()))),
        ("Absent", aligned(list(absent.items()))),
        ("No fault", _relays(samples, "plain", list(PLAIN))),
        *((f"With {name}", _relays(samples, name, _FAULTY)) for name in FAULTS),
        ("Accuracy", _accuracy(samples)),
        ("Many idle connections", _many(samples)),
        ("Control", _control(samples)),
        ("Leases of killed controllers", _leases(samples)),
        ("Real clients", _clients(samples)),
        ("Targets", _targets(samples)),
        ("Could not be measured", iter(samples.failures)),
    ]
    measured = {about for about, _, _ in samples.values}
    empty = {
        "Absent": not absent,
        "No fault": "plain" not in measured,
        **{f"With {name}": name not in measured for name in FAULTS},
        "Accuracy": not any(about.startswith("accuracy") for about in measured),
        "Many idle connections": "many" not in measured,
        "Control": CONTROL not in measured,
        "Leases of killed controllers": LEASES not in measured,
        "Real clients": "clients" not in measured,
        "Could not be measured": not samples.failures,
    }
    return "\n\n".join(
        "\n".join([title, "-" * len(title), *lines]) for title, lines in parts if not empty.get(title, False)
    )
