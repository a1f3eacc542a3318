"""What the numbers of an experiment come from: limits, load and times, each with its reason.

A number is measured (a baseline), said (the architecture), or assumed, which its comment then says. Everything is sized
for a laptop: half a minute of fault, a few requests a second.
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
"""A delay is so much longer than what an answer may take, where its timeout would fit into that."""
LONGEST: Final = 300.0
"""Seconds of fault; what takes longer to show is no test for a laptop."""
ALIKE: Final = 0.999
_STEPS: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Number(NamedTuple):
    """A number, and where it is from."""

    value: float
    why: str
    assumed: bool = False
    relative: bool = False
    """Whether it comes on top of `TIMES_P99` baselines of the run itself, which nobody knows beforehand."""

    @property
    def expected(self) -> str:
        """What a hypothesis expects of a p99, in the words of an experiment file."""
        seconds = SECONDS.format(self.value)
        return f"<= {TIMES_P99:g} * baseline + {seconds}" if self.relative else f"< {seconds}"

    @property
    def comment(self) -> str:
        return f"assumed: {self.why}" if self.assumed else self.why


class Source(NamedTuple):
    """What hypotheses about a flow can ask."""

    key: str
    """By what an entry is given: the flow, or the edge where that begins outside; empty for neither."""
    stake: FlowImpact | None
    """The flow that suffers most; None where none that is known goes over it."""
    url: str | None
    """Where its requests go, if somebody has said so."""
    baseline: Baseline | None
    """Of its first service of which something was measured."""
    server: str
    scrape: float
    has_password: bool
    speaks_http: bool
    """Whether the flow begins at what answers requests."""

    @property
    def kind(self) -> str:
        """What measures: a load where one can be sent, else what a Prometheus has, else the proxy."""
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
    """The flow that hangs on it most; of several alike one that can be asked, or that people come through."""
    alike = [hold.stake for hold in scenario.holds if hold.lost >= ALIKE * scenario.holds[0].lost]
    ranked = sorted(
        alike, key=lambda stake: (stake.name not in known, architecture.kind(stake.flow.path[0]) != "gateway")
    )
    return ranked[0] if ranked else None


def source(
    scenario: Scenario, architecture: Architecture, entries: Mapping[str, str], baselines: Baselines | None,
    remembered: Mapping[str, Mapping[str, Any]],
) -> Source:  # fmt: skip
    """`remembered` is what an earlier run was given, by the same keys: it stands in for what is not given now."""
    stake = watched(scenario, architecture, {*entries, *remembered})
    if stake is None:
        return Source("", None, None, None, "", TYPICAL_SCRAPE, False, False)
    outside = scenario.edge is not None and scenario.edge.startswith(f"{OUTSIDE} -> ")
    key = str(scenario.edge) if outside else stake.name  # whoever goes past the proxy meets no fault
    before = remembered.get(key, {})
    given = entries.get(key, None if outside else entries.get(""))
    url = given or (str(before["url"]) if "url" in before else None)
    http = answers_http(architecture, stake.flow.path[0])
    if baselines is not None:
        found = next((baselines.found[name] for name in stake.flow.path if name in baselines.found), None)
        return Source(key, stake, url, found, baselines.server, baselines.scrape, baselines.has_password, http)
    known: Any = before.get("baseline")
    try:
        server, scrape, password = str(known["server"]), float(known["scrape"]), bool(known["password"])
        return Source(key, stake, url, _recalled(known), server, scrape, password, http)
    except (LookupError, TypeError, ValueError):  # there was none, or somebody has been in its line
        return Source(key, stake, url, None, "", TYPICAL_SCRAPE, False, http)


def remember(told: Source) -> Mapping[str, Any]:
    """What has to be given again, or kept in the file."""
    found: dict[str, Any] = {} if told.stake is None else {"for": told.key}
    if told.url is not None:
        found["url"] = told.url
    one = told.baseline
    if one is not None:
        numbers = {key: getattr(one, key) for key in ("rate", "p99", "errors", "highest", "looked")}
        found["baseline"] = {
            **{key: value and float(f"{value:.4g}") for key, value in numbers.items()},
            "service": one.service, "family": one.family.name, "selector": one.selector, "code": one.code,
            "buckets": list(one.buckets), "server": told.server, "scrape": told.scrape, "password": told.has_password,
        }  # fmt: skip
    return found


def _recalled(known: Mapping[str, Any]) -> Baseline:
    """Raises LookupError, TypeError."""
    family = {family.name: family for family in FAMILIES}[known["family"]]
    own = {key: known[key] for key in ("service", "selector", "code", "looked", "rate", "p99", "errors", "highest")}
    return Baseline(**own, family=family, buckets=tuple(known["buckets"]))


def p99_limit(told: Source) -> Number:
    """The longest that a p99 may be."""
    stake, one = told.stake, told.baseline
    assert stake is not None
    path = f"flows.{stake.name}.tolerance"
    if "tolerance" not in stake.assumed:
        limit = Number(stake.tolerance, path)
    elif one is not None and one.is_told and one.p99 is not None:
        most = max(TIMES_P99 * one.p99, one.p99 + MORE_THAN_P99)
        limit = Number(rounded_up(most), f"the p99 of {one.service} times 3, at least 250ms more, rounded up")
    else:
        limit = Number(NOTICED, f"a second more is what people notice; write {path}", assumed=True, relative=True)
    if (
        told.kind == "prometheus"
        and one is not None
        and one.highest is not None
        and not limit.relative
        and limit.value > one.highest
    ):
        why = f"the highest bucket of {one.service}; nothing can be told of {limit.comment} ({_s(limit.value)})"
        return Number(one.highest, f"{why}: give the histogram higher buckets")
    return limit


def errors_limit(told: Source) -> Number:
    """The largest share of requests that may fail."""
    one = told.baseline
    if one is None or one.errors is None:
        return Number(ERRORS, "what most users do not notice", assumed=True)
    if one.errors * TIMES_ERRORS <= ERRORS:
        return Number(ERRORS, f"well above the errors of {one.service} on a normal day")
    return Number(min(STOP, rounded_up(TIMES_ERRORS * one.errors)), f"twice the errors of {one.service}, rounded up")


def outlasting(scenario: Scenario, limit: float | None) -> Scenario:
    """The scenario with a delay that misses a claim of `limit` seconds: who does nothing but wait must not keep it."""
    longest = longest_of(scenario)
    if limit is None or not 0 < longest <= limit or not _is_delayed(scenario):
        return scenario
    return replace(scenario, least_delay=rounded_up(BEYOND * limit))


def longest_of(scenario: Scenario) -> float:
    """Seconds by which its faults hold an answer up at most; infinity where it may not come at all."""
    specs = [fault_of(json.dumps(fault)) for fault in scenario.faults]
    return math.fsum(strength(spec.fault).longest for spec in specs if spec is not None)


def _is_delayed(scenario: Scenario) -> bool:
    return any("latency" in fault for fault in scenario.faults)


def delay_reason(scenario: Scenario) -> Number | None:
    """Where the size of a delay is from; None for a fault without one."""
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


def times(told: Source, delay: float | None, limit: float | None) -> Times:
    """Long enough that each window fits twice, and that a limit can be missed for a whole window."""
    window = told.window
    during = max(DURATION, 3 * window, *(2 * limit + window for limit in [limit] if limit), 1.25 * (delay or 0.0))
    return Times(
        _even(max(BASELINE, (2 if told.kind == "prometheus" else 1.5) * window)),
        _even(min(LONGEST, during)),
        _even(min(LONGEST, max(RECOVERY, 3 * window, 2 * window + (limit or 0.0)))),
    )


def rounded_up(value: float) -> float:
    """To the next of 1, 1.5, 2, 2.5, 3 ...: so that a limit does not change with every measurement."""
    scale = 10.0 ** math.floor(math.log10(value))
    return float(f"{next(step for step in (*_STEPS, 10.0) if step * scale >= value * (1 - 1e-9)) * scale:.6g}")


def variable(key: str) -> str:
    """Where requests go, as a variable: `BUY_URL`; through a proxy `GATEWAY_PROXY_URL`."""
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
