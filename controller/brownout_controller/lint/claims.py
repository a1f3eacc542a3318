"""Rules about a claim by itself: that something can miss it, and that what is missed is not forgiven."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from brownout_controller.lint.rule import Found, rule
from brownout_controller.lint.subject import CheckedHypothesis, Subject, is_command
from brownout_controller.model.expectation import Bound
from brownout_controller.model.hypothesis import Tolerate
from brownout_controller.probes.edge import EdgeProbe
from brownout_controller.probes.http import HttpProbe
from brownout_controller.probes.prometheus import PrometheusProbe
from brownout_controller.probes.redis import RedisProbe
from brownout_controller.probes.sql import SqlProbe
from brownout_controller.probes.tcp import TcpProbe
from brownout_controller.probes.traffic import TrafficProbe
from brownout_core.units import SECONDS, SHARE

_COUNTS: Final = re.compile(r"\s*select\s+count\s*\([^()]*\)\s+from\b", re.IGNORECASE)
_SIZES: Final = frozenset(
    ("llen", "scard", "zcard", "hlen", "strlen", "dbsize", "exists", "xlen", "zcount", "bitcount", "pfcount")
)
"""Commands of Redis that count."""
_RATES: Final = re.compile(
    r"\s*(?:(?:sum|max|min|avg|count)\s*(?:by\s*\([^)]*\))?\s*\(\s*)*(?:rate|increase|count|up)\b"
)
_MOSTLY: Final = 0.9
"""The share of errors beyond which a limit is none."""
_NEARLY_ALL: Final = 2 / 3
_FEW: Final = 4
"""Measurements: of fewer, all but one are soon forgiven, and another rule speaks."""


@rule(
    "claim-always-holds",
    "error",
    "Every value that there can be meets the claim",
    "write a limit that a bad value misses",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: "< 1%"}
      - {name: work goes on, traffic: rate, expect: ">= -1 * baseline"}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: "< 1%"}
      - {name: work goes on, traffic: rate, expect: ">= 0.5 * baseline"}
    """,
)
def always(subject: Subject) -> Iterator[Found]:
    """A count, a time, a rate or a share is never below 0, and neither is its baseline: `>= -1 * baseline` and, of a
    count, `>= 0` hold whatever happens.
    """
    for checked in subject.hypotheses:
        low = checked.expected.low
        lowest = _lowest(checked)
        if checked.expected.comparison not in (">", ">="):
            continue
        strict = checked.expected.comparison == ">"
        if low.factor <= 0 and (low.offset < lowest or (low.offset == lowest and not strict)) and math.isfinite(lowest):
            yield Found(
                checked.at("expect"), f"{str(checked.expected)!r} holds whatever happens: the value is never below 0"
            )


def _lowest(checked: CheckedHypothesis) -> float:
    """Below which its value never is."""
    probe = checked.probe
    counts = (
        (isinstance(probe, SqlProbe) and _COUNTS.match(probe.query))
        or (isinstance(probe, RedisProbe) and probe.command[0].lower() in _SIZES)
        or (isinstance(probe, PrometheusProbe) and _RATES.match(probe.query) and not re.search(r"\s-\s", probe.query))
    )
    return 0.0 if counts else probe.scale().lowest


@rule(
    "limit-beyond-timeout",
    "error",
    "A measurement is given up before it can miss the limit",
    "give the hypothesis a timeout above the limit, or lower the limit",
    bad="""
    fault: {latency: 20s}
    hypotheses:
      - {name: pages work, http: {url: "http://127.0.0.1:8080/", measure: ok}, expect: == 1}
      - {name: pages are fast, http: "http://127.0.0.1:8080/", expect: < 10s}
    """,
    good="""
    fault: {latency: 20s}
    hypotheses:
      - {name: pages work, http: {url: "http://127.0.0.1:8080/", measure: ok}, expect: == 1}
      - {name: pages are fast, http: "http://127.0.0.1:8080/", expect: < 2s}
    """,
)
def beyond_timeout(subject: Subject) -> Iterator[Found]:
    """A measurement that takes longer than the hypothesis's `timeout` is given up. Where the limit is above it, no
    answer can be too slow: one that is gives no value, and a service that hangs is never refuted.
    """
    for checked in subject.hypotheses:
        if not isinstance(checked.probe, (HttpProbe, TcpProbe)) or checked.measure not in ("latency", "connect"):
            continue
        allowed = checked.allowed
        if allowed is not None and allowed >= checked.probe.patience and not checked.expected.needs_baseline:
            yield Found(
                checked.at("expect"),
                f"{str(checked.expected)!r} cannot be missed: the measurement is given up after "
                f"{SECONDS.format(checked.terms.timeout)}",
            )


@rule(
    "exit-code-as-number",
    "error",
    "A program that fails meets the claim as well",
    "write `measure: number` for what the program prints, or `== 0` for its exit code",
    bad="""
    hypotheses:
      - {name: few are lost, command: ./count-lost.sh, expect: < 5}
    """,
    good="""
    hypotheses:
      - {name: few are lost, command: {run: ./count-lost.sh, measure: number}, expect: < 5}
    """,
)
def exit_code(subject: Subject) -> Iterator[Found]:
    """A command is measured by its exit code: 0 where it went well, 1 or more where it did not. `< 5` holds for both,
    and says nothing of the number that the program printed.
    """
    for checked in filter(is_command, subject.hypotheses):
        expected = checked.expected
        if not expected.needs_baseline and expected.holds(0.0) and expected.holds(1.0):
            yield Found(
                checked.at("expect"), f"{str(expected)!r} of an exit code: 0 and 1 both meet it, and 1 is a failure"
            )


@rule(
    "exit-code-of-signal",
    "warning",
    "A program that a signal kills meets the claim",
    "write `== 0`",
    bad="""
    hypotheses:
      - {name: the smoke test passes, command: ./smoke.sh, expect: < 1}
    """,
    good="""
    hypotheses:
      - {name: the smoke test passes, command: ./smoke.sh, expect: == 0}
    """,
)
def signalled(subject: Subject) -> Iterator[Found]:
    """The exit code of a program that a signal has ended is negative: -9 where the kernel killed it for its memory."""
    for checked in filter(is_command, subject.hypotheses):
        expected = checked.expected
        if not expected.needs_baseline and expected.holds(-9.0) and not expected.holds(1.0):
            yield Found(
                checked.at("expect"), f"{str(expected)!r} of an exit code: -9, of a program that was killed, meets it"
            )


@rule(
    "limit-that-nothing-misses",
    "warning",
    "A limit is so wide that hardly anything misses it",
    "write what users would accept",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 95%}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 5%}
    """,
)
def loose(subject: Subject) -> Iterator[Found]:
    """A service of which nine answers in ten are errors is down. `!=` of a value that is never twice the same, such
    as a time, is missed by no value either, and nor is an `ok` of 0 or 1 that may be anything.
    """
    for checked in subject.hypotheses:
        expected, allowed = checked.expected, checked.allowed
        if (
            isinstance(checked.probe, TrafficProbe)
            and checked.measure == "errors"
            and allowed is not None
            and allowed >= _MOSTLY
        ):
            share = SHARE.format(allowed)
            yield Found(checked.at("expect"), f"{str(expected)!r}: a service with {share} of errors is down")
        if expected.comparison == "!=" and checked.is_continuous:
            yield Found(
                checked.at("expect"), f"{str(expected)!r}: a value that is never twice the same does not miss that"
            )
        if (
            isinstance(checked.probe, HttpProbe)
            and checked.measure == "status"
            and expected.holds(200.0)
            and expected.holds(503.0)
        ):
            yield Found(checked.at("expect"), f"{str(expected)!r}: status 503 meets it as well as 200")


@rule(
    "tolerates-all-but-one",
    "error",
    "One good measurement is enough",
    "forgive fewer",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%, tolerate: {failures: 99, of: 100}}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%, tolerate: {failures: 2, of: 10}}
    """,
)
def one_is_enough(subject: Subject) -> Iterator[Found]:
    """`tolerate` is applied to the measurements that a phase has time for; where those are fewer than `of`, so many
    fewer are forgiven. A claim for which a single good one of them is enough holds for a service that is down.
    """
    for checked, due, forgiven in _forgiving(subject):
        if due >= _FEW and forgiven >= due - 1:
            yield Found(checked.at("tolerate"), f"of {due} measurements under the fault all but one may be bad")


@rule(
    "tolerates-most",
    "warning",
    "Most bad measurements are forgiven",
    "forgive fewer",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%, tolerate: {failures: 8, of: 10}}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%, tolerate: {failures: 2, of: 10}}
    """,
)
def most(subject: Subject) -> Iterator[Found]:
    """More than two bad measurements in three are no exception: that is what the claim says of the system."""
    for checked, due, forgiven in _forgiving(subject):
        if _NEARLY_ALL * due < forgiven and not (due >= _FEW and forgiven >= due - 1):
            yield Found(checked.at("tolerate"), f"of {due} measurements under the fault {forgiven} may be bad")


def _forgiving(subject: Subject) -> Iterator[tuple[CheckedHypothesis, int, int]]:
    """What has a tolerance, the measurements that are due under the fault, and how many in a row may be bad."""
    for checked in subject.during:
        tolerate, due = checked.terms.tolerate, subject.due(checked, "during")
        if tolerate is not None and due:
            yield checked, due, _forgiven(tolerate, due)


def _forgiven(tolerate: Tolerate, due: int) -> int:
    if tolerate.consecutive is not None:
        return min(due, tolerate.consecutive - 1)
    failures, of = tolerate.failures or 0, tolerate.of or 1
    if due < of:
        return failures * due // of
    whole, rest = divmod(due, of)
    return whole * failures + min(rest, failures)


@rule(
    "relative-to-nothing",
    "warning",
    "What is compared with the baseline is 0 in the baseline",
    "add a margin, like `<= baseline + 1%`, or write a limit without the baseline",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: <= 2 * baseline}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: <= baseline + 1%}
    """,
)
def of_zero(subject: Subject) -> Iterator[Found]:
    """A healthy system has no errors, no failed dials and, before the fault, no hits: twice 0 is 0, and there is
    nothing to compare with.
    """
    for checked in subject.hypotheses:
        if not isinstance(checked.probe, (TrafficProbe, EdgeProbe)) or checked.measure not in (
            "errors",
            "dial_failures",
            "hits",
        ):
            continue
        if any(_is_multiple(bound) for bound in (checked.expected.low, checked.expected.high)):
            yield Found(
                checked.at("expect"), f"{str(checked.expected)!r}: {checked.measure} are 0 in a healthy baseline"
            )


@rule(
    "no-margin",
    "warning",
    "The claim leaves no room for chance",
    "leave some room, like `<= 1.5 * baseline` or `<= baseline + 50ms`",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
      - {name: as fast as before, traffic: p99, expect: <= baseline, when: [baseline, recovery]}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
      - {name: as fast as before, traffic: p99, expect: <= 1.5 * baseline + 50ms, when: [baseline, recovery]}
    """,
)
def exact(subject: Subject) -> Iterator[Found]:
    """The baseline is a median: of values that are never twice the same, half are above it and half below it on the
    best of days. A claim that allows nothing beyond it is refuted by chance.
    """
    for checked in subject.hypotheses:
        bound = checked.expected.low
        if checked.is_continuous and checked.expected.high is None and bound.factor == 1 and not bound.offset:
            yield Found(
                checked.at("expect"), f"{str(checked.expected)!r}: half of all measurements miss that by chance"
            )


def _is_multiple(bound: Bound | None) -> bool:
    return bound is not None and bound.factor > 0 and not bound.offset


@rule(
    "duplicate-claim",
    "warning",
    "Two hypotheses claim the same",
    "take one of them away, or change what it measures",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
      - {name: nothing fails, traffic: errors, expect: < 1%}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
      - {name: half of the work goes on, traffic: rate, expect: ">= 0.5 * baseline"}
    """,
)
def twice(subject: Subject) -> Iterator[Found]:
    """The second one proves nothing that the first one does not; most often a copy was not changed."""
    seen: dict[str, str] = {}
    for checked in subject.hypotheses:
        terms = checked.terms.model_dump(mode="json", exclude={"name", "because"})
        key = repr((checked.probe.kind, checked.probe.model_dump(mode="json"), terms))
        if key in seen:
            yield Found(checked.path, f"{checked.name!r} measures and expects the same as {seen[key]!r}")
        seen.setdefault(key, checked.name)
