"""The content of every report on a run: its journal in order of time, and the verdict on it.

Pure. Verdicts come from `model/judge.py`, and whether a sample is good from `model/evaluate.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, TypeVar

from brownout_controller.model.evaluate import Before, before_of, evaluate, reading_of
from brownout_controller.model.hypothesis import RecordedTerms
from brownout_controller.model.journal import (
    Closed,
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    Judged,
    LoadSecond,
    Plan,
    Record,
    Refusal,
    Reverted,
    Run,
    Sample,
    Stop,
    Undo,
)
from brownout_controller.model.journal_index import stop_reason, terms_of
from brownout_controller.model.judge import Judgement, judge
from brownout_controller.model.lifecycle import PHASE_OF, State
from brownout_controller.model.load_summary import PhaseLoad, load_by_phase
from brownout_controller.model.results import Result
from brownout_controller.report.run import evidence_text
from brownout_controller.report.sentences import sentence
from brownout_core.formatting import line, quantity, seconds
from brownout_core.quantity import UNITS
from brownout_core.units import COUNT, Unit

Kind = TypeVar("Kind", bound=Record)

_UNNAMED: Final = "unknown experiment"
_MOMENT: Final = 0.5
"""Seconds within which a sample and what was made of it are one event."""


class Span(NamedTuple):
    """A state of the lifecycle. Times are in seconds since the run began."""

    state: State
    begin: float
    end: float


class Point(NamedTuple):
    """A sample. `good` is None for no data that is neither good nor bad."""

    at: float
    value: float | None
    good: bool | None
    settling: bool
    why: str

    @property
    def bad(self) -> bool:
        """Whether it counts against the hypothesis."""
        return self.good is False and not self.settling


class HypothesisReport(NamedTuple):
    """A hypothesis with what was measured of it. `limits` are the lowest and the highest good value."""

    terms: RecordedTerms
    unit: Unit
    points: Sequence[Point]
    limits: tuple[float | None, float | None]
    stop_limits: tuple[float | None, float | None]
    results: Sequence[Result]


class Injection(NamedTuple):
    """An injection on one target: what undoes it, when it was in place and when it was gone."""

    undo: Undo
    injected: tuple[float, Injected] | None
    reverted: tuple[float, Reverted] | None

    @property
    def verified(self) -> bool:
        return self.reverted is not None and self.reverted[1].verified


class Event(NamedTuple):
    """An entry of the event list: `grave` if something went wrong, `state` if it is a change of the lifecycle's
    state."""

    at: float
    what: str
    grave: bool = False
    state: bool = False


@dataclass(frozen=True)
class RunReport:
    """The journal of one run, and the verdict on it."""

    entries: Sequence[Entry]
    judgement: Judgement
    directory: str = ""

    def all(self, kind: type[Kind]) -> list[tuple[float, Kind]]:
        """The records of a kind with their times."""
        return [(entry.at, entry.record) for entry in self.entries if isinstance(entry.record, kind)]

    def first(self, kind: type[Kind]) -> Kind | None:
        return next((record for _, record in self.all(kind)), None)

    @cached_property
    def run(self) -> Run:
        """The record of the run; an empty one where the journal has none."""
        return self.first(Run) or Run(
            run_id=self.directory, version="", started="", experiment={}, terms=(), environment={}, seed=0, replay="",
            recovery=0.0,
        )  # fmt: skip

    @property
    def name(self) -> str:
        """The experiment's."""
        return line(self.run.experiment.get("name") or _UNNAMED)

    @property
    def sentence(self) -> str:
        """The verdict's reason."""
        return self.reasons[0] if self.reasons else self.judgement.verdict.meaning

    @cached_property
    def reasons(self) -> Sequence[str]:
        """The judge's, in words."""
        return [sentence(reason) for reason in self.judgement.reasons]

    @property
    def finished(self) -> bool:
        """Whether somebody brought the run to its end: if not, it is under way or was killed."""
        return self.first(Judged) is not None

    @cached_property
    def ends(self) -> float:
        """When the last thing happened that belongs to the run itself, and not to a later start that closed it."""
        closed = next(iter(self.all(Closed)), None)
        if closed is None:
            return max((entry.at for entry in self.entries), default=0.0)
        late = (Reverted, Closed, Judged)
        return max((entry.at for entry in self.entries if not isinstance(entry.record, late)), default=0.0)

    @cached_property
    def spans(self) -> Sequence[Span]:
        """The states, without the last one, which takes no time."""
        entered = self.all(Entered)
        following = [at for at, _ in entered[1:]] + [self.ends]
        return [
            Span(record.state, at, max(at, end))
            for (at, record), end in zip(entered, following, strict=False)
            if record.state != "judged"
        ]

    @cached_property
    def injections(self) -> Sequence[Injection]:
        injected = {record.id: (at, record) for at, record in self.all(Injected)}
        reverted = {record.id: (at, record) for at, record in self.all(Reverted)}
        return [Injection(undo, injected.get(undo.id), reverted.get(undo.id)) for _, undo in self.all(Undo)]

    @cached_property
    def fault_window(self) -> tuple[float, float] | None:
        """From the first injection until the last one was gone, or the end if that is not known."""
        begins = [at for at, _ in self.all(Undo)]
        if not begins:
            return None
        begin = min((at for at, _ in self.all(Injected)), default=min(begins))
        gone = [
            injection.reverted[0]
            for injection in self.injections
            if injection.reverted is not None and injection.verified
        ]
        end = max(gone) if len(gone) == len(self.injections) else self.ends
        return begin, max(begin, min(end, self.ends))

    @cached_property
    def hypotheses(self) -> Sequence[HypothesisReport]:
        samples: dict[str, list[tuple[float, Sample]]] = {}
        for at, sample in self.all(Sample):
            samples.setdefault(sample.hypothesis, []).append((at, sample))
        return [self._hypothesis(terms, samples.get(terms.name, [])) for terms in terms_of(self.run)]

    def _hypothesis(self, terms: RecordedTerms, samples: Sequence[tuple[float, Sample]]) -> HypothesisReport:
        known, nowhere = before_of([sample for _, sample in samples]), (None, None)
        return HypothesisReport(
            terms,
            UNITS.get(terms.unit or "", COUNT),
            [_point(at, sample, terms, known) for at, sample in samples],
            terms.expected.limits(known.value),
            terms.stop_at.limits(known.value) if terms.stop_at is not None else nowhere,
            [result for result in self.judgement.results if result.name == terms.name],
        )

    @cached_property
    def traffic(self) -> Sequence[tuple[float, LoadSecond]]:
        """The whole seconds of the load with the time of their middle: the load starts with the first state."""
        begin = self.spans[0].begin if self.spans else 0.0
        return [(begin + record.second + 0.5, record) for _, record in self.all(LoadSecond) if record.seconds == 1]

    @cached_property
    def load(self) -> Sequence[PhaseLoad]:
        """What the load came to, by phase."""
        return load_by_phase(self.entries)

    @cached_property
    def hits(self) -> Mapping[str, tuple[int, int]]:
        """By planned fault: how often it did something, and how many connections met it, over all targets."""
        plan = self.first(Plan)
        found = {self.fault(name): (0, 0) for name in (plan.faults if plan is not None else ())}
        last: dict[str, Counted] = {}
        for _, counted in self.all(Counted):
            last[counted.target] = counted if counted.hits else last.get(counted.target, counted)
        for counted in last.values():
            for name, hits in counted.hits.items():
                so_far = found.get(self.fault(name), (0, 0))
                found[self.fault(name)] = (so_far[0] + hits, so_far[1] + counted.met.get(name, 0))
        return found

    @cached_property
    def evidence(self) -> Sequence[tuple[str, str]]:
        """What the verdict rests on beside the hypotheses: what each line is about, and what was seen."""
        return evidence_text.rows(self.judgement.evidence, self._units, self.judgement.disturbances)

    @property
    def evidence_sentence(self) -> str:
        """The same in short; empty where nothing was injected."""
        return evidence_text.summary(self.judgement.evidence, self._units)

    @property
    def _units(self) -> Mapping[str, Unit]:
        return {hypothesis.terms.name: hypothesis.unit for hypothesis in self.hypotheses}

    def fault(self, name: str) -> str:
        """A fault's name as the experiment has it, without the run that it is named after."""
        return line(name.removesuffix(f".{self.run.run_id}"))

    @cached_property
    def events(self) -> Sequence[Event]:
        """The story, in order."""
        found = []
        for at, record in ((entry.at, entry.record) for entry in self.entries):
            described = self._described(record)
            if described is not None:
                found.append(Event(at, line(described[0]), described[1], isinstance(record, (Entered, Judged))))
            if isinstance(record, Stop) and record.breached_at is not None:
                found.append(Event(record.breached_at, "first measured what led to the stop", True))
        others = [
            Event(reason.value("at"), text, True)
            for reason in self.judgement.disturbances
            for text in evidence_text.disturbance_lines([reason])
        ]
        return sorted([*found, *self._hypothesis_events(), *others], key=lambda event: event.at)

    def _hypothesis_events(self) -> Iterable[Event]:
        """When the hypotheses first broke under the fault, and when all of them held again."""
        stop = self.first(Stop)
        begin, end = self.fault_window or (math.inf, math.inf)
        for hypothesis in self.hypotheses:
            first = next((point for point in hypothesis.points if point.bad and begin <= point.at <= end), None)
            breached = stop.breached_at if stop is not None and stop.hypothesis == hypothesis.terms.name else None
            if first is not None and (breached is None or first.at < breached - _MOMENT):
                value = quantity(first.value, hypothesis.unit)
                yield Event(
                    first.at, line(f"{hypothesis.terms.name}: {value}, expected {hypothesis.terms.expect}"), True
                )
        undone = [
            injection.reverted[0]
            for injection in self.injections
            if injection.reverted is not None and injection.verified
        ]
        if undone and self.judgement.recovery is not None:
            yield Event(max(undone) + self.judgement.recovery, "every hypothesis holds again")

    def _described(self, record: Record) -> tuple[str, bool] | None:
        """A record in words, and whether it is grave; None for a record that is no event."""
        match record:
            case Entered():
                return f"{record.state}{f': {record.why}' if record.why else ''}", False
            case Injected():
                return f"injected {', '.join(map(self.fault, record.faults))} on {record.target}", False
            case Reverted(verified=True):
                return f"reverted on {record.target}, verified: {record.how}", False
            case Reverted():
                return f"NOT reverted on {record.target}: {record.why}", True
            case Stop():
                return f"stopped: {sentence(stop_reason(record))}", True
            case Refusal():
                return f"refused ({record.net}): {record.reason}; {record.remedy}", True
            case Failure():
                return f"error ({record.where}): {record.what}", True
            case Interrupted():
                return f"{record.signal} came", True
            case Closed():
                return f"closed by {record.by}: the run had been cut off", True
            case Judged():
                return f"verdict: {record.verdict}", False
        return None

    @property
    def times(self) -> Sequence[tuple[str, str]]:
        """What was measured about the run itself."""
        judgement, found = self.judgement, []
        if judgement.recovery is not None:
            found.append(("recovered after the revert", seconds(judgement.recovery)))
        if judgement.stopping is not None:
            found.append(("from the breach to the verified revert", seconds(judgement.stopping)))
        if self.fault_window is not None:
            found.append(("under the fault", seconds(self.fault_window[1] - self.fault_window[0])))
        if self.spans:
            found.append(("in all", seconds(self.ends)))
        return found


def run_report(entries: Iterable[Entry], directory: str = "") -> RunReport:
    """`directory` is the name of the run's directory, used as its id where the journal has none."""
    entries = list(entries)
    return RunReport(entries, judge(entries), directory)


def phase_seconds(report: RunReport) -> Mapping[str, float]:
    """How long each phase was."""
    return {PHASE_OF[span.state]: span.end - span.begin for span in report.spans if span.state in PHASE_OF}


def _point(at: float, sample: Sample, terms: RecordedTerms, known: Before) -> Point:
    found = evaluate(terms, reading_of(sample), known)
    value = found.value if found.value is not None else _only(sample)
    return Point(at, value, found.good, sample.settling, sample.why)


def _only(sample: Sample) -> float | None:
    return sample.series[0][1] if sample.value is None and len(sample.series) == 1 else sample.value
