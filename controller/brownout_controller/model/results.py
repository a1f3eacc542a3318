"""What came of each hypothesis in each phase, from the journal alone: the account of its measurements, and the outcome
that follows from it. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from brownout_controller.model.accounting import (
    Counts,
    Held,
    counts,
    due,
    held_again,
    longest,
    needed_for_good,
    tolerated,
)
from brownout_controller.model.evaluate import Evaluation, before_of, evaluate, longest_answer, reading_of
from brownout_controller.model.hypothesis import Accepted, RecordedTerms, Tolerate
from brownout_controller.model.journal import Sample
from brownout_controller.model.journal_index import JournalIndex, stop_reason
from brownout_controller.model.reasons import Number, Reason
from brownout_core.experiment_terms import Phase

Outcome = Literal["held", "accepted", "broke", "no-data", "missing", "too-few", "untested"]
"""`accepted` is a phase without any data for which the file accepts that; `missing` has measurements that were due and
were not taken; `no-data` has too many that are neither good nor bad."""

_ENOUGH: Final = 0.5
"""The share of the baseline's measurements that must be good or bad."""
_GAP: Final = 0.25
"""Seconds of a phase for which measurements may be missing: a busy machine loses as much at the end of a phase."""
_NOTHING_TO_COMPARE: Final = ("no-baseline", "zero-baseline", "failed-baseline", "several")


class Result(NamedTuple):
    """One hypothesis in one phase. `worst` is the value furthest from what was expected."""

    name: str
    phase: Phase
    outcome: Outcome
    counts: Counts
    worst: float | None
    reason: Reason
    kinds: Mapping[str, int] = {}
    """Of the bad and the unanswered ones: how the service did not answer, and how often."""

    @property
    def accounted(self) -> bool:
        """Whether nothing about it is in doubt."""
        return self.outcome in ("held", "accepted")


@dataclass(frozen=True, slots=True)
class _Taken:
    at: float
    sample: Sample
    found: Evaluation


class HypothesisEvaluator:
    """One hypothesis before the judge."""

    def __init__(self, journal: JournalIndex, terms: RecordedTerms, recovery: float) -> None:
        """`recovery` is within how many seconds it has to hold again unless the file sets another time."""
        self._journal = journal
        self._terms = terms
        self._recovery = terms.recover_within or recovery
        phases: tuple[Phase, ...] = ("baseline", "during")
        self._before = before_of(
            sample for phase in phases for _, sample in journal.samples.get((terms.name, phase), [])
        )
        self._lasted = journal.phase_seconds()

    @property
    def was_false(self) -> bool:
        """Whether it is a claim on the recovery only that did not hold before the fault either."""
        if {"baseline", "during"} & set(self._terms.when):
            return False
        return any(item.found.good is False for item in self._taken("baseline"))

    def result(self, phase: Phase) -> Result:
        taken = self._taken(phase)
        outcomes = [item.found.good for item in taken]
        counted = counts(outcomes, self._due(phase))
        outcome, code, numbers = self._outcome(phase, taken, counted)
        worst = self._worst(item for item in taken if item.found.good is not None)
        kinds = Counter(item.sample.failure for item in taken if item.found.good is not True and item.sample.failure)
        reason = self._reason(code, phase, taken, counted, worst, kinds, numbers)
        return Result(self._terms.name, phase, outcome, counted, worst, reason, dict(kinds))

    def held_again(self, *, settling: bool = False) -> tuple[float, Held] | None:
        """When it held again in the recovery; with `settling`, samples that do not count are taken into account as
        well."""
        taken = self._taken("recovery", settling=settling)
        total = max(len(taken), self._due("recovery"))
        held = held_again([item.found.good for item in taken], self._terms.tolerate, total)
        return None if held is None else (taken[held.first].at, held)

    def _due(self, phase: Phase) -> int:
        """How many measurements should be there; None for an older journal."""
        terms = self._terms
        return 0 if terms.waits is None else due(self._lasted.get(phase, 0.0), terms.settle, terms.every)

    def _taken(self, phase: Phase, *, settling: bool = False) -> Sequence[_Taken]:
        samples = self._journal.samples.get((self._terms.name, phase), []) if settling else None
        return [
            _Taken(at, sample, evaluate(self._terms, reading_of(sample), self._before))
            for at, sample in (self._journal.counting(self._terms.name, phase) if samples is None else samples)
        ]

    def _outcome(
        self, phase: Phase, taken: Sequence[_Taken], counted: Counts
    ) -> tuple[Outcome, str, Mapping[str, Number]]:
        """The outcome, the code of its reason, and numbers of its own."""
        stop, terms = self._journal.stop, self._terms
        if phase == "during" and stop is not None and (stop.cause, stop.hypothesis) == ("condition", terms.name):
            return "broke", "stop-met", {}  # maybe before any sample counts
        outcomes = [item.found.good for item in taken]
        if not taken:
            return ("missing", "missing", {}) if counted.missing else ("untested", "unmeasured", {})
        if phase == "recovery":
            if (flaw := self._unrecovered(taken)) is not None:
                return flaw
        elif not tolerated([good for good in outcomes if good is not None] or [True], self._tolerate(phase)):
            return "broke", "broke", {}
        if counted.missing * terms.every > _GAP:
            return "missing", "missing", {}
        if all(item.found.why == "accepted" for item in taken):
            return "accepted", "accepted", {}
        if (code := self._blind(phase, taken)) is not None:
            return "no-data", code, {}
        events = max((item.sample.events or 0.0 for item in taken), default=0.0)
        if terms.min_events is not None and events < terms.min_events:
            return "too-few", "too-few-events", {"events": Number(events), "wanted": Number(terms.min_events)}
        return "held", "held", {}

    def _tolerate(self, phase: Phase) -> Tolerate | None:
        return None if phase == "baseline" else self._terms.tolerate

    def _unrecovered(self, taken: Sequence[_Taken]) -> tuple[Outcome, str, Mapping[str, Number]] | None:
        """Why it is not proved that it held again in time."""
        limit = {"within": Number(self._recovery, "s")}
        if all(item.found.good is None for item in taken):
            return None
        again = self.held_again()
        if again is None:
            return "broke", "not-recovered", limit
        at, held = again
        began = self._journal.reverted_at
        if began is not None and at - began > self._recovery:
            return "broke", "not-recovered", limit
        if held.for_good:
            return None
        total = max(len(taken), self._due("recovery"))
        last = sum(item.found.good is True for item in taken[held.first :])
        return "too-few", "not-for-good", {"last": Number(last), "needed": Number(needed_for_good(total))}

    def _blind(self, phase: Phase, taken: Sequence[_Taken]) -> str | None:
        """The code for too many that are neither good nor bad. In the baseline half of them may be: what it has of
        them, the other phases may have as well, and one at a time. What the end of a phase cut short is no hole, where
        at least half of the phase is known."""
        unknown = [item.found.good is None and item.found.why != "accepted" for item in taken]
        known = sum(item.found.good is not None for item in taken)
        if phase == "baseline":
            blind = known < max(1, _ENOUGH * len(taken))
        else:
            again = self.held_again() if phase == "recovery" else None
            first = 0 if again is None else again[1].first
            usual = longest(None, [item.found.good for item in self._taken("baseline")])
            cut = _cut_short(taken) if known >= _ENOUGH * len(taken) else 0
            blind = not known or longest(True, unknown[first : len(taken) - cut]) > max(1, usual)
        if not blind:
            return None
        why = Counter(item.found.why for item, is_unknown in zip(taken, unknown, strict=True) if is_unknown)
        common = next((name for name, _ in why.most_common(1)), "no-data")
        if common in _NOTHING_TO_COMPARE:
            return common
        seen = any(item.found.good is not None for item in self._taken("baseline"))
        return "holes" if phase != "baseline" and seen else "no-data"

    def _reason(
        self, code: str, phase: Phase, taken: Sequence[_Taken], counted: Counts, worst: float | None,
        kinds: Mapping[str, int], more: Mapping[str, Number],
    ) -> Reason:  # fmt: skip
        """All that a sentence about it may need."""
        terms, stop = self._terms, self._journal.stop
        if code == "stop-met" and stop is not None:
            return stop_reason(stop)
        unit = terms.unit or ""
        numbers = {name: Number(value) for name, value in counted._asdict().items()}
        numbers |= {f"kind {kind}": Number(count) for kind, count in kinds.items()}
        if worst is not None:
            numbers["worst"] = Number(worst, unit)
        if terms.expected.needs_baseline and self._before.value is not None:
            numbers["baseline"] = Number(self._before.value, unit)
        if waited := max((item.sample.waited or 0.0 for item in taken), default=0.0):
            numbers["waited"] = Number(waited, "s")
        if code == "holes":
            numbers["in a row"] = Number(longest(None, [item.found.good for item in taken]))
        words = {"expect": terms.expect}
        if isinstance(terms.no_data, Accepted):
            words["accepted"] = terms.no_data.pass_
            numbers["accepted"] = Number(sum(item.found.why == "accepted" for item in taken))
        whys = [item.sample.why for item in taken if item.found.good is None and item.sample.why]
        if whys:
            words["why"] = max(set(whys), key=whys.count)
        return Reason(code, terms.name, phase, numbers={**numbers, **more}, words=words)

    def _worst(self, taken: Iterable[_Taken]) -> float | None:
        values = [value for item in taken for value in _values(item.sample) or _waited(item)]
        if not values:
            return None
        low, high = self._terms.expected.limits(self._before.value)
        if low is None and high is None:
            return values[-1]
        return max(values, key=lambda value: max(value - high if high is not None else -math.inf,
                                                 low - value if low is not None else -math.inf))  # fmt: skip


def _cut_short(taken: Sequence[_Taken]) -> int:
    """How many at the end of a phase had no more time until it ended than an answer took in that phase."""
    enough = longest_answer((reading_of(item.sample), item.sample.took) for item in taken)
    cut = 0
    for item in reversed(taken):
        waited = item.sample.waited
        if item.found.good is not None or waited is None or waited > enough:
            break
        cut += 1
    return cut


def _waited(item: _Taken) -> list[float]:
    """As long as was waited, where that decided."""
    return [] if item.found.value is None else [item.found.value]


def _values(sample: Sample) -> list[float]:
    found = [sample.value] if sample.value is not None else [value for _, value in sample.series]
    return [value for value in found if not math.isnan(value)]
