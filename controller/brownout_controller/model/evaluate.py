"""Whether a measurement is good, bad or unknown: the one rule, for the live line, the dry run, stop conditions, the
judge and reports. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final, Literal, NamedTuple

from brownout_controller.model.expectation import Bound, Expectation
from brownout_controller.model.hypothesis import Accepted, RecordedTerms
from brownout_controller.model.journal import Sample
from brownout_controller.model.probe import Failure, Reading

Why = Literal[
    "", "value", "no-data", "accepted", "several", "no-answer", "no-baseline", "zero-baseline", "failed-baseline"
]
"""Why it is not good: by its value; no data, which may be accepted; several values where one is meant; the service did
not answer; or there is nothing to compare the value with: no baseline, one of zero, or one in which all requests
failed."""

_REFUSALS: Final[frozenset[Failure]] = frozenset({"refused", "reset", "closed", "unreachable", "malformed", "failed"})
_HUNG: Final = 0.25
"""Seconds without an answer that are no sign of anything: a busy machine needs them now and then."""
_SLOWER: Final = 2.0
"""An answer that takes so many times the longest one so far hangs."""


class Before(NamedTuple):
    """What was measured before the fault. Times are in seconds."""

    value: float | None = None
    """The median; None if there was no value."""
    answered: bool = False
    """Whether the service answered at all."""
    longest: float = 0.0
    """How long the slowest measurement took that was answered, before the fault or under it: a service that the fault
    slows down does not hang, and what is under way when the fault ends may not have had the time yet."""

    def under(self, reading: Reading, took: float | None) -> Before:
        """With one that was taken under the fault."""
        return self._replace(longest=max(self.longest, longest_answer([(reading, took)])))


NOTHING: Final = Before()


class Evaluation(NamedTuple):
    """`good` is None where it is unknown. `value` is the one that decided, None where there is none."""

    good: bool | None
    why: Why = ""
    value: float | None = None


def reading_of(sample: Sample) -> Reading:
    """A measurement as a journal has it."""
    series = tuple((label, value) for label, value in sample.series)
    failure: Failure = sample.failure  # type: ignore[assignment]  # a newer journal may have a kind that we do not know
    return Reading(sample.value, sample.why, sample.events, series, failure, sample.waited)


def before(taken: Iterable[tuple[Reading, float | None]], under: Iterable[tuple[Reading, float | None]] = ()) -> Before:
    """Of the readings of the baseline that count, and of those `under` the fault so far, each with the seconds that it
    took."""
    values, answered, longest = [], False, longest_answer(under)
    for reading, took in taken:
        value = _only_value(reading)
        if value is not None and not math.isnan(value):
            values.append(value)
        if _is_answer(reading):
            answered, longest = True, max(longest, took or 0.0)
    return Before(median(values) if values else None, answered, longest)


def longest_answer(taken: Iterable[tuple[Reading, float | None]]) -> float:
    """Seconds that the slowest of them took that was answered; 0 if none was."""
    return max((took or 0.0 for reading, took in taken if _is_answer(reading)), default=0.0)


def before_of(samples: Iterable[Sample]) -> Before:
    """The same of a journal's samples, whatever phases they are of."""
    taken: dict[str, list[tuple[Reading, float | None]]] = {}
    for item in samples:
        if not item.settling:
            taken.setdefault(item.phase, []).append((reading_of(item), item.took))
    return before(taken.get("baseline", ()), taken.get("during", ()))


def evaluate(terms: RecordedTerms, reading: Reading, known: Before = NOTHING) -> Evaluation:
    """Whether a reading meets what is expected."""
    several = reading.value is None and len(reading.series) > 1
    if several and terms.series == "one":
        return _without_value(terms, reading, known, "several")
    values = [value for value in _values(reading) if not math.isnan(value)]
    if not values:
        return _without_value(terms, reading, known, "no-data")
    if why := incomparable(terms, terms.expected, known):
        return Evaluation(None, why, values[0])
    goods = [terms.expected.holds(value, known.value) for value in values]
    holes = len(values) < len(_values(reading))
    if several and terms.series == "any":
        if any(goods):
            return Evaluation(True, "", values[goods.index(True)])
        return _without_value(terms, reading, known, "no-data") if holes else Evaluation(False, "value", values[0])
    if not all(goods):
        return Evaluation(False, "value", values[goods.index(False)])
    return _without_value(terms, reading, known, "no-data") if holes else Evaluation(True, "", values[0])


def stops(terms: RecordedTerms, reading: Reading, known: Before = NOTHING) -> Evaluation:
    """Whether a reading must end the run: `good` is False then, and None where that is not known."""
    if terms.stop_at is None:
        found = evaluate(terms, reading, known)
        return found if terms.stop or found.good is not False else found._replace(good=None)
    values = [value for value in _values(reading) if not math.isnan(value)]
    if not values and reading.waited is not None and terms.waits == "value":
        values = [reading.waited]  # the value is at least that
    if not values:
        return Evaluation(None, "no-answer" if reading.failure else "no-data")
    if why := incomparable(terms, terms.stop_at, known):
        return Evaluation(None, why, values[0])
    met = next((value for value in values if terms.stop_at.holds(value, known.value)), None)
    if met is not None:
        return Evaluation(False, "value", met)
    waiting = reading.value is None and not reading.series  # it may still become what ends the run
    return Evaluation(None, "no-answer", values[0]) if waiting else Evaluation(True, "", values[0])


def incomparable(terms: RecordedTerms, expected: Expectation, known: Before) -> Why:
    """Why there is nothing that a value could be compared with; empty if there is."""
    if not expected.needs_baseline:
        return ""
    if known.value is None:
        return "no-baseline"
    if (terms.probe, terms.measure) == ("traffic", "errors") and known.value >= 1.0:
        return "failed-baseline"
    bounds = [expected.low] if expected.high is None else [expected.low, expected.high]
    lower = expected.comparison in (">=", "between")
    if known.value == 0 and any(_scales_nothing(bound, lower=lower) for bound in bounds):
        return "zero-baseline"
    return ""


def _scales_nothing(bound: Bound, *, lower: bool) -> bool:
    """Whether it is zero times something: any share of it is met by nothing at all. `<= baseline` still claims that it
    was zero before and is now."""
    return bool(bound.factor) and bound.offset == 0 and (bound.factor != 1 or lower)


def _without_value(terms: RecordedTerms, reading: Reading, known: Before, why: Why) -> Evaluation:
    """Of a reading that lacks what decides."""
    if reading.failure in _REFUSALS and known.answered:
        return Evaluation(False, "no-answer")
    if reading.failure and reading.waited is not None:
        if terms.waits == "bad" and known.answered and reading.waited > max(_HUNG, _SLOWER * known.longest):
            return Evaluation(False, "no-answer")
        if terms.waits == "value" and not incomparable(terms, terms.expected, known):
            _, high = terms.expected.limits(known.value)
            if high is not None and reading.waited > high:
                return Evaluation(False, "no-answer", reading.waited)
    if terms.no_data == "fail":
        return Evaluation(False, "no-answer" if reading.failure else why)
    if reading.failure and known.answered:
        return Evaluation(None, "no-answer")  # no data is accepted of a service that has none, not of one that hangs
    if why == "no-data" and isinstance(terms.no_data, Accepted):
        return Evaluation(None, "accepted")
    return Evaluation(None, "no-answer" if reading.failure else why)


def _is_answer(reading: Reading) -> bool:
    return not reading.failure and (reading.value is not None or bool(reading.series))


def _only_value(reading: Reading) -> float | None:
    if reading.value is not None:
        return reading.value
    return reading.series[0][1] if len(reading.series) == 1 else None


def _values(reading: Reading) -> Sequence[float]:
    return [reading.value] if reading.value is not None else [value for _, value in reading.series]
