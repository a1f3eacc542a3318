"""What a search has found, in words: how far the experiment is from breaking, and what a timeout has to do with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from brownout_controller.model.fault_parameter import FaultParameter
from brownout_controller.model.margin_search import Finding, Plan
from brownout_core.formatting import line
from brownout_core.units import SECONDS

Relation = Literal["decides", "round-trips", "limit", "before", "beyond", "not-reached"]
"""What breaks the hypotheses: the timeout; the timeout, when one call makes several round trips; their own limit on a
time; something else before it; something beyond it, if anything; or not known, as no value comes near it."""

_OWN_TIME: Final = 0.1
"""The share of a timeout that a call may take beside the fault."""
_MOST_TRIPS: Final = 5
"""Round trips of one call; with more of them nearly every share of a timeout could be explained."""


class Timeout(NamedTuple):
    """How long the caller waits, in seconds, and where that is said."""

    seconds: float
    source: str


class Limit(NamedTuple):
    """A hypothesis whose value grew with the fault until it met its own limit: what it was at both ends."""

    name: str
    expect: str
    held: str
    broke: str


class Comparison(NamedTuple):
    """A margin beside a timeout. The shares say how far the ends of the bracket are from it: -0.1 is 10 % below."""

    relation: Relation
    sentence: str
    low: float | None
    high: float | None
    round_trips: int | None = None


def compared(dial: FaultParameter, finding: Finding, timeout: Timeout, limit: Limit | None = None) -> Comparison | None:
    """None where there is nothing to compare: the fault is no time, or the margin is not known."""
    if not dial.is_time or finding.kind == "unknown":
        return None
    patience = timeout.seconds
    held = 0.0 if finding.held is None else dial.seconds(finding.held)
    broke = math.inf if finding.broke is None else dial.seconds(finding.broke)
    low = None if finding.held is None else held / patience - 1
    high = None if finding.broke is None else broke / patience - 1
    named = f"the timeout of {SECONDS.format(patience)} ({line(timeout.source)})"
    if limit is not None:
        told = f"{named} is not what decides: they break at {_part(broke / patience)} of it, at a limit of their own"
        return Comparison("limit", told, low, high)
    if held > patience:
        return Comparison("beyond", f"they hold beyond {named}: {_beyond(finding, held / patience)}", low, high)
    if finding.broke is None:
        return Comparison("not-reached", f"no value that was tried exceeds {named}: give a larger --to", low, high)
    if broke >= patience * (1 - _OWN_TIME):
        if finding.held is None:
            return Comparison("not-reached", f"no value below {named} was tried: give a smaller --from", low, high)
        ends = f"they hold at {_part(held / patience)} of it and break at {_part(broke / patience)}"
        told = f"{named} is what decides: {ends}"
        return Comparison("decides", told, low, high, 1)
    trips = _round_trips(held, broke, patience)
    if trips is not None:
        told = (
            f"{named} is {trips} times that: it is what decides if one call makes {trips} round trips, each as late (a "
            "statement that is prepared first, a connection that is checked or reset); if it makes one, something else "
            "gives up earlier"
        )
        return Comparison("round-trips", told, low, high, trips)
    told = (
        f"they break at {_part(broke / patience)} of {named}, so that something shorter decides: a pool, a "
        "queue, another timeout, or a limit of the hypotheses"
    )
    return Comparison("before", told, low, high)


def _beyond(finding: Finding, times: float) -> str:
    if finding.broke is None:
        return (
            f"nothing broke up to {times:.3g} times as much. What is done when it strikes (a fallback, a queue) "
            "carries the load; but if no hypothesis limits a time, it may as well not be in force"
        )
    return "it is not what limits them. Is it in force on this edge, and does it span what the hypotheses see?"


def _round_trips(held: float, broke: float, limit: float) -> int | None:
    """The only number of late round trips that makes the bracket one around the timeout."""
    if not held:
        return None
    fitting = [
        trips
        for trips in range(2, _MOST_TRIPS + 1)
        if held * trips <= limit and broke * trips >= limit * (1 - _OWN_TIME)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _part(share: float) -> str:
    return f"{100 * share:.0f} %" if share > 0.1 else f"1/{1 / share:.0f}"


def sentences(
    dial: FaultParameter, plan: Plan, finding: Finding, holds_at_own: bool | None, limit: Limit | None = None
) -> Sequence[str]:
    """The finding without a timeout; the first one is the answer."""
    return [
        _answer(dial, finding),
        *_of_the_experiment(dial, finding, holds_at_own),
        *([] if limit is None else [_grown(limit)]),
        *_odd(dial, finding),
        *_left(dial, plan, finding),
    ]


def _answer(dial: FaultParameter, finding: Finding) -> str:
    held, broke = _shown(dial, finding.held), _shown(dial, finding.broke)
    to = "up to" if dial.worse == "more" else "down to"
    match finding.kind:
        case "found":
            return f"{dial.name}: the hypotheses hold {to} {held} and are broken at {broke}"
        case "more":
            return f"{dial.name}: the hypotheses hold at every value that was tried, {to} {held}; the margin is larger"
        case "less":
            return f"{dial.name}: the hypotheses are broken at {broke} already, the mildest value that was tried"
    if finding.held is not None:
        return f"{dial.name}: not found; the hypotheses hold at {held}, and worse values are not known"
    if finding.broke is not None:
        return f"{dial.name}: not found; the hypotheses are broken at {broke}, and milder values are not known"
    return f"{dial.name}: not found; nothing is known"


def _of_the_experiment(dial: FaultParameter, finding: Finding, holds: bool | None) -> list[str]:
    own = dial.shown(dial.own)
    if holds is None:
        return []
    if not holds:
        return [f"the experiment's own {own} is beyond that: it is refuted as it is written"]
    if finding.held is None:
        return []
    times = finding.held / dial.own if dial.worse == "more" else dial.own / finding.held
    room = f", and {times:.3g} times as bad holds as well" if times >= 1.05 else ""
    return [f"the experiment's own {own} holds{room}"]


def _grown(limit: Limit) -> str:
    return (
        f"what ends it is the limit of {line(limit.name)} ({limit.expect}): it grows with the fault, from {limit.held} "
        f"to {limit.broke}"
    )


def _odd(dial: FaultParameter, finding: Finding) -> list[str]:
    told = []
    if finding.again:
        values = ", ".join(dial.shown(value) for value in finding.again)
        told.append(
            f"not monotonic: they hold again at {values}; something (a breaker, a timeout) protects there and not "
            "before, and the margin ends where they break first"
        )
    if finding.unsteady:
        values = ", ".join(dial.shown(value) for value in finding.unsteady)
        told.append(
            f"unsteady: {values} held once and broke once; the edge is somewhere there, and a longer duration tells"
        )
    if finding.unanswered is not None:
        told.append(f"the run at {dial.shown(finding.unanswered)} was inconclusive twice, which ended the search")
    return told


def _left(dial: FaultParameter, plan: Plan, finding: Finding) -> list[str]:
    """What would make it exact, if something is missing."""
    if finding.kind == "more":
        return [f"give a worse --to than {dial.shown(plan.severe)} to find its end"]
    if finding.kind == "less":
        return [f"give a milder --from than {dial.shown(plan.mild)} to find its end"]
    return []


def _shown(dial: FaultParameter, value: float | None) -> str:
    return "" if value is None else dial.shown(value)


def as_json(
    dial: FaultParameter,
    finding: Finding,
    holds_at_own: bool | None,
    timeout: Timeout | None,
    limit: Limit | None = None,
) -> dict[str, Any]:
    """The finding for programs: values as files have them, and times in seconds beside them."""
    comparison = None if timeout is None else compared(dial, finding, timeout, limit)

    def value(number: float | None) -> dict[str, Any] | None:
        if number is None:
            return None
        return {"value": dial.shown(number), **({"seconds": dial.seconds(number)} if dial.is_time else {})}

    return {
        "attribute": dial.name,
        "worse": dial.worse,
        "finding": finding.kind,
        "complete": finding.complete,
        "held": value(finding.held),
        "broke": value(finding.broke),
        "own": value(dial.own),
        "holds_at_own": holds_at_own,
        "holds_again": [value(number) for number in finding.again],
        "unsteady": [value(number) for number in finding.unsteady],
        "unanswered": value(finding.unanswered),
        "limit": None if limit is None else limit._asdict(),
        "timeout": None if timeout is None else timeout._asdict(),
        "comparison": None if comparison is None else comparison._asdict(),
    }
