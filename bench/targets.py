"""What the proxy has to reach, as one list, and whether it did. The list is the only place that has these numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Final, Literal, NamedTuple

from bench.accuracy import DELAYS, RATES, delay_title, rate_title
from bench.control import SECTION as CONTROL
from bench.control import STATES
from bench.leases import CASES
from bench.leases import SECTION as LEASES
from bench.sections import FAULTS
from bench.stats import Samples

Verdict = Literal["met", "MISSED", "not measured"]


class Target(NamedTuple):
    """`measured` gives None when there are no figures for it."""

    text: str
    unit: str
    bound: Literal["at least", "at most"]
    limit: float
    measured: Callable[[Samples], float | None]

    def verdict(self, value: float | None) -> Verdict:
        if value is None:
            return "not measured"
        good = value >= self.limit if self.bound == "at least" else value <= self.limit
        return "met" if good else "MISSED"


def _against(other: str, metric: str, section: str = "plain") -> Callable[[Samples], float | None]:
    return lambda samples: samples.ratio(section, metric, "brownout", other)


def _own(metric: str, section: str = "plain") -> Callable[[Samples], float | None]:
    return lambda samples: samples.median(section, "brownout", metric)


def _worst(
    sections: Sequence[str], metric: str, worst: Callable[[list[float]], float]
) -> Callable[[Samples], float | None]:
    def measured(samples: Samples) -> float | None:
        values = [samples.median(section, "brownout", metric) for section in sections]
        known = [value for value in values if value is not None]
        return worst(known) if len(known) == len(values) else None

    return measured


def _with(state: str, metric: str) -> Callable[[Samples], float | None]:
    return lambda samples: samples.median(CONTROL, state, metric)


def _beside(state: str) -> Callable[[Samples], float | None]:
    def measured(samples: Samples) -> float | None:
        ratios = samples.paired(CONTROL, "p99", state, STATES[0].title)
        return median(ratios) if ratios else None

    return measured


def _latest(case: str) -> Callable[[Samples], float | None]:
    return lambda samples: max(samples.values.get((LEASES, case, "last_ms"), []), default=None)


def _earliest(samples: Samples) -> float | None:
    times = [samples.values.get((LEASES, case.title, "first_ms"), []) for case in CASES]
    return min((time for some in times for time in some), default=None)


_DELAYS: Final = [delay_title(delay) for delay in DELAYS]
_RATES: Final = [rate_title(rate) for rate in RATES]

TARGETS: Final = (
    Target("bulk, against Toxiproxy", "x", "at least", 2.4, _against("toxiproxy", "bulk")),
    Target("bulk, against the bare relay", "x", "at least", 0.95, _against("bare", "bulk")),
    Target("processor time per GB, against Toxiproxy", "x", "at most", 0.35, _against("toxiproxy", "cpu_gb")),
    Target("added round trip (median), against Toxiproxy", "x", "at most", 0.5, _against("toxiproxy", "added_p50")),
    Target("added round trip (p99), against the bare relay", "x", "at most", 1.1, _against("bare", "added_p99")),
    Target("processor time per connection, against Toxiproxy", "x", "at most", 0.6, _against("toxiproxy", "cpu_conn")),
    Target("memory per idle connection", "kB", "at most", 6, _own("idle_kb")),
    Target("resident size without connections", "MB", "at most", 60, _with("gRPC idle", "resident_mb")),
    Target("resident size without connections, without gRPC", "MB", "at most", 60, _with("gRPC off", "resident_mb")),
    *(
        Target(f"round trip (p99), {title}, against no gRPC", "x", "at most", limit, _beside(title))
        for title, limit in (("gRPC idle", 1.15), ("watch at 0.1 s", 1.15), ("200 gRPC calls/s", 2))
    ),
    *(
        Target(f"fault gone after its lease, worst: {case.title}", "ms", "at most", 100, _latest(case.title))
        for case in CASES
    ),
    Target("fault gone before its lease: earliest", "ms", "at least", 0, _earliest),
    *(
        Target(f"bulk with {name}, against Toxiproxy", "x", "at least", 2, _against("toxiproxy", "bulk", name))
        for name in FAULTS
    ),
    Target("latency 1 to 1000 ms: late, worst median", "ms", "at most", 0.3, _worst(_DELAYS, "late_p50", max)),
    Target("latency 1 to 1000 ms: late, worst p99", "ms", "at most", 1.0, _worst(_DELAYS, "late_p99", max)),
    Target("latency 1 to 1000 ms: round trips that ended early", "", "at most", 0, _worst(_DELAYS, "early", max)),
    Target(
        "bandwidth 10 kB/s to 100 MB/s: worst error",
        "%",
        "at most",
        0.5,
        _worst(_RATES, "error_percent", lambda errors: max(map(abs, errors))),
    ),
)


def judged(samples: Samples) -> list[tuple[Target, float | None, Verdict]]:
    return [(target, value := target.measured(samples), target.verdict(value)) for target in TARGETS]
