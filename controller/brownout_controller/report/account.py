"""A run as reports tell it: the journal sorted into what happened when, beside the verdict of the judge.

Pure. It never decides on a verdict; that a sample is bad it says by the rule that the judge has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any, Final, NamedTuple, TypeVar

from brownout_controller.model.hypothesis import Accepted, Terms
from brownout_controller.model.journal import (
    Closed,
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    Judged,
    Plan,
    Record,
    Refusal,
    Reverted,
    Run,
    Sample,
    Stop,
    Traffic,
    Undo,
)
from brownout_controller.model.judge import Judgement, Result, judge, terms_of
from brownout_controller.model.lifecycle import PHASE_OF, State
from brownout_controller.model.load_summary import PhaseLoad, load_by_phase
from brownout_controller.report.text import line, quantity, seconds, unit_of
from brownout_proxy.units import Unit

Kind = TypeVar("Kind", bound=Record)

_UNNAMED: Final = "unknown experiment"
_VALUE: Final = re.compile(r"(^|\(baseline )(-?\d[\d.]*(?:e[-+]\d+)?)(?=\)$| at worst,|, which is )")
"""Where the sentence on a result or a stop has a value as a bare number."""
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


class Claim(NamedTuple):
    """A hypothesis with what was measured of it. `limits` are the lowest and the highest good value."""

    terms: Terms
    unit: Unit
    points: Sequence[Point]
    limits: tuple[float | None, float | None]
    stop_limits: tuple[float | None, float | None]
    results: Sequence[Result]


class Change(NamedTuple):
    """An injection on one target: what undoes it, when it was in place and when it was gone."""

    undo: Undo
    injected: tuple[float, Injected] | None
    reverted: tuple[float, Reverted] | None

    @property
    def verified(self) -> bool:
        return self.reverted is not None and self.reverted[1].verified


class Event(NamedTuple):
    """Something that a person would want to know; `grave` if it went wrong, `state` if it is the lifecycle's."""

    at: float
    what: str
    grave: bool = False
    state: bool = False


@dataclass(frozen=True)
class Account:
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
        """What was run; of a journal that does not say it, one that says so."""
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
        """The judge's, with values in the units of what was measured."""
        return [line(self._spoken.get(reason, reason)) for reason in self.judgement.reasons]

    @cached_property
    def _spoken(self) -> Mapping[str, str]:
        """Sentences of those who know no units, and say 2.5 of seconds and 1 of 100 %, as a person would say them."""
        stop, found = self.first(Stop), {}
        for claim in self.claims:
            for result in claim.results:
                found[result.sentence] = _with_unit(result.sentence, f"{result.name} ({result.phase}): ", claim.unit)
            if stop is not None and stop.hypothesis == claim.terms.name:
                found[stop.why] = _with_unit(stop.why, f"{stop.hypothesis} was ", claim.unit)
        return found

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
    def changes(self) -> Sequence[Change]:
        injected = {record.id: (at, record) for at, record in self.all(Injected)}
        reverted = {record.id: (at, record) for at, record in self.all(Reverted)}
        return [Change(undo, injected.get(undo.id), reverted.get(undo.id)) for _, undo in self.all(Undo)]

    @cached_property
    def fault_window(self) -> tuple[float, float] | None:
        """From the first injection until the last one was gone, or the end if that is not known."""
        begins = [at for at, _ in self.all(Undo)]
        if not begins:
            return None
        begin = min((at for at, _ in self.all(Injected)), default=min(begins))
        gone = [change.reverted[0] for change in self.changes if change.reverted is not None and change.verified]
        end = max(gone) if len(gone) == len(self.changes) else self.ends
        return begin, max(begin, min(end, self.ends))

    @cached_property
    def claims(self) -> Sequence[Claim]:
        declared = self.run.experiment.get("hypotheses")
        by_name = {
            item.get("name"): item
            for item in (declared if isinstance(declared, (list, tuple)) else ())
            if isinstance(item, Mapping)
        }
        samples: dict[str, list[tuple[float, Sample]]] = {}
        for at, sample in self.all(Sample):
            samples.setdefault(sample.hypothesis, []).append((at, sample))
        return [
            self._claim(terms, by_name.get(terms.name), samples.get(terms.name, [])) for terms in terms_of(self.run)
        ]

    def _claim(self, terms: Terms, declared: Any, samples: Sequence[tuple[float, Sample]]) -> Claim:
        before = [
            value
            for _, sample in samples
            if sample.phase == "baseline" and not sample.settling and (value := _value(sample)) is not None
        ]
        baseline = median(before) if before else None
        nowhere = (None, None)
        return Claim(
            terms,
            unit_of(terms, declared),
            [_point(at, sample, terms, baseline) for at, sample in samples],
            terms.expected.limits(baseline),
            terms.stop_at.limits(baseline) if terms.stop_at is not None else nowhere,
            [result for result in self.judgement.results if result.name == terms.name],
        )

    @cached_property
    def traffic(self) -> Sequence[tuple[float, Traffic]]:
        """The seconds of the load with the time of their middle: the load starts with the first state."""
        begin = self.spans[0].begin if self.spans else 0.0
        return [(begin + record.second + 0.5, record) for _, record in self.all(Traffic)]

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

    def fault(self, name: str) -> str:
        """A fault's name as the experiment has it, without the run that it is named after."""
        return line(name.removesuffix(f".{self.run.run_id}"))

    @cached_property
    def events(self) -> Sequence[Event]:
        """The story, in order."""
        found = []
        for at, record in ((entry.at, entry.record) for entry in self.entries):
            told = self._told(record)
            if told is not None:
                found.append(Event(at, line(told[0]), told[1], isinstance(record, (Entered, Judged))))
            if isinstance(record, Stop) and record.breached_at is not None:
                found.append(Event(record.breached_at, "first measured what led to the stop", True))
        return sorted([*found, *self._turns()], key=lambda event: event.at)

    def _turns(self) -> Iterable[Event]:
        """When the hypotheses first broke under the fault, and when all of them held again."""
        stop = self.first(Stop)
        begin, end = self.fault_window or (math.inf, math.inf)
        for claim in self.claims:
            first = next((point for point in claim.points if point.bad and begin <= point.at <= end), None)
            told = stop.breached_at if stop is not None and stop.hypothesis == claim.terms.name else None
            if first is not None and (told is None or first.at < told - _MOMENT):
                value = quantity(first.value, claim.unit)
                yield Event(first.at, line(f"{claim.terms.name}: {value}, not {claim.terms.expect}"), True)
        undone = [change.reverted[0] for change in self.changes if change.reverted is not None and change.verified]
        if undone and self.judgement.recovery is not None:
            yield Event(max(undone) + self.judgement.recovery, "every hypothesis holds again")

    def _told(self, record: Record) -> tuple[str, bool] | None:
        """What to say of a record, and whether it is grave."""
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
                return f"stopped: {self._spoken.get(record.why, record.why)}", True
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


def account(entries: Iterable[Entry], directory: str = "") -> Account:
    """`directory` is the run's, whose name stands in for what the journal does not say."""
    entries = list(entries)
    return Account(entries, judge(entries), directory)


def phase_seconds(told: Account) -> Mapping[str, float]:
    """How long each phase was."""
    return {PHASE_OF[span.state]: span.end - span.begin for span in told.spans if span.state in PHASE_OF}


def _with_unit(sentence: str, head: str, unit: Unit) -> str:
    if not sentence.startswith(head):
        return sentence
    return head + _VALUE.sub(lambda found: found[1] + quantity(float(found[2]), unit), sentence.removeprefix(head))


def _value(sample: Sample) -> float | None:
    if sample.value is not None:
        return sample.value
    return sample.series[0][1] if len(sample.series) == 1 else None


def _point(at: float, sample: Sample, terms: Terms, baseline: float | None) -> Point:
    value, expected = _value(sample), terms.expected
    if value is None and sample.series and terms.series != "one":
        values = [item for _, item in sample.series]
        goods = [expected.holds(item, baseline) for item in values]
        good = all(goods) if terms.series == "all" else any(goods)
        # The one that decided: a bad one that spoils all of them, a good one that saves them.
        return Point(at, values[goods.index(good)] if good in goods else values[0], good, sample.settling, sample.why)
    if value is not None and not math.isnan(value):
        unknown = expected.needs_baseline and baseline is None
        return Point(at, value, None if unknown else expected.holds(value, baseline), sample.settling, sample.why)
    good_anyway = True if isinstance(terms.no_data, Accepted) else False if terms.no_data == "fail" else None
    return Point(at, None, good_anyway, sample.settling, sample.why)
