"""The origin of an experiment's numbers: limits, load and times, each with its reason.

A number is measured (a baseline), stated (in the architecture) or assumed, and its comment marks an assumed one. All
numbers suit a laptop: half a minute of fault, a few requests a second.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.generate.baseline import FAMILIES, TYPICAL_SCRAPE, Baseline, Baselines
from brownout_catalogue.generate.ports import answers_http
from brownout_catalogue.scoring.criticality import FlowImpact
from brownout_catalogue.scoring.fault_coverage import fault_of
from brownout_catalogue.scoring.scenario import OUTSIDE, Scenario
from brownout_core.fault_strength import strength
from brownout_core.units import SECONDS, SHARE

TIMES_P99: Final = 3.0
MORE_THAN_P99: Final = 0.25
"""Without a tolerance a p99 may be three times what it was, or a quarter of a second more: whichever is longer."""
NOTICED: Final = 1.0
"""Seconds: beyond a second the flow of thought is interrupted (Nielsen, Usability Engineering, 1993)."""
SLOWER_AFTER: Final = "<= 1.5 * baseline + 100ms"
"""On a laptop a p99 of a few milliseconds doubles by chance."""
ERRORS: Final = 0.01
TIMES_ERRORS: Final = 2.0
STOP: Final = 0.5
RATE: Final = 10.0
"""Requests a second: a p99 over ten seconds rests on a hundred of them."""
WINDOW: Final = 10.0
SCRAPES: Final = 4
BASELINE: Final = 15.0
DURATION: Final = 30.0
RECOVERY: Final = 30.0
BEYOND: Final = 1.25
"""The factor by which a delay exceeds the allowed time of an answer, where the timeout would fit into that time."""
LONGEST: Final = 300.0
"""Seconds of fault; a longer one does not suit a laptop."""
ALIKE: Final = 0.999
_STEPS: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Number(NamedTuple):
    """A number and its origin."""

    value: float
    why: str
    assumed: bool = False
    relative: bool = False
    """Whether it is added to `TIMES_P99` baselines that the run itself measures."""

    @property
    def expected(self) -> str:
        """The expectation of a p99, in the syntax of an experiment file."""
        seconds = SECONDS.format(self.value)
        return f"<= {TIMES_P99:g} * baseline + {seconds}" if self.relative else f"< {seconds}"

    @property
    def comment(self) -> str:
        return f"assumed: {self.why}" if self.assumed else self.why


class Source(NamedTuple):
    """The measurements that hypotheses about a flow can use."""

    key: str
    """The key of an entry: the flow, or the edge where that begins outside; empty for neither."""
    stake: FlowImpact | None
    """The flow that suffers most; None where no known flow uses the edge."""
    url: str | None
    """The URL of its requests, if it is known."""
    baseline: Baseline | None
    """The baseline of its first service that has one."""
    server: str
    scrape: float
    has_password: bool
    speaks_http: bool
    """Whether the flow begins at a component that answers requests."""

    @property
    def kind(self) -> str:
        """What measures: a load where one can be sent, else a Prometheus, else the proxy."""
        if self.stake is not None and self.url is not None:
            return "traffic"
        if self.baseline is not None and self.baseline.rate:
            return "prometheus"
        return "traffic" if self.stake is not None and self.speaks_http else "edge"

    @property
    def window(self) -> float:
        """A rate needs four scrapes."""
        return max(WINDOW, SCRAPES * self.scrape) if self.kind == "prometheus" else WINDOW


def watched(scenario: Scenario, architecture: Architecture, known: Collection[str]) -> FlowImpact | None:
    """The flow that depends on it most; of equals, one with a known URL first, then one that begins at a gateway."""
    alike = [hold.stake for hold in scenario.holds if hold.lost >= ALIKE * scenario.holds[0].lost]
    ranked = sorted(
        alike, key=lambda stake: (stake.name not in known, architecture.kind(stake.flow.path[0]) != "gateway")
    )
    return ranked[0] if ranked else None


def source_of(
    scenario: Scenario, architecture: Architecture, entries: Mapping[str, str], baselines: Baselines | None,
    remembered: Mapping[str, Mapping[str, Any]],
) -> Source:  # fmt: skip
    """`remembered` holds the inputs of earlier files by the same keys: they replace the inputs that are missing now."""
    stake = watched(scenario, architecture, {*entries, *remembered})
    if stake is None:
        return Source("", None, None, None, "", TYPICAL_SCRAPE, False, False)
    outside = scenario.edge is not None and scenario.edge.startswith(f"{OUTSIDE} -> ")
    key = str(scenario.edge) if outside else stake.name  # whoever goes past the proxy meets no fault
    before = remembered.get(key, {})
    entry = entries.get(key, None if outside else entries.get(""))
    url = entry or (str(before["url"]) if "url" in before else None)
    http = answers_http(architecture, stake.flow.path[0])
    if baselines is not None:
        found = next((baselines.found[name] for name in stake.flow.path if name in baselines.found), None)
        return Source(key, stake, url, found, baselines.server, baselines.scrape, baselines.has_password, http)
    known: Any = before.get("baseline")
    try:
        server, scrape, password = str(known["server"]), float(known["scrape"]), bool(known["password"])
        return Source(key, stake, url, _recalled(known), server, scrape, password, http)
    except (LookupError, TypeError, ValueError):  # there was none, or a person edited its line
        return Source(key, stake, url, None, "", TYPICAL_SCRAPE, False, http)


def remember(source: Source) -> Mapping[str, Any]:
    """The inputs that a later run needs, to keep in the file."""
    found: dict[str, Any] = {} if source.stake is None else {"for": source.key}
    if source.url is not None:
        found["url"] = source.url
    one = source.baseline
    if one is not None:
        numbers = {key: getattr(one, key) for key in ("rate", "p99", "errors", "highest", "looked")}
        found["baseline"] = {
            **{key: value and float(f"{value:.4g}") for key, value in numbers.items()},
            "service": one.service, "family": one.family.name, "selector": one.selector, "code": one.code,
            "buckets": list(one.buckets), "server": source.server, "scrape": source.scrape,
            "password": source.has_password,
        }  # fmt: skip
    return found


def _recalled(known: Mapping[str, Any]) -> Baseline:
    """Raises LookupError, TypeError."""
    family = {family.name: family for family in FAMILIES}[known["family"]]
    own = {key: known[key] for key in ("service", "selector", "code", "looked", "rate", "p99", "errors", "highest")}
    return Baseline(**own, family=family, buckets=tuple(known["buckets"]))


def p99_limit(source: Source) -> Number:
    """The longest that a p99 may be."""
    stake, one = source.stake, source.baseline
    assert stake is not None
    path = f"flows.{stake.name}.tolerance"
    if "tolerance" not in stake.assumed:
        limit = Number(stake.tolerance, path)
    elif one is not None and one.is_p99_known and one.p99 is not None:
        most = max(TIMES_P99 * one.p99, one.p99 + MORE_THAN_P99)
        limit = Number(rounded_up(most), f"the p99 of {one.service} times 3, at least 250ms more, rounded up")
    else:
        limit = Number(NOTICED, f"people notice a second more; write {path}", assumed=True, relative=True)
    if (
        source.kind == "prometheus"
        and one is not None
        and one.highest is not None
        and not limit.relative
        and limit.value > one.highest
    ):
        why = f"the highest bucket of {one.service}; it cannot measure {limit.comment} ({_s(limit.value)})"
        return Number(one.highest, f"{why}: give the histogram higher buckets")
    return limit


def errors_limit(source: Source) -> Number:
    """The largest share of requests that may fail."""
    one = source.baseline
    if one is None or one.errors is None:
        return Number(ERRORS, "what most users do not notice", assumed=True)
    if one.errors * TIMES_ERRORS <= ERRORS:
        return Number(ERRORS, f"well above the errors of {one.service} on a normal day")
    return Number(min(STOP, rounded_up(TIMES_ERRORS * one.errors)), f"twice the errors of {one.service}, rounded up")


def outlasting(scenario: Scenario, limit: float | None) -> Scenario:
    """The scenario with a delay that breaks a claim of `limit` seconds, so that waiting alone cannot keep the claim."""
    longest = longest_of(scenario)
    if limit is None or not 0 < longest <= limit or not _is_delayed(scenario):
        return scenario
    return replace(scenario, least_delay=rounded_up(BEYOND * limit))


def longest_of(scenario: Scenario) -> float:
    """The most seconds by which its faults delay an answer; infinity where the answer may not come at all."""
    specs = [fault_of(json.dumps(fault)) for fault in scenario.faults]
    return math.fsum(strength(spec.fault).longest for spec in specs if spec is not None)


def _is_delayed(scenario: Scenario) -> bool:
    return any("latency" in fault for fault in scenario.faults)


def delay_reason(scenario: Scenario) -> Number | None:
    """The origin of a delay's size; None for a fault without a delay."""
    if not _is_delayed(scenario):
        return None
    delay = SECONDS.parse(scenario.texts["delay"])
    if scenario.least_delay:
        usual = replace(scenario, least_delay=0.0).texts["delay"]
        return Number(delay, f"longer than an answer may take: {usual}, the catalogue's, could be waited for")
    paths = [f"services.{edge.source}.calls.{edge.sink}.timeout" for edge in scenario.edges]
    known = [(edge.call.timeout, path) for edge, path in zip(scenario.edges, paths, strict=True) if edge.call.timeout]
    if known and len(known) == len(paths):
        timeout, path = max(known)
        return Number(delay, f"twice {path}, {_s(timeout)}: longer than anybody waits")
    unsaid = next(path for edge, path in zip(scenario.edges, paths, strict=True) if not edge.call.timeout)
    return Number(delay, f"longer than timeouts are; write {unsaid}", assumed=True)


class Times(NamedTuple):
    """The phases, in seconds."""

    baseline: float
    duration: float
    recovery: float


def times(source: Source, delay: float | None, limit: float | None) -> Times:
    """Phases long enough to hold each window twice, and to exceed a limit for a whole window."""
    window = source.window
    during = max(DURATION, 3 * window, *(2 * limit + window for limit in [limit] if limit), 1.25 * (delay or 0.0))
    return Times(
        _even(max(BASELINE, (2 if source.kind == "prometheus" else 1.5) * window)),
        _even(min(LONGEST, during)),
        _even(min(LONGEST, max(RECOVERY, 3 * window, 2 * window + (limit or 0.0)))),
    )


def rounded_up(value: float) -> float:
    """To the next of 1, 1.5, 2, 2.5, 3 ...: so that a limit does not change with every measurement."""
    scale = 10.0 ** math.floor(math.log10(value))
    return float(f"{next(step for step in (*_STEPS, 10.0) if step * scale >= value * (1 - 1e-9)) * scale:.6g}")


def variable(key: str) -> str:
    """The variable for a URL: `BUY_URL`; through a proxy `GATEWAY_PROXY_URL`."""
    through = f"{key.rpartition(' -> ')[2]}_proxy" if key.startswith(f"{OUTSIDE} -> ") else key
    name = re.sub(r"[^A-Z0-9]+", "_", through.upper()).strip("_") or "ENTRY"
    return f"{'_' if name[0].isdigit() else ''}{name}_URL"


def percent(share: float) -> str:
    return SHARE.format(float(f"{share:.3g}"))


def _even(seconds: float) -> float:
    """Whole fives."""
    return 5.0 * math.ceil(seconds / 5.0)


def _s(seconds: float) -> str:
    return SECONDS.format(seconds)
