"""A journal sorted by what happened, for whoever computes something from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from brownout_controller.model.hypothesis import RecordedTerms
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
from brownout_controller.model.lifecycle import PHASE_OF
from brownout_controller.model.reasons import TEXT, Reason, read_reason
from brownout_core.experiment_terms import Phase
from brownout_core.quantity import guessed

Kind = TypeVar("Kind", bound=Record)


class JournalIndex:
    """The records by their kinds, with their times in seconds since the run began."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        self._by_kind: dict[type[Record], list[tuple[float, Any]]] = {}
        self.ends = 0.0
        for _, at, record in self.entries:
            self._by_kind.setdefault(type(record), []).append((at, record))
            self.ends = max(self.ends, at)
        self.run = self.first(Run)
        self.stop = self.first(Stop)
        self.closed = self.first(Closed)
        signal = self.first(Interrupted)
        self.signal = None if signal is None else signal.signal
        plan = self.first(Plan)
        self.planned = () if plan is None else plan.faults
        self.refusals = self.all(Refusal)
        self.failures = self.all(Failure)
        self.states = self.all(Entered)
        self.undos = {undo.id: undo for undo in self.all(Undo)}
        self.injected = {injected.id: injected for injected in self.all(Injected)}
        self.reverted: dict[str, tuple[float, Reverted]] = {
            record.id: (at, record) for at, record in self.timed(Reverted)
        }
        self.samples: dict[tuple[str, Phase], list[tuple[float, Sample]]] = {}
        for at, sample in self.timed(Sample):
            self.samples.setdefault((sample.hypothesis, sample.phase), []).append((at, sample))
        self.hits: dict[str, int] = {}
        for counted in self.all(Counted):
            for fault, count in counted.hits.items():
                self.hits[fault] = max(self.hits.get(fault, 0), count)

    def timed(self, kind: type[Kind]) -> Sequence[tuple[float, Kind]]:
        """The records of a kind with their times."""
        return self._by_kind.get(kind, [])

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [record for _, record in self.timed(kind)]

    def first(self, kind: type[Kind]) -> Kind | None:
        return next(iter(self.all(kind)), None)

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

    def counting(self, name: str, phase: Phase) -> Sequence[tuple[float, Sample]]:
        """A hypothesis's samples of a phase that count, in the order in which they began."""
        taken = [(at, sample) for at, sample in self.samples.get((name, phase), []) if not sample.settling]
        return sorted(taken, key=lambda item: item[0] - (item[1].took or 0.0))

    def phase_seconds(self) -> Mapping[Phase, float]:
        """How long each phase was, or has been so far."""
        entered = self.timed(Entered)
        ends = [at for at, _ in entered[1:]] + [self.ends]
        return {
            PHASE_OF[record.state]: max(0.0, end - at)
            for (at, record), end in zip(entered, ends, strict=False)
            if record.state in PHASE_OF
        }


def stop_reason(stop: Stop) -> Reason:
    """Why a run ended early. An older journal has it in words; those are returned."""
    if stop.reason:
        try:
            return read_reason(stop.reason)
        except ValueError:
            pass
    return Reason(TEXT, stop.hypothesis, words={"text": stop.why})


def terms_of(run: Run) -> Sequence[RecordedTerms]:
    """Of a journal, which may have more than this version knows; none if any of them cannot be understood."""
    known = RecordedTerms.model_fields
    try:
        return [
            _with_unit(RecordedTerms.model_validate({key: declared[key] for key in declared if key in known}), run)
            for declared in run.terms
        ]
    except (ValueError, TypeError, AttributeError):
        return []


def _with_unit(terms: RecordedTerms, run: Run) -> RecordedTerms:
    if terms.unit is not None:
        return terms
    declared = run.experiment.get("hypotheses", ())
    own = next(
        (
            item
            for item in (declared if isinstance(declared, (list, tuple)) else ())
            if isinstance(item, Mapping) and item.get("name") == terms.name
        ),
        {},
    )
    return terms.model_copy(update={"unit": guessed(terms.expect, own)})
