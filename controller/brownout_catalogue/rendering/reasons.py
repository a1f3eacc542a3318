"""Why each factor of a score has its value, in sentences: here alone numbers get words, units and plurals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from brownout_catalogue.architecture import CertaintyLevel
from brownout_catalogue.scoring.criticality import FlowDependency
from brownout_catalogue.scoring.factors import (
    FROM_OUTSIDE,
    Exposure,
    Factor,
    Ignorance,
    Impact,
    Safety,
    StandIn,
)
from brownout_catalogue.scoring.fault_coverage import SIZES, WHOLE, connections
from brownout_catalogue.scoring.modes import CONTAINED, OFTEN, Shield
from brownout_catalogue.scoring.past_trials import Evidence
from brownout_catalogue.scoring.scenario import REPLICAS
from brownout_core.faults.spec import UPSTREAM, FaultSpec, unit_of
from brownout_core.formatting import percent
from brownout_core.units import SECONDS

_FLOWS: Final = 3
"""How many flows a sentence names."""
_HAS: Final[Mapping[Shield, str]] = {
    "timeout": "a timeout", "breaker": "a breaker", "fallback": "a fallback", "retries": "retries",
    "idempotent": "idempotence",
}  # fmt: skip
"""What a caller has; a caller without it has none of what stands behind the article."""
_CERTAIN: Final[Mapping[CertaintyLevel, str]] = {
    "written": "a person wrote the call",
    "strong": "an import found an address",
    "likely": "an import found a name without an address",
    "weak": "an import guessed it; check this guess",
}


def reasons(factor: Factor) -> tuple[str, ...]:
    """At least one sentence, without a full stop."""
    if isinstance(factor, Impact):
        return tuple(_impact(factor))
    if isinstance(factor, Exposure):
        return tuple(_exposure(factor))
    if isinstance(factor, Ignorance):
        return tuple(_ignorance(factor))
    if isinstance(factor, Safety):
        return tuple(_safety(factor))
    evidence = f": {factor.guess}" if factor.guess else ""
    return (_CERTAIN[factor.level] + evidence,)


def _impact(impact: Impact) -> Iterator[str]:
    needs = impact.scenario.holds
    if not needs:
        yield "no flow that was named goes over it"
    else:
        names = ", ".join(map(_flow, needs[:_FLOWS]))
        more = f" and {len(needs) - _FLOWS} more" if len(needs) > _FLOWS else ""
        assumed = {part for need in needs for part in need.stake.assumed}
        revenue = f"{_share(impact.revenue)} of the revenue{_assumed('revenue', assumed)}"
        users = f"{_share(impact.users)} of the users{_assumed('users', assumed)}"
        yield f"{revenue} and {users} go through it ({names}{more})"
        first = needs[0].stake
        tolerance = SECONDS.format(first.tolerance) + _assumed("tolerance", set(first.assumed))
        yield f"an answer of {first.name} may take {tolerance}"
    mode = impact.scenario.mode
    if mode.strikes == "instance":
        if impact.instances is None:
            yield f"hits one instance (of {REPLICAS}, assumed)"
        else:
            yield "hits the only instance" if impact.instances == 1 else f"hits one of {impact.instances} instances"
    elif mode.strikes == "some":
        yield "hits some requests, not all"
    if mode.loses_data:
        yield "what it breaks may stay broken afterwards"


def _exposure(exposure: Exposure) -> Iterator[str]:
    mode, guards = exposure.scenario.mode, exposure.guards
    yield f"happens {OFTEN[mode.often].means}: {mode.often_because}"
    if not guards:
        yield "its users call it" if exposure.pressure == FROM_OUTSIDE else "nobody waits for its answers"
    elif mode.on == "edge":
        has, lacks = guards[0].has, guards[0].lacks
        if has:
            yield f"the caller has {_listed([_HAS[shield] for shield in has])}"
        if lacks:
            yield f"it has no {_listed(_named(lacks), 'or')}{_unsaid(_named(guards[0].unsaid), lacks)}"
    else:
        callers = _count(len(guards), "call" if mode.on == "system" else "caller")
        yield ", ".join([callers, *_lacking(exposure)])
    worst = max((guard for guard in guards if guard.storm), key=lambda guard: guard.storm, default=None)
    if worst is not None and worst.budget is None:
        yield f"up to {worst.storm:g} retr{'y' if worst.storm == 1 else 'ies'} without a budget add load"
    elif worst is not None:
        yield f"retries may add {percent(worst.storm)} to the load, as their budget allows"
    for one in exposure.stand_ins:
        yield _STAND_INS[one.code](one)


_STAND_INS: Final[Mapping[str, Callable[[StandIn], str]]] = {
    "unknown": lambda one: f"how many instances {one.name} has is not stated; none is counted on to stand in",
    "single": lambda one: f"{one.name} is a single instance",
    "takeover": lambda one: f"{one.counts[0]} instances, and one of them has to take over the state",
    "spare": lambda one: f"{one.counts[0]} instances stand in for each other",
    "some-alone": lambda one: (
        f"{one.counts[1]} of {_count(one.counts[0], 'component')} have one instance or do not state it ({one.name})"
    ),
    "none-alone": lambda one: f"each of {_count(one.counts[0], 'component')} has another instance",
    "unprobed": lambda one: "no health probe that was named takes it out of the way",
    "probed": lambda one: (
        f"{_listed(one.probes)} probe{_s(len(one.probes))} take{'s' if len(one.probes) == 1 else ''} it out of the way"
    ),
    "rotated": lambda one: "all certificates are renewed automatically",
    "by-hand": lambda one: (
        f"of {_count(one.counts[0], 'certificate')} {one.counts[1]} are renewed by hand or do not state it ({one.name})"
    ),
}  # fmt: skip
"""By the code of what stands in for a target."""


def _lacking(exposure: Exposure) -> Iterator[str]:
    """What callers lack; what as many of them lack stands together."""
    alike: dict[tuple[int, bool], list[Shield]] = {}
    for shield in exposure.scenario.mode.shields:
        without = [guard for guard in exposure.guards if shield in guard.lacks]
        if without:
            unsaid = all(shield in guard.unsaid for guard in without)
            alike.setdefault((len(without), unsaid), []).append(shield)
    whole = len(exposure.guards)
    for (count, unsaid), shields in alike.items():
        those = ("" if whole == 1 else "both " if whole == 2 else "all ") if count == whole else f"{count} of them "
        yield f"{those}without {_listed(_named(shields), 'or')}{' (not stated)' if unsaid else ''}"


def _ignorance(ignorance: Ignorance) -> Iterator[str]:
    done = [(edge, run) for edge, run in ignorance.runs if run is not None]
    if not done:
        yield "never tested" if ignorance.scenario.faults else "never tested, and the proxy cannot"
    for edge, known in done:
        yield _trial(edge, known, ignorance)
    if done and len(done) < len(ignorance.runs):
        yield f"{len(ignorance.runs) - len(done)} of {len(ignorance.runs)} callers were never tested"
    likes = zip(ignorance.before, ("of its kind", "at the same place"), strict=True)
    before = [f"{' and '.join(f'{count} {which}' for count, which in likes if count)} further up"]
    before = (before if any(ignorance.before) else []) + (
        ["tests of what is like it"] if ignorance.others_tested else []
    )
    if before:
        yield f"{', '.join(before)}: {_share(1 - ignorance.repeat)} of it is learnt there"


def _trial(edge: str, known: Evidence, ignorance: Ignorance) -> str:
    run = known.tried
    ago = "today" if run.days < 1 else f"{_count(round(run.days), 'day')} ago"
    how = f"with {fault_words(run.fault)}" if run.fault else f"with a {run.kind} of unknown strength"
    which = f"{ago} {how}{f' in {run.environment}' if run.environment else ''}"
    if known.broken:
        return f"known to be broken: {edge} was refuted {which}"
    if run.days >= ignorance.expires:
        return f"{edge} passed {which}, which has expired"
    left = f"for {ignorance.expires - run.days:.0f} more days"
    if known.covered >= 1:
        return f"{edge} passed {which}, and counts {left}"
    asked = fault_words(ignorance.fault) if ignorance.fault else run.kind
    if _share(known.covered) == "none":
        return f"{edge} passed {which}, which proves next to nothing about {asked}"
    return f"{edge} passed {which}, which is weaker than {asked}: counts to {_share(known.covered)} {left}"


def _safety(safety: Safety) -> Iterator[str]:
    mode = safety.scenario.mode
    yield CONTAINED[mode.contained].means + (f": {mode.contained_because}" if mode.contained_because else "")
    if safety.alone:
        yield "it is the only instance: nothing is left standing beside it"


def fault_words(spec: FaultSpec) -> str:
    """`latency 30s`, `bandwidth 0 upstream`."""
    words = [spec.kind]
    size = SIZES[spec.kind]
    if size is not None:
        value = getattr(spec.fault, size.attribute)
        unit = unit_of(type(spec.fault).model_fields[size.attribute])
        words.append(f"{value:g}" if unit is None or not value else unit.format(value))
    if spec.kind not in WHOLE and spec.direction == UPSTREAM:
        words.append(UPSTREAM)
    share = connections(spec)
    if share < 1:
        words.append(f"on {percent(share, 2)} of the connections")
    return " ".join(words)


def _flow(need: FlowDependency) -> str:
    name = f"flow {need.stake.name}"
    return name if need.grip == 1 else f"{_share(need.grip)} of {name}"


def _share(share: float) -> str:
    share = round(share, 2)
    return "all" if share == 1 else "none" if not share else percent(share)


def _assumed(part: str, assumed: set[str]) -> str:
    return " (assumed)" if part in assumed else ""


def _named(shields: Sequence[Shield]) -> Sequence[str]:
    return [_HAS[shield].removeprefix("a ") for shield in shields]


def _unsaid(unsaid: Sequence[str], lacks: Sequence[str]) -> str:
    if not unsaid:
        return ""
    return " (not stated)" if len(unsaid) == len(lacks) else f" ({_listed(unsaid)} not stated)"


def _listed(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{_s(count)}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
