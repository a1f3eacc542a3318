"""Rules about stop conditions: that they end a run that is bad, and no other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from brownout_controller.lint.rule import Found, rule
from brownout_controller.lint.subject import CheckedHypothesis, Subject
from brownout_controller.probes.http import HttpProbe
from brownout_controller.probes.tcp import TcpProbe
from brownout_controller.probes.traffic import TrafficProbe
from brownout_core.units import SECONDS


@rule(
    "stop-within-expect",
    "warning",
    "A value that is good ends the run",
    "stop at what expect calls bad, further out than its limit",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 10%, stop: "> 5%"}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 10%, stop: "> 50%"}
    """,
)
def within(subject: Subject) -> Iterator[Found]:
    """`expect: < 10%` with `stop: "> 5%"` ends a run at 7 %, which the claim allows: it never passes."""
    for checked in subject.hypotheses:
        stop = checked.terms.stop_at
        if stop is None or stop.needs_baseline or checked.expected.needs_baseline:
            continue
        both = [value for value in _between(checked) if checked.expected.holds(value) and stop.holds(value)]
        if both:
            yield Found(
                checked.at("stop"),
                f"stop {str(stop)!r} and expect {str(checked.expected)!r} share values: a good one ends the run",
            )


def _between(checked: CheckedHypothesis) -> Iterator[float]:
    """Values on both sides of each limit, and between each two of them; not the limits themselves."""
    stop = checked.terms.stop_at
    lowest, highest = checked.probe.scale()[1:]
    limits = {
        limit for one in (checked.expected, stop) if one is not None for limit in one.limits() if limit is not None
    }
    ends = sorted({*limits, *(end for end in (lowest, highest) if math.isfinite(end))})
    if not ends:
        return
    yield from ((low + high) / 2 for low, high in pairwise(ends))
    if ends[0] > lowest:
        yield ends[0] - 1
    if ends[-1] < highest:
        yield ends[-1] + 1


@rule(
    "stop-does-not-forgive",
    "warning",
    "stop ends the run at what tolerate forgives",
    "give stop a threshold further out, or leave tolerate out",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%, stop: true, tolerate: {failures: 2, of: 10}}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%, stop: "> 50%", tolerate: {failures: 2, of: 10}}
    """,
)
def unforgiving(subject: Subject) -> Iterator[Found]:
    """`stop` ends the run at the first value that it is about; `tolerate` forgives some that miss `expect`. With
    `stop: true`, or a threshold at the limit of `expect`, the first of those ends the run.
    """
    for checked in subject.during:
        terms = checked.terms
        if terms.tolerate is None or not terms.stop:
            continue
        stop = terms.stop_at
        if stop is None or (stop.limits() == _mirrored(checked) and not stop.needs_baseline):
            yield Found(checked.at("stop"), "the first bad value ends the run, and tolerate would forgive it")


def _mirrored(checked: CheckedHypothesis) -> tuple[float | None, float | None]:
    low, high = checked.expected.limits()
    return high, low


@rule(
    "stop-out-of-reach",
    "warning",
    "No value ever reaches the stop condition",
    "lower stop, or raise the timeout above it",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
      - {name: p99 stays under 2 s, traffic: p99, expect: < 2s, stop: "> 30s"}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
      - {name: p99 stays under 2 s, traffic: p99, expect: < 2s, stop: "> 8s"}
    """,
)
def unreachable(subject: Subject) -> Iterator[Found]:
    """A request is given up after its `timeout`, so that no latency is longer: a stop condition beyond that ends no
    run.
    """
    for checked in subject.during:
        stop, longest = checked.terms.stop_at, _longest(subject, checked)
        if stop is None or longest is None or stop.needs_baseline:
            continue
        low, _ = stop.limits()
        if low is not None and low >= longest:
            yield Found(
                checked.at("stop"),
                f"{str(stop)!r} never ends the run: a request is given up after {SECONDS.format(longest)}",
            )


def _longest(subject: Subject, checked: CheckedHypothesis) -> float | None:
    """The longest latency that the claim's probe can give."""
    load = subject.conditions.traffic
    if isinstance(checked.probe, TrafficProbe) and checked.is_latency and load is not None:
        return load.timeout
    if isinstance(checked.probe, (HttpProbe, TcpProbe)) and checked.measure in ("latency", "connect"):
        return checked.terms.timeout
    return None
