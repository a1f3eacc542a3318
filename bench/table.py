"""The figures of a run as plain text of at most 120 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bench.accuracy import DELAYS, RATES, delay_title, rate_title
from bench.stats import Samples

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
    for relay in samples.relays(section):
        figures = (shown(samples.median(section, relay, metric), PLAIN[metric][2]) for metric in metrics)
        rows.append([relay, *figures])
    for other in _AGAINST:
        ratios = [samples.ratio(section, metric, "brownout", other) for metric in metrics]
        if any(ratios):
            rows.append([f"brownout / {other}", *(shown(ratio, 2) for ratio in ratios)])
    yield from aligned(rows)


def _accuracy(samples: Samples) -> Iterator[str]:
    relays = [
        name for name in ("brownout", "toxiproxy") if any(map(samples.metrics_of(name), map(delay_title, DELAYS)))
    ]
    head = ["", *(f"{name} {what}" for name in relays for what in ("p50", "p99", "earliest"))]
    rows = [head]
    for section in map(delay_title, DELAYS):
        late = ("late_p50", "late_p99", "late_min")
        rows.append([section, *(shown(samples.median(section, name, metric), 2) for name in relays for metric in late)])
    yield "late, ms (a round trip, less the delay and the direct round trip)"
    yield from aligned(rows)
    rows = [["", *relays]]
    for section in map(rate_title, RATES):
        rows.append([section, *(shown(samples.median(section, name, "error_percent"), 2) for name in relays)])
    yield ""
    yield "error of the rate, %"
    yield from aligned(rows)
