"""The verdict on a run, from its journal alone: pure, and the same whoever asks and whenever.

`passed` has to be proved: the baseline held, the fault was in place and met traffic, every hypothesis had data and
held in every phase that it names, the revert is verified, and the system recovered. Whatever is missing makes another
verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, Literal, NamedTuple, TypeVar

from brownout_controller.model.hypothesis import Accepted, Terms, Tolerate
from brownout_controller.model.journal import (
    Closed,
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    Plan,
    Record,
    Refusal,
    Reverted,
    Run,
    Sample,
    Stop,
    Undo,
)
from brownout_controller.model.lifecycle import Phase
from brownout_controller.model.verdict import SIGNALS, Verdict

Kind = TypeVar("Kind", bound=Record)
Outcome = Literal["held", "broke", "no-data", "too-few", "untested"]

_ENOUGH: Final = 0.5
"""The share of a phase's samples that must have data."""


class Result(NamedTuple):
    """One hypothesis in one phase. `worst` is the value furthest from what was expected."""

    name: str
    phase: Phase
    outcome: Outcome
    samples: int
    bad: int
    worst: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, why, and what it rests on. Times are in seconds."""

    verdict: Verdict
    exit: int
    reasons: tuple[str, ...]
    results: tuple[Result, ...] = ()
    hits: Mapping[str, int] = field(default_factory=dict)
    recovery: float | None = None
    """From the verified revert until every hypothesis held again."""
    stopping: float | None = None
    """From the first bad sample of a stop condition until the revert was verified."""


class _Story:
    """The journal, sorted by what happened."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_kind: dict[type[Record], list[tuple[float, Any]]] = {}
        for _, at, record in entries:
            self._by_kind.setdefault(type(record), []).append((at, record))
        self.run = self._first(Run)
        self.stop = self._first(Stop)
        self.closed = self._first(Closed)
        signal = self._first(Interrupted)
        self.signal = None if signal is None else signal.signal
        plan = self._first(Plan)
        self.planned = () if plan is None else plan.faults
        self.refusals = self._all(Refusal)
        self.failures = self._all(Failure)
        self.states = self._all(Entered)
        self.undos = {undo.id: undo for undo in self._all(Undo)}
        self.injected = {injected.id: injected for injected in self._all(Injected)}
        self.reverted: dict[str, tuple[float, Reverted]] = {
            record.id: (at, record) for at, record in self._by_kind.get(Reverted, [])
        }
        self.samples: dict[tuple[str, Phase], list[tuple[float, Sample]]] = {}
        for at, sample in self._by_kind.get(Sample, []):
            self.samples.setdefault((sample.hypothesis, sample.phase), []).append((at, sample))
        self.hits: dict[str, int] = {}
        for counted in self._all(Counted):
            for fault, count in counted.hits.items():
                self.hits[fault] = max(self.hits.get(fault, 0), count)

    def _all(self, kind: type[Kind]) -> list[Kind]:
        return [record for _, record in self._by_kind.get(kind, [])]

    def _first(self, kind: type[Kind]) -> Kind | None:
        return next(iter(self._all(kind)), None)

    @property
    def unverified(self) -> list[str]:
        """Undos that were due and are not known to be done."""
        return [
            undo.target.get("id", name)
            for name, undo in self.undos.items()
            if name not in self.reverted or not self.reverted[name][1].verified
        ]

    @property
    def reverted_at(self) -> float | None:
        """When the last undo was verified."""
        return max((at for at, record in self.reverted.values() if record.verified), default=None)


def judge(entries: Iterable[Entry]) -> Judgement:
    """The verdict on a journal, whole or not. Never raises for a journal that `journal.read` has read."""
    story = _Story(entries)
    if story.run is None:
        return Judgement(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE.exit, ("the journal does not say what was run",))
    terms = terms_of(story.run)
    results = tuple(_Bench(story, term, story.run.recovery).result(phase) for term in terms for phase in term.when)
    verdict, reasons = _verdict(story, results)
    code = verdict.exit
    if story.signal in SIGNALS and verdict is Verdict.STOPPED:
        code = SIGNALS[story.signal]
    return Judgement(
        verdict, code, tuple(reasons), results, dict(story.hits), _recovery(story, terms), _stopping(story)
    )


def terms_of(run: Run) -> Sequence[Terms]:
    """Of a journal, which may have more than this version knows; none if any of them cannot be understood."""
    try:
        return [
            Terms.model_validate({key: value for key, value in declared.items() if key in Terms.model_fields})
            for declared in run.terms
        ]
    except (ValueError, TypeError, AttributeError):
        return []


def _verdict(story: _Story, results: Sequence[Result]) -> tuple[Verdict, list[str]]:
    """The first of the questions, from the gravest on, whose answer is bad."""
    if story.unverified:
        told = [f"the revert on {target} is not verified" for target in story.unverified]
        return Verdict.NOT_REVERTED, told + [
            record.why for _, record in story.reverted.values() if not record.verified and record.why
        ]
    if story.refusals:
        return Verdict.REFUSED, [f"{item.reason} ({item.net}); {item.remedy}" for item in story.refusals]
    bugs = [failure.what for failure in story.failures if failure.where == "runner"]
    if bugs:
        return Verdict.INTERNAL, bugs
    if story.signal is not None:
        return Verdict.STOPPED, [f"{story.signal} ended the run"]
    if story.stop is not None and story.stop.cause != "lapsed":
        return Verdict.STOPPED, [story.stop.why]
    failed = [failure.what for failure in story.failures if failure.where == "injection"]
    if failed:
        return Verdict.INCONCLUSIVE, ["the fault was not in place", *failed]
    baseline = [result.sentence for result in results if result.phase == "baseline" and result.outcome != "held"]
    if baseline:
        return Verdict.INCONCLUSIVE, [f"the baseline was not met{_consequence(story)}", *baseline]
    doubts = _doubts(story)
    if doubts:
        return Verdict.INCONCLUSIVE, doubts
    if not results:
        return _done(story)
    broken = [result.sentence for result in results if result.outcome == "broke"]
    if broken:
        return Verdict.REFUTED, broken
    unknown = [result.sentence for result in results if result.outcome != "held"]
    if unknown:
        return Verdict.INCONCLUSIVE, unknown
    if not any(state.state == "judged" and state.before == "recovering" for state in story.states):
        return Verdict.INCONCLUSIVE, ["the run did not come to its end"]
    return Verdict.PASSED, [Verdict.PASSED.meaning]


def _done(story: _Story) -> tuple[Verdict, list[str]]:
    """Of faults without a hypothesis. That nobody met them is told, and no flaw of the run."""
    if story.run is not None and story.run.terms:
        return Verdict.INCONCLUSIVE, ["what the journal says of its hypotheses cannot be understood"]
    if not any(state.state == "judged" and state.before == "reverting" for state in story.states):
        return Verdict.INCONCLUSIVE, ["the run did not come to its end"]
    idle = [fault for fault in story.planned if not story.hits.get(fault)]
    return Verdict.DONE, [Verdict.DONE.meaning, *([f"no traffic met the fault {', '.join(idle)}"] if idle else [])]


def _consequence(story: _Story) -> str:
    return "" if story.undos else ", so nothing was injected"


def _doubts(story: _Story) -> list[str]:
    """Reasons why the fault may not have been what the hypotheses met."""
    if story.closed is not None:
        return [f"the run was cut off; {story.closed.by} made sure that nothing of it is left"]
    if not story.injected or len(story.injected) < len(story.undos):
        return ["the fault was not in place"]
    if story.stop is not None:
        return [f"the fault vanished half-way: {story.stop.why}"]
    idle = [fault for fault in story.planned if not story.hits.get(fault)]
    if idle and story.run is not None and story.run.terms:
        return [f"no traffic met the fault {', '.join(idle)}: nothing was tested"]
    return []


class _Bench:
    """One hypothesis before the judge."""

    def __init__(self, story: _Story, terms: Terms, recovery: float) -> None:
        self._story = story
        self._terms = terms
        self._recovery = terms.recover_within or recovery
        self._baseline = self._median_before()

    def _median_before(self) -> float | None:
        values = [
            value
            for _, sample in self._story.samples.get((self._terms.name, "baseline"), [])
            if not sample.settling and (value := _value(sample)) is not None
        ]
        return median(values) if values else None

    def result(self, phase: Phase) -> Result:
        taken = [
            (at, sample) for at, sample in self._story.samples.get((self._terms.name, phase), []) if not sample.settling
        ]
        goods = [(at, self._good(sample)) for at, sample in taken]
        known = [(at, good) for at, good in goods if good is not None]
        worst = self._worst(sample for (_, sample), (_, good) in zip(taken, goods, strict=True) if good is not None)
        bad = sum(not good for _, good in known)
        outcome, why = self._outcome(phase, taken, known)
        sentence = f"{self._terms.name} ({phase}): {why}"
        return Result(self._terms.name, phase, outcome, len(taken), bad, worst, sentence)

    def _outcome(
        self, phase: Phase, taken: Sequence[tuple[float, Sample]], known: Sequence[tuple[float, bool]]
    ) -> tuple[Outcome, str]:
        stop = self._story.stop
        if phase == "during" and stop is not None and (stop.cause, stop.hypothesis) == ("condition", self._terms.name):
            return "broke", stop.why  # maybe before any sample counts
        if not taken:
            return "untested", "never measured"
        if len(known) < max(1, _ENOUGH * len(taken)):
            whys = [sample.why for _, sample in taken if sample.why]
            return "no-data", f"{len(taken) - len(known)} of {len(taken)} samples had no data{_because(whys)}"
        if self._is_broken(phase, known):
            return "broke", self._told(phase, taken, known)
        events = max((sample.events or 0.0 for _, sample in taken), default=0.0)
        if self._terms.min_events is not None and events < self._terms.min_events:
            return "too-few", f"{events:g} events, and {self._terms.min_events:g} are wanted"
        return "held", f"{self._terms.expect} in {sum(good for _, good in known)} of {len(known)} samples"

    def _is_broken(self, phase: Phase, known: Sequence[tuple[float, bool]]) -> bool:
        if phase == "recovery":
            recovered = self.recovered(known)
            began = self._story.reverted_at
            return recovered is None or (began is not None and recovered - began > self._recovery)
        return not _tolerated([good for _, good in known], None if phase == "baseline" else self._terms.tolerate)

    def recovered(self, known: Sequence[tuple[float, bool]]) -> float | None:
        """When it held again: at the first good sample from which on no more are bad than `tolerate` forgives, which
        is none if nothing is said. None if there is no such sample."""
        goods = [good for _, good in known]
        starts = (
            at for number, (at, good) in enumerate(known) if good and _tolerated(goods[number:], self._terms.tolerate)
        )
        return next(starts, None)

    def _told(self, phase: Phase, taken: Sequence[tuple[float, Sample]], known: Sequence[tuple[float, bool]]) -> str:
        bad = sum(not good for _, good in known)
        worst = self._worst(sample for _, sample in taken)
        value = "no data" if worst is None else f"{worst:.4g}"
        said = f"{value} at worst, {bad} of {len(known)} samples not {self._terms.expect}"
        if phase == "recovery":
            said += f"; it did not hold again within {self._recovery:g} s of the revert"
        if self._terms.expected.needs_baseline and self._baseline is not None:
            said += f" (baseline {self._baseline:.4g})"
        return said

    def _good(self, sample: Sample) -> bool | None:
        """None for no data that is neither good nor bad."""
        terms = self._terms
        value = _value(sample)
        if value is None and sample.series and terms.series != "one":
            goods = [terms.expected.holds(item, self._baseline) for _, item in sample.series]
            return all(goods) if terms.series == "all" else any(goods)
        if value is not None and not math.isnan(value):
            if terms.expected.needs_baseline and self._baseline is None:
                return None
            return terms.expected.holds(value, self._baseline)
        if isinstance(terms.no_data, Accepted):
            return True
        return False if terms.no_data == "fail" else None

    def _worst(self, samples: Iterable[Sample]) -> float | None:
        values = [value for sample in samples for value in _values(sample)]
        if not values:
            return None
        low, high = self._terms.expected.limits(self._baseline)
        if low is None and high is None:
            return values[-1]
        return max(values, key=lambda value: max(value - high if high is not None else -math.inf,
                                                 low - value if low is not None else -math.inf))  # fmt: skip


def _value(sample: Sample) -> float | None:
    if sample.value is not None:
        return sample.value
    if len(sample.series) == 1:
        return sample.series[0][1]
    return None


def _values(sample: Sample) -> list[float]:
    found = [sample.value] if sample.value is not None else [value for _, value in sample.series]
    return [value for value in found if not math.isnan(value)]


def _because(whys: Sequence[str]) -> str:
    return f": {max(set(whys), key=whys.count)}" if whys else ""


def _tolerated(goods: Sequence[bool], tolerate: Tolerate | None) -> bool:
    """Whether the bad ones are forgiven. Where there are fewer samples than `failures` are counted among, so many fewer
    are forgiven, rounded down; where none is good, nothing is: a short phase must not hold because it is short."""
    if tolerate is None:
        return all(goods)
    if not any(goods):
        return False
    if tolerate.consecutive is not None:
        return _longest_bad(goods) < tolerate.consecutive
    failures, window = tolerate.failures or 0, tolerate.of or 1
    if len(goods) < window:
        return goods.count(False) <= failures * len(goods) // window
    # The number of bad ones among the last `window`, from one sample to the next: linear, however long the phase is.
    bad = goods[:window].count(False)
    worst = bad
    for leaving, coming in zip(goods, goods[window:], strict=False):
        bad += leaving - coming
        worst = max(worst, bad)
    return worst <= failures


def _longest_bad(goods: Sequence[bool]) -> int:
    longest = run = 0
    for good in goods:
        run = 0 if good else run + 1
        longest = max(longest, run)
    return longest


def _recovery(story: _Story, terms: Sequence[Terms]) -> float | None:
    began = story.reverted_at
    if began is None:
        return None
    times = []
    for term in terms:
        if "recovery" in term.when:
            bench = _Bench(story, term, 0.0)
            taken = story.samples.get((term.name, "recovery"), [])
            known = [(at, good) for at, sample in taken if (good := bench._good(sample)) is not None]
            since = bench.recovered(known)
            if since is None:
                return None
            times.append(since - began)
    return max(0.0, *times) if times else None


def _stopping(story: _Story) -> float | None:
    if story.stop is None or story.stop.breached_at is None or story.reverted_at is None:
        return None
    return story.reverted_at - story.stop.breached_at
