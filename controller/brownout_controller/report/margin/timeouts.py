"""The result of a margin search in words: how far the experiment is from breaking, and what a timeout explains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from brownout_controller.model.fault_parameter import FaultParameter
from brownout_controller.model.margin_search import Margin, SearchPlan
from brownout_core.formatting import line
from brownout_core.units import SECONDS

Relation = Literal["decides", "round-trips", "limit", "before", "beyond", "not-reached"]
"""What breaks the hypotheses: the timeout; the timeout, over several round trips of one call; a limit of their own;
something shorter than the timeout; something longer, if anything; or unknown, since no value came near it."""

_OWN_TIME: Final = 0.1
"""The share of a timeout that a call may take beside the fault."""
_MAX_TRIPS: Final = 5
"""Round trips of one call; with more of them nearly every share of a timeout could be explained."""


class Timeout(NamedTuple):
    """How long the caller waits, in seconds; `source` is where that is configured."""

    seconds: float
    source: str


class OwnLimit(NamedTuple):
    """A hypothesis whose value grew with the fault up to its own limit: `held` and `broke` are its values at both ends
    of the margin."""

    name: str
    expect: str
    held: str
    broke: str


class Comparison(NamedTuple):
    """A margin beside a timeout. `low` and `high` are the distances of its ends from it: -0.1 is 10 % below."""

    relation: Relation
    sentence: str
    low: float | None
    high: float | None
    round_trips: int | None = None


def compared(
    parameter: FaultParameter, margin: Margin, timeout: Timeout, own_limit: OwnLimit | None = None
) -> Comparison | None:
    """The margin beside the timeout; None where they cannot be compared: the fault is no time, or the margin is not
    known."""
    if not parameter.is_time or margin.kind == "unknown":
        return None
    held = 0.0 if margin.held is None else parameter.seconds(margin.held)
    broke = math.inf if margin.broke is None else parameter.seconds(margin.broke)
    low = None if margin.held is None else held / timeout.seconds - 1
    high = None if margin.broke is None else broke / timeout.seconds - 1
    named = f"the timeout of {SECONDS.format(timeout.seconds)} ({line(timeout.source)})"
    held_at, broke_at = held / timeout.seconds, broke / timeout.seconds
    round_trips: int | None = None
    relation: Relation
    if own_limit is not None:
        relation = "limit"
        text = f"{named} does not decide: the hypotheses break at {_part(broke_at)} of it, at a limit of their own"
    elif held > timeout.seconds:
        relation = "beyond"
        text = f"the hypotheses hold beyond {named}: "
        if margin.broke is None:
            text += (
                f"nothing broke up to {held_at:.3g} times as much. What happens when it strikes (a fallback, a queue) "
                "carries the load; but if no hypothesis limits a time, the timeout may not be in force"
            )
        else:
            text += (
                "it does not limit them. Is it in force on this edge, and does it cover what the hypotheses measure?"
            )
    elif margin.broke is None:
        relation, text = "not-reached", f"no value that was tried exceeds {named}: set a larger --to"
    elif broke >= timeout.seconds * (1 - _OWN_TIME) and margin.held is None:
        relation, text = "not-reached", f"no value below {named} was tried: set a smaller --from"
    elif broke >= timeout.seconds * (1 - _OWN_TIME):
        relation, round_trips = "decides", 1
        text = f"{named} decides: the hypotheses hold at {_part(held_at)} of it and break at {_part(broke_at)}"
    else:
        round_trips = _round_trips(held, broke, timeout.seconds)
        relation = "before" if round_trips is None else "round-trips"
        text = (
            f"{named} is {round_trips} times that: it decides if one call makes {round_trips} round trips, each as "
            "late (a statement that is prepared first, a connection that is checked or reset); if a call makes one, "
            "something else gives up earlier"
        )
        if round_trips is None:
            text = (
                f"the hypotheses break at {_part(broke_at)} of {named}, so something shorter decides: a pool, a queue, "
                "another timeout, or a limit of the hypotheses"
            )
    return Comparison(relation, text, low, high, round_trips)


def _round_trips(held: float, broke: float, timeout: float) -> int | None:
    """The only number of late round trips that makes the bracket one around the timeout; None for none or several."""
    fitting = [
        trips
        for trips in range(2, _MAX_TRIPS + 1)
        if held and held * trips <= timeout and broke * trips >= timeout * (1 - _OWN_TIME)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _part(share: float) -> str:
    return f"{100 * share:.0f} %" if share > 0.1 else f"1/{1 / share:.0f}"


def sentences(
    parameter: FaultParameter,
    plan: SearchPlan,
    margin: Margin,
    holds_at_own: bool | None,
    own_limit: OwnLimit | None = None,
) -> Sequence[str]:
    """The margin without a timeout; the first sentence is the answer."""
    found = [_answer(parameter, margin)]
    own = parameter.formatted(parameter.own)
    if holds_at_own is False:
        found.append(f"the experiment's own {own} is beyond that: as it is written, the experiment is refuted")
    elif holds_at_own and margin.held is not None:
        times = margin.held / parameter.own if parameter.worse == "more" else parameter.own / margin.held
        room = f", and {times:.3g} times as bad holds as well" if times >= 1.05 else ""
        found.append(f"the experiment's own {own} holds{room}")
    if own_limit is not None:
        found.append(
            f"the limit of {line(own_limit.name)} ({own_limit.expect}) ends it: its value grows with the fault, from "
            f"{own_limit.held} to {own_limit.broke}"
        )
    if margin.again:
        found.append(
            f"not monotonic: the hypotheses hold again at {', '.join(map(parameter.formatted, margin.again))}; a "
            "breaker or a timeout may protect there and not before. The margin ends where they break first"
        )
    if margin.unsteady:
        found.append(
            f"unsteady: {', '.join(map(parameter.formatted, margin.unsteady))} held once and broke once; repeat the "
            "search with a longer duration"
        )
    if margin.unanswered is not None:
        found.append(
            f"the run at {parameter.formatted(margin.unanswered)} was inconclusive twice, which ended the search"
        )
    if margin.kind == "more":
        found.append(f"set a worse --to than {parameter.formatted(plan.severe)} to find the end of the margin")
    elif margin.kind == "less":
        found.append(f"set a milder --from than {parameter.formatted(plan.mild)} to find the end of the margin")
    return found


def _answer(parameter: FaultParameter, margin: Margin) -> str:
    held = "" if margin.held is None else parameter.formatted(margin.held)
    broke = "" if margin.broke is None else parameter.formatted(margin.broke)
    to = "up to" if parameter.worse == "more" else "down to"
    match margin.kind:
        case "found":
            return f"{parameter.name}: the hypotheses hold {to} {held} and break at {broke}"
        case "more":
            return f"{parameter.name}: the hypotheses hold at every value tried, {to} {held}; the margin is larger"
        case "less":
            return f"{parameter.name}: the hypotheses break at {broke} already, the mildest value that was tried"
    if margin.held is not None:
        return f"{parameter.name}: not found; the hypotheses hold at {held}, and worse values are not known"
    if margin.broke is not None:
        return f"{parameter.name}: not found; the hypotheses break at {broke}, and milder values are not known"
    return f"{parameter.name}: not found; nothing is known"


def as_json(
    parameter: FaultParameter,
    margin: Margin,
    holds_at_own: bool | None,
    timeout: Timeout | None,
    own_limit: OwnLimit | None = None,
) -> dict[str, Any]:
    """The finding for programs: values as files have them, and times in seconds beside them."""
    comparison = None if timeout is None else compared(parameter, margin, timeout, own_limit)

    def value(number: float | None) -> dict[str, Any] | None:
        if number is None:
            return None
        return {
            "value": parameter.formatted(number),
            **({"seconds": parameter.seconds(number)} if parameter.is_time else {}),
        }

    return {
        "attribute": parameter.name,
        "worse": parameter.worse,
        "finding": margin.kind,
        "complete": margin.complete,
        "held": value(margin.held),
        "broke": value(margin.broke),
        "own": value(parameter.own),
        "holds_at_own": holds_at_own,
        "holds_again": [value(number) for number in margin.again],
        "unsteady": [value(number) for number in margin.unsteady],
        "unanswered": value(margin.unanswered),
        "limit": None if own_limit is None else own_limit._asdict(),
        "timeout": None if timeout is None else timeout._asdict(),
        "comparison": None if comparison is None else comparison._asdict(),
    }
