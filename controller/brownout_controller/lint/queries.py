"""Rules about PromQL: that a query is about its window, and that a dead scrape is not perfect."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from brownout_controller.lint.rule import Found, rule
from brownout_controller.lint.subject import CheckedHypothesis, Path, Subject
from brownout_controller.probes.prometheus import PrometheusProbe
from brownout_core.promql import seconds_of
from brownout_core.units import SECONDS

_RANGE: Final = re.compile(r"\[\s*((?:\d+(?:ms|[smhdwy]))+)\s*(?::[^\]]*)?\]")
_ZERO: Final = re.compile(r"\bor\b(?:\s+on\s*\([^)]*\))?\s+(?:vector\s*\(|absent\s*\(|\d)", re.IGNORECASE)


@rule(
    "range-not-window",
    "warning",
    "A query looks further back than its window",
    "write [${window}] instead, and set window",
    bad="""
    hypotheses:
      - name: errors stay below 1 %
        prometheus: sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))
        expect: < 1%
    """,
    good="""
    hypotheses:
      - name: errors stay below 1 %
        prometheus: sum(rate(errors_total[${window}])) / sum(rate(requests_total[${window}]))
        expect: < 1%
    """,
)
def literal_range(subject: Subject) -> Iterator[Found]:
    """A measurement counts once `settle` has passed since the phase began; that is the window, unless the file says
    otherwise. A query that looks further back mixes the phase with the one before: under the fault it still sees the
    baseline, and what is bad for a minute is thinned by four good ones.
    """
    for checked, query, path in _queries(subject):
        looks, settle = max(map(seconds_of, _RANGE.findall(query)), default=0.0), checked.terms.settle
        if looks > settle:
            yield Found(
                path,
                f"the query looks {SECONDS.format(looks)} back, and a phase counts from {SECONDS.format(settle)} "
                "after its beginning: what it gives is still about the phase before",
            )


@rule(
    "or-vector",
    "warning",
    "A default value hides that there is no data",
    "leave it out: no data is never good; or count the requests with events and min_events",
    bad="""
    hypotheses:
      - name: errors stay below 1 %
        prometheus: sum(rate(errors_total[${window}])) / sum(rate(requests_total[${window}])) or vector(0)
        expect: < 1%
    """,
    good="""
    hypotheses:
      - name: errors stay below 1 %
        prometheus: sum(rate(errors_total[${window}])) / sum(rate(requests_total[${window}]))
        expect: < 1%
    """,
)
def or_vector(subject: Subject) -> Iterator[Found]:
    """`or vector(0)` makes a target that is not scraped any more, a typing error in a label and a service that is
    down look perfect: 0 errors. Where `events` and `min_events` say how many requests the value rests on there is no
    finding.
    """
    for checked in subject.hypotheses:
        probe = checked.probe
        if not isinstance(probe, PrometheusProbe) or (probe.events is not None and checked.terms.min_events):
            continue
        if match := _ZERO.search(probe.query):
            words = " ".join(probe.query[match.start() :].split())[:20]
            yield Found(checked.inside("query"), f"with {words!r} a value that is missing is taken for a good one")


@rule(
    "range-step",
    "warning",
    "range.step is longer than the window",
    "shorten range.step, or lengthen window",
    bad="""
    hypotheses:
      - name: the queue stays short
        prometheus: {query: sum(queue_length), range: {step: 30s, take: max}}
        expect: < 100
    """,
    good="""
    hypotheses:
      - name: the queue stays short
        prometheus: {query: sum(queue_length), range: {step: 2s, take: max}}
        expect: < 100
    """,
)
def step(subject: Subject) -> Iterator[Found]:
    """Points are taken from the beginning of the window on, one each `step`. With a step longer than the window there
    is one, at its beginning: nothing of what came after is looked at.
    """
    for checked in subject.hypotheses:
        probe = checked.probe
        if isinstance(probe, PrometheusProbe) and probe.range is not None and probe.range.step > checked.terms.window:
            yield Found(
                checked.inside("range", "step"),
                f"a step of {SECONDS.format(probe.range.step)} in a window of {SECONDS.format(checked.terms.window)} "
                "gives one point, at the window's beginning",
            )


def _queries(subject: Subject) -> Iterator[tuple[CheckedHypothesis, str, Path]]:
    for checked in subject.hypotheses:
        if isinstance(checked.probe, PrometheusProbe) and math.isfinite(checked.terms.settle):
            yield checked, checked.probe.query, checked.inside("query")
