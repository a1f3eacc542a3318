"""What a verdict rests on beside the hypotheses: that the fault was there, met the edge, and did something. Pure.

Everything is computed from the journal. How much of the load met the fault is counted in exchanges: how often a client
on the edge spoke after its server had, or first. A connection that a pool keeps carries a whole load, so that the count
of connections is too coarse; a fault may hit one answer in ten pieces, so the count of hits is too high.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal, NamedTuple

from brownout_controller.model.disturbances import Strength, strengths
from brownout_controller.model.journal import Counted, Entered, Entry, LoadSecond, Plan, Run, Sample
from brownout_controller.model.lifecycle import PHASE_OF
from brownout_controller.model.reasons import Number, Reason
from brownout_core.experiment_terms import Phase
from brownout_core.faults.spec import FaultSpec

MIN_SHARE: Final = 0.05
"""Of what blast radius and selectors leave; so much has to meet the fault unless the experiment sets another share."""
Met = Literal["all", "any"] | int
"""Of the targets: on how many every fault has to meet traffic."""

_ODD: Final = 0.05
"""Of the samples under the fault, and never fewer than two of them (or the only one), so many have to be out of what
the baseline spanned for a value to have changed: one odd sample is noise."""
_LEAST: Final = 0.05
"""Of the largest value: what the baseline spanned is taken to be no narrower, for it may be one sample long."""


class Contact(NamedTuple):
    """What one fault met on one target: hits are what it did, connections and exchanges those that it met."""

    target: str
    fault: str
    hits: int
    connections: int
    exchanges: int

    @property
    def requests(self) -> int:
        """Exchanges; connections, where the fault ends them before the first exchange."""
        return self.exchanges or self.connections


class Flow(NamedTuple):
    """What the targets carried together in one phase. `delay` is injected, in seconds over all bytes."""

    phase: Phase
    seconds: float
    connections: int
    exchanges: int
    sent_upstream: int
    sent_downstream: int
    delay: float
    resets: int
    ended_by_fault: int
    dial_failures: int

    def per_second(self, count: float) -> float:
        return count / self.seconds if self.seconds else 0.0


class Move(NamedTuple):
    """A hypothesis's value before and under the fault, as medians in the unit of its probe; `changed` is None where
    that is not known."""

    hypothesis: str
    before: float | None
    under: float | None
    changed: bool | None


class Share(NamedTuple):
    """How much met the fault, of how much that could have. `of` is what is counted: requests of the load, or exchanges
    of the edge. `before` is the share of the load that used the edge in the last half of the baseline."""

    value: float
    met: float
    possible: float
    of: Literal["requests", "exchanges"]
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Computed from a journal, whole or not. Empty where nothing was injected."""

    contacts: Sequence[Contact] = ()
    share: Share | None = None
    min_share: float = MIN_SHARE
    met: Met = "all"
    flows: Sequence[Flow] = ()
    strengths: Sequence[Strength] = ()
    moves: Sequence[Move] = ()
    claims: bool = False
    """There are hypotheses."""
    claimed: bool = False
    """Something was claimed for the time of the fault."""

    @property
    def idle(self) -> Sequence[Contact]:
        """Faults that did nothing on a target."""
        return [contact for contact in self.contacts if not contact.hits]

    @property
    def unmoved(self) -> bool:
        """Something was measured before and under the fault, and none of it changed."""
        known = [move.changed for move in self.moves if move.changed is not None]
        return bool(known) and not any(known) and all(move.changed is not None for move in self.moves)

    @property
    def done(self) -> Mapping[str, Number]:
        """What the fault did on the edge, in all: `requests` that it met, `delay`, connections `ended` or reset."""
        under = [flow for flow in self.flows if flow.phase == "during"]
        return {
            "requests": Number(sum(_busiest(self.contacts).values())),
            "delay": Number(math.fsum(flow.delay for flow in under), "s"),
            "ended": Number(sum(flow.ended_by_fault + flow.resets for flow in under)),
        }

    def doubts(self) -> list[Reason]:
        """Why the fault may not have met what was measured; empty if it did."""
        idle = {contact.target: contact.fault for contact in reversed(self.idle)}
        targets = {contact.target for contact in self.contacts}
        everywhere = [
            fault
            for fault in dict.fromkeys(contact.fault for contact in self.contacts)
            if not any(contact.hits for contact in self.contacts if contact.fault == fault)
        ]
        if everywhere:
            return [Reason("no-traffic", subject=", ".join(everywhere))]
        wanted = {"all": len(targets), "any": 1}[self.met] if isinstance(self.met, str) else self.met
        hit = len(targets) - len(idle)
        if targets and hit < min(wanted, len(targets)):
            numbers = {"hit": Number(hit), "targets": Number(len(targets)), "wanted": Number(wanted)}
            return [Reason("no-hits", subject=target, numbers=numbers, words={"fault": fault})
                    for target, fault in sorted(idle.items())]  # fmt: skip
        share = self.share
        if share is not None and share.value < self.min_share:
            numbers = {
                "share": Number(share.value, "share"), "min_share": Number(self.min_share, "share"),
                "met": Number(share.met), "possible": Number(share.possible),
            }  # fmt: skip
            if share.before is not None:
                numbers["before"] = Number(share.before, "share")
            return [Reason("small-share", numbers=numbers, words={"of": share.of})]
        return []


def evidence(entries: Iterable[Entry]) -> Evidence:
    """Of a journal."""
    book = _Book(entries)
    run, plan = book.run, book.plan
    if run is None or plan is None or "observing" not in book.spans:
        return Evidence()
    contacts = _contacts(book, plan)
    terms_as_read: Any = run.terms  # of a journal that somebody else wrote there may be anything
    listed = terms_as_read if isinstance(terms_as_read, (list, tuple)) else ()
    declared = [terms for terms in listed if isinstance(terms, Mapping)]
    return Evidence(
        contacts,
        _share(book, plan, contacts),
        plan.min_share,
        "any" if plan.met == "any" else "all" if isinstance(plan.met, str) else plan.met,
        [_flow(book, phase, book.spans[state]) for state, phase in PHASE_OF.items() if state in book.spans],
        strengths(book.entries),
        [_move(book, str(terms.get("name", ""))) for terms in declared if {"baseline", "during"} <= _phases(terms)],
        bool(declared),
        any("during" in _phases(terms) for terms in declared),
    )


class _Book:
    """The journal, sorted by what is counted. Times are in seconds since the run began."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self.run: Run | None = None
        self.plan: Plan | None = None
        self.counted: list[tuple[float, Counted]] = []
        self.traffic: list[LoadSecond] = []
        self.samples: dict[tuple[str, Phase], list[Sample]] = {}
        self.spans: dict[str, tuple[float, float]] = {}
        """When the run was in each state."""
        state, began = "", 0.0
        for _, at, record in self.entries:
            match record:
                case Run():
                    self.run = record
                case Plan():
                    self.plan = record
                case Counted():
                    self.counted.append((at, record))
                case LoadSecond():
                    self.traffic.append(record)
                case Sample(settling=False):
                    self.samples.setdefault((record.hypothesis, record.phase), []).append(record)
                case Entered():
                    if state:
                        self.spans[state] = (began, at)
                    state, began = record.state, at
            if state:
                self.spans[state] = (began, at)
        self.began = min((began for began, _ in self.spans.values()), default=0.0)
        """When the first state was entered, with which the load starts."""

    def risen(self, span: tuple[float, float], of: Callable[[Counted], float]) -> float:
        """By how much a counter rose over all targets; one that falls belongs to a proxy that was made anew.

        Of what rose between two looks the part counts that lies within."""
        last: dict[str, tuple[float, float]] = {}
        total = 0.0
        for at, counted in self.counted:
            value = of(counted)
            if counted.target in last:
                then, before = last[counted.target]
                inside = max(0.0, min(at, span[1]) - max(then, span[0]))
                total += max(0.0, value - before) * (inside / (at - then) if at > then else 0.0)
            last[counted.target] = at, value
            if at > span[1] and all(then > span[1] for then, _ in last.values()):
                break
        return total

    def carried(self, span: tuple[float, float]) -> float:
        """Exchanges of all targets; where none is counted, connections that were opened."""
        return self.risen(span, lambda item: item.exchanges) or self.risen(span, lambda item: item.connections)

    def sent(self, span: tuple[float, float]) -> float:
        """Requests of the load that were sent in that time."""
        total = 0.0
        for second in self.traffic:
            began = self.began + second.second
            inside = max(0.0, min(began + second.seconds, span[1]) - max(began, span[0]))
            total += second.sent * (inside / second.seconds if second.seconds else 0.0)
        return total


def reach(faults: Sequence[FaultSpec], found: int, chosen: int) -> float | None:
    """Share of an edge's traffic that the faults may meet: of its targets, and of the connections of those. None where
    clients or the first connections are selected, whose share of the traffic nobody knows."""
    shares = []
    for spec in faults:
        selection = spec.selection
        if selection.clients or selection.first:
            return None
        shares.append(selection.toxicity / (selection.every or 1))
    return max(shares, default=0.0) * chosen / found if found else None


def _share(book: _Book, plan: Plan, contacts: Sequence[Contact]) -> Share | None:
    """None where nothing was counted that it could be of, as in older journals."""
    if not plan.reach:
        return None
    part = len(plan.targets) / plan.found if plan.found else 1.0
    met = float(sum(_busiest(contacts).values()))
    span = book.spans["observing"]
    possible = book.carried(span) * plan.reach / part
    coverage = min(1.0, met / possible) if possible else float(met > 0)
    sent = book.sent(span) * plan.reach
    if not sent:
        return Share(coverage, met, possible, "exchanges") if met or possible else None
    began, ended = book.spans.get("baseline", (0.0, 0.0))
    half = ((began + ended) / 2, ended)
    sent_before = book.sent(half) * part
    before = min(1.0, book.carried(half) / sent_before) if sent_before else None
    # A breaker that opens ends the traffic on the edge, and so does a pool that runs dry: what counts is whether the
    # load needed the edge when nothing was wrong. What came from a cache by then did not need it.
    needed = max(met / sent, before if before is not None and met else 0.0)
    return Share(min(1.0, coverage, needed), met, sent, "requests", before)


def _busiest(contacts: Sequence[Contact]) -> Mapping[str, int]:
    """By target what the fault met that met the most: several faults on one target meet the same."""
    found: dict[str, int] = {}
    for contact in contacts:
        found[contact.target] = max(found.get(contact.target, 0), contact.requests)
    return found


def _contacts(book: _Book, plan: Plan) -> list[Contact]:
    found = {
        (str(target.get("id", "")), fault): Contact(str(target.get("id", "")), fault, 0, 0, 0)
        for target in plan.targets
        for fault in plan.faults
    }
    for _, counted in book.counted:
        for fault, hits in counted.hits.items():
            known = found.get((counted.target, fault), Contact(counted.target, fault, 0, 0, 0))
            found[counted.target, fault] = Contact(
                counted.target, fault, max(hits, known.hits), max(counted.met.get(fault, 0), known.connections),
                max(counted.met_exchanges.get(fault, 0), known.exchanges),
            )  # fmt: skip
    return list(found.values())


def _flow(book: _Book, phase: Phase, span: tuple[float, float]) -> Flow:
    def risen(name: str) -> float:
        return book.risen(span, lambda counted: float(getattr(counted, name)))

    return Flow(
        phase,
        span[1] - span[0],
        round(risen("connections")),
        round(risen("exchanges")),
        round(risen("sent_upstream")),
        round(risen("sent_downstream")),
        risen("injected_delay"),
        round(risen("resets")),
        round(risen("ended_by_fault")),
        round(risen("dial_failures")),
    )


def _move(book: _Book, name: str) -> Move:
    before, under = book.samples.get((name, "baseline"), []), book.samples.get((name, "during"), [])
    return Move(name, _middle(before), _middle(under), _changed(before, under))


def _values(samples: Sequence[Sample]) -> list[float]:
    found: list[float] = []
    for sample in samples:
        found += [item for _, item in sample.series] if sample.value is None else [sample.value]
    return found


def _middle(samples: Sequence[Sample]) -> float | None:
    values = _values(samples)
    return median(values) if values else None


def _changed(before: Sequence[Sample], under: Sequence[Sample]) -> bool | None:
    """Whether what was measured under the fault is out of what was measured before it: at least two samples in twenty
    (of fewer than that, two; of one, that one) lie beyond the baseline's range by more than the range is wide, or have
    no value where the baseline had one. None without data."""
    known = _values(before)
    if not known or not under:
        return None
    low, high = min(known), max(known)
    width = max(high - low, _LEAST * max(abs(low), abs(high)))
    blind = sum(not _values([sample]) for sample in under)
    blind = blind if all(_values([sample]) for sample in before) else 0
    odd = sum(not low - width <= value <= high + width for value in _values(under))
    return odd + blind >= min(len(under), max(2.0, _ODD * len(under)))


def _phases(terms: Mapping[str, object]) -> set[str]:
    when = terms.get("when", ())
    return {str(phase) for phase in when} if isinstance(when, (list, tuple)) else set()
