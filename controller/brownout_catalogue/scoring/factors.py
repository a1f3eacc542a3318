"""The four factors of a scenario's score: impact, exposure, ignorance, safety; each in (0, 1], each with its reasons.

They are multiplied: a scenario that is nothing in one of them is not worth a test, whatever the others are. A number
here is an even step of a scale (a half, a third), not a measurement; what nobody has said counts as the worse case,
except for what a business is worth, and is marked as assumed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from brownout_catalogue.architecture import Architecture, Call, Edge
from brownout_catalogue.scoring import fault_coverage
from brownout_catalogue.scoring.criticality import WITH_FALLBACK, FlowImpact, worth
from brownout_catalogue.scoring.modes import CONTAINED, OFTEN, Mode, Shield
from brownout_catalogue.scoring.past_trials import Evidence, PastTrials
from brownout_catalogue.scoring.scenario import REPLICAS, Scenario
from brownout_core.faults.spec import FaultSpec
from brownout_core.formatting import percent
from brownout_core.units import SECONDS

LEAST: Final = 0.02
"""The worth of what no flow goes over; somebody runs it for a reason."""
PATIENT: Final = 0.6
"""What is left of an impact where people wait for minutes."""
_AT_ONCE: Final = 2.0
_MINUTES: Final = 300.0
SOME: Final = 0.3
"""The bite of what hits some requests and not all."""
STANDS_IN: Final[Mapping[Shield, float]] = {
    "timeout": 0.6,  # ends the waiting, and the request as well
    "breaker": 0.5,  # and spares the next ones the waiting
    "fallback": WITH_FALLBACK,
    "retries": 0.6,  # get over what is short
    "idempotent": 0.3,  # there is nothing left to go wrong but the waiting
}
"""What is left of a caller's exposure by what it has against a mode."""
_HAS: Final[Mapping[Shield, str]] = {
    "timeout": "a timeout", "breaker": "a breaker", "fallback": "a fallback", "retries": "retries",
    "idempotent": "idempotence",
}  # fmt: skip
"""In a sentence about a caller; one without has none of what stands behind the article."""
MORE: Final = 0.1
"""How much each request that retries may add to one adds to it: the load grows when there is least to spare."""
MOST: Final = 1.5
HALF: Final = 0.5
"""The number of unprotected callers at which half of the exposure is reached: one has two thirds, two have 0.8."""
FROM_OUTSIDE: Final = 2.0
"""The users count like two callers without protection: they have none, and there are many."""
NOBODY_WAITS: Final = 0.5
"""What counts for a component that nobody calls and that has its work from a queue or a clock."""
SPARE: Final = 0.6
"""What is left where another instance takes over."""
SPARE_WITH_STATE: Final = 0.8
"""Where it has to become the primary first; that goes wrong by itself now and then."""
PROBED: Final = 0.8
ROTATED: Final = 0.4
ALONE: Final = 0.8
"""What is left of a safety where nothing is left standing beside what is hit."""


class Impact(NamedTuple):
    """What the business loses: the revenue of all flows over the target, and the users of the largest.

    Revenues are shares of one whole and add up, users are mostly the same people. Times an impatience from 1 (answers
    within two seconds) to PATIENT (within minutes), times how much of the target fails; of what fails only in part half
    of the rest counts as well where it leaves wrong data behind.
    """

    scenario: Scenario
    revenue: float
    users: float
    impatience: float
    bite: float
    instances: int | None

    @property
    def value(self) -> float:
        return max(LEAST, worth(self.revenue, self.users) * self.impatience) * self.bite

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(self._reasons())

    def _reasons(self) -> Iterator[str]:
        holds = self.scenario.holds
        if not holds:
            yield "no flow that was named goes over it"
        else:
            names = ", ".join(_flow(hold.stake, hold.grip) for hold in holds[:3])
            more = f" and {len(holds) - 3} more" if len(holds) > 3 else ""
            assumed = {part for hold in holds for part in hold.stake.assumed}
            revenue = f"{_percent(self.revenue)} of the revenue{_assumed('revenue', assumed)}"
            users = f"{_percent(self.users)} of the users{_assumed('users', assumed)}"
            yield f"{revenue} and {users} go through it ({names}{more})"
            first = holds[0].stake
            tolerance = SECONDS.format(first.tolerance) + _assumed("tolerance", set(first.assumed))
            yield f"an answer of {first.name} may take {tolerance}"
        mode = self.scenario.mode
        if mode.strikes == "instance":
            if self.instances is None:
                yield f"hits one instance (of {REPLICAS}, assumed)"
            else:
                yield "hits the only instance" if self.instances == 1 else f"hits one of {self.instances} instances"
        elif mode.strikes == "some":
            yield "hits some requests, not all"
        if mode.loses_data:
            yield "what it breaks may stay broken afterwards"


class Guard(NamedTuple):
    """What a caller has against a mode, and what it lacks."""

    edge: Edge
    open: float
    has: tuple[Shield, ...]
    lacks: tuple[Shield, ...]
    """Of those that would help."""
    unsaid: tuple[Shield, ...]
    """Of what it lacks, those that nobody has spoken of."""
    storm: float
    """Requests that retries may add to each; a budget is the most that they add."""
    budget: float | None


class Exposure(NamedTuple):
    """How likely it is to happen and to get through: how often, times who is unprotected, times what stands in.

    Callers count by what they have against the mode; n of them without anything are n / (n + HALF).
    """

    scenario: Scenario
    guards: tuple[Guard, ...]
    pressure: float
    standing: float
    standing_reasons: tuple[str, ...]

    @property
    def value(self) -> float:
        often = OFTEN[self.scenario.mode.often].value
        return often * self.pressure / (self.pressure + HALF) * self.standing

    @property
    def reasons(self) -> tuple[str, ...]:
        mode = self.scenario.mode
        return (
            f"happens {OFTEN[mode.often].means}: {mode.often_because}",
            *self._about_callers(),
            *self.standing_reasons,
        )

    def _about_callers(self) -> Iterator[str]:
        guards = self.guards
        if not guards:
            yield "its users call it" if self.pressure == FROM_OUTSIDE else "nobody waits for its answers"
        elif self.scenario.mode.on == "edge":
            has, lacks = guards[0].has, guards[0].lacks
            if has:
                yield f"the caller has {_listed([_HAS[shield] for shield in has])}"
            if lacks:
                yield f"it has no {_listed(_named(lacks), 'or')}{_unsaid(_named(guards[0].unsaid), lacks)}"
        else:
            callers = f"{len(guards)} {'call' if self.scenario.mode.on == 'system' else 'caller'}{_s(len(guards))}"
            yield ", ".join([callers, *self._lacking()])
        storms = [guard for guard in guards if guard.storm]
        worst = max(storms, key=lambda guard: guard.storm, default=None)
        if worst is not None and worst.budget is None:
            yield f"up to {worst.storm:g} retr{'y' if worst.storm == 1 else 'ies'} without a budget add load"
        elif worst is not None:
            yield f"retries may add {percent(worst.storm)} to the load, as their budget allows"

    def _lacking(self) -> Iterator[str]:
        """What callers lack, with those that as many of them lack in one go."""
        alike: dict[tuple[int, bool], list[Shield]] = {}
        for shield in self.scenario.mode.shields:
            without = [guard for guard in self.guards if shield in guard.lacks]
            if without:
                unsaid = all(shield in guard.unsaid for guard in without)
                alike.setdefault((len(without), unsaid), []).append(shield)
        for (count, unsaid), shields in alike.items():
            told = f"without {_listed(_named(shields), 'or')}{' (not said)' if unsaid else ''}"
            yield f"{_of(count, len(self.guards))}{told}"


class Ignorance(NamedTuple):
    """How little is known: 1 if it was never tried. The mean over the calls, as each caller is tried by itself.

    A passed run leaves KNOWN, which grows back to 1 until it expires, and more if its fault was weaker; a refuted one
    leaves 1, and a mark. A scenario that is like others before it, or like what was tested, counts less, as those teach
    a part of what it would.
    """

    scenario: Scenario
    runs: tuple[tuple[str, Evidence | None], ...]
    untaught: float
    expires: float
    fault: FaultSpec | None = None
    """What is asked for."""
    repeat: float = 1.0
    before: tuple[int, int] = (0, 0)
    """How many of its mode, and at its place, stand before it and were not tested."""
    others_tested: bool = False
    """Whether some that are like it were."""

    @property
    def value(self) -> float:
        return self.untaught * self.repeat

    @property
    def broken(self) -> bool:
        """Whether one of its calls was refuted and has not passed since."""
        return any(run is not None and run.broken for _, run in self.runs)

    @property
    def known(self) -> bool:
        return any(run is not None for _, run in self.runs)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(self._reasons())

    def _reasons(self) -> Iterator[str]:
        done = [(edge, run) for edge, run in self.runs if run is not None]
        if not done:
            yield "never tested" if self.scenario.faults else "never tested, and the proxy cannot"
        for edge, known in done:
            yield self._about(edge, known)
        if done and len(done) < len(self.runs):
            yield f"{len(self.runs) - len(done)} of {len(self.runs)} callers were never tested"
        likes = zip(self.before, ("of its kind", "at the same place"), strict=True)
        before = [f"{' and '.join(f'{count} {which}' for count, which in likes if count)} further up"]
        before = (before if any(self.before) else []) + (["tests of what is like it"] if self.others_tested else [])
        if before:
            yield f"{', '.join(before)}: {_percent(1 - self.repeat)} of it is learnt there"

    def _about(self, edge: str, known: Evidence) -> str:
        run = known.tried
        ago = "today" if run.days < 1 else f"{run.days:.0f} day{_s(round(run.days))} ago"
        how = f"with {fault_coverage.told(run.fault)}" if run.fault else f"with a {run.kind} of unknown strength"
        which = f"{ago} {how}{f' in {run.environment}' if run.environment else ''}"
        if known.broken:
            return f"known to be broken: {edge} was refuted {which}"
        if run.days >= self.expires:
            return f"{edge} passed {which}, which has expired"
        left = f"for {self.expires - run.days:.0f} more days"
        if known.covered >= 1:
            return f"{edge} passed {which}, and counts {left}"
        asked = fault_coverage.told(self.fault) if self.fault else run.kind
        if _percent(known.covered) == "none":
            return f"{edge} passed {which}, which says next to nothing about {asked}"
        return f"{edge} passed {which}, which is weaker than {asked}: counts to {_percent(known.covered)} {left}"


class Safety(NamedTuple):
    """How safe it is to try on purpose: what cannot be contained or undone counts less."""

    scenario: Scenario
    alone: bool

    @property
    def value(self) -> float:
        return CONTAINED[self.scenario.mode.contained].value * (ALONE if self.alone else 1.0)

    @property
    def reasons(self) -> tuple[str, ...]:
        mode = self.scenario.mode
        because = f": {mode.contained_because}" if mode.contained_because else ""
        alone = ("it is the only instance: nothing is left standing beside it",) if self.alone else ()
        return (CONTAINED[mode.contained].means + because, *alone)


def impact(scenario: Scenario, architecture: Architecture) -> Impact:
    holds = scenario.holds
    revenue = min(1.0, sum(hold.grip * hold.stake.revenue for hold in holds))
    users = max((hold.grip * hold.stake.users for hold in holds), default=0.0)
    impatience = _impatience(holds[0].stake.tolerance) if holds else PATIENT
    component = scenario.component
    instances = architecture.components[component].replicas if component else None
    bite = {"whole": 1.0, "instance": 1 / (instances or REPLICAS), "some": SOME}[scenario.mode.strikes]
    if scenario.mode.loses_data:
        bite = (1 + bite) / 2
    return Impact(scenario, revenue, users, impatience, bite, instances)


def _impatience(tolerance: float) -> float:
    """Falls with the logarithm: from 2 s to 4 s is as much as from 1 min to 2 min."""
    waited = math.log(tolerance / _AT_ONCE) / math.log(_MINUTES / _AT_ONCE)
    return 1 - (1 - PATIENT) * min(1.0, max(0.0, waited))


def exposure(scenario: Scenario, architecture: Architecture) -> Exposure:
    guards = tuple(_guard(scenario.mode, edge) for edge in scenario.edges)
    pressure = sum(guard.open for guard in guards)
    if not guards:
        component = scenario.component or ""
        pressure = NOBODY_WAITS if architecture.kind(component) == "worker" else FROM_OUTSIDE
    standing, reasons = _standing(scenario, architecture)
    return Exposure(scenario, guards, pressure, standing, reasons)


def _guard(mode: Mode, edge: Edge) -> Guard:
    said = {shield: _said(edge.call, shield) for shield in mode.shields if shield in STANDS_IN}
    left = math.prod(STANDS_IN[shield] for shield, there in said.items() if there)
    storm, budget = 0.0, edge.call.retry_budget
    if "retries" not in mode.shields and mode.strikes == "whole":
        storm = min(edge.call.retries or 0, math.inf if budget is None else budget)
    return Guard(
        edge, left * min(MOST, 1 + MORE * storm),
        tuple(shield for shield, there in said.items() if there),
        tuple(shield for shield, there in said.items() if not there),
        tuple(shield for shield, there in said.items() if there is None),
        storm, budget,
    )  # fmt: skip


def _said(call: Call, shield: Shield) -> bool | None:
    """Whether the call has it; None if nobody has said."""
    found = {
        "timeout": call.timeout, "breaker": call.breaker, "fallback": call.fallback, "retries": call.retries,
        "idempotent": call.idempotent,
    }[shield]  # fmt: skip
    return None if found is None else bool(found)


def _standing(scenario: Scenario, architecture: Architecture) -> tuple[float, tuple[str, ...]]:
    """What stands in for what is hit, apart from what its callers do."""
    left, reasons = 1.0, []
    for shield in scenario.mode.shields:
        if shield in STANDS_IN:
            continue
        value, reason = _STANDING[shield](scenario, architecture)
        left *= value
        reasons.append(reason)
    return left, tuple(reasons)


def _replicas_of(name: str, architecture: Architecture) -> tuple[float, str]:
    replicas = architecture.components[name].replicas
    if replicas is None:
        return 1.0, f"how many instances {name} has is not said; none is counted on to stand in"
    if replicas < 2:
        return 1.0, f"{name} is a single instance"
    if architecture.is_stateful(name):
        return SPARE_WITH_STATE, f"{replicas} instances, and one of them has to take over the state"
    return SPARE, f"{replicas} instances stand in for each other"


def _probes(scenario: Scenario, architecture: Architecture) -> tuple[float, str]:
    found = architecture.components[scenario.component or ""].probes
    if not found:
        return 1.0, "no health probe that was named takes it out of the way"
    return PROBED, f"{_listed(found)} probe{_s(len(found))} take{'s' if len(found) == 1 else ''} it out of the way"


def _rotation(scenario: Scenario, architecture: Architecture) -> tuple[float, str]:
    names = {name for edge in scenario.edges for name in (edge.source, edge.sink)}
    by_hand = sorted(name for name in names if not _is_rotated(architecture, name))
    if not by_hand:
        return ROTATED, "all certificates are renewed automatically"
    return 1.0, f"of {len(names)} services with mTLS {len(by_hand)} renew by hand or do not say ({by_hand[0]})"


def _is_rotated(architecture: Architecture, name: str) -> bool:
    certificate = architecture.components[name].certificate
    return certificate is not None and certificate.rotation == "automatic"


_STANDING: Final = {
    "replicas": lambda scenario, architecture: _replicas_of(scenario.component or "", architecture),
    "replicas-of-source": lambda scenario, architecture: _replicas_of(scenario.edges[0].source, architecture),
    "probes": _probes,
    "rotation": _rotation,
}


def ignorance(scenario: Scenario, past: PastTrials) -> Ignorance:
    names = [edge.name for edge in scenario.edges] or ([scenario.edge] if scenario.edge else [])
    if past.is_empty or not scenario.faults:
        return Ignorance(scenario, tuple((name, None) for name in names), 1.0, past.expires)
    fault = fault_coverage.fault_of(json.dumps(scenario.faults[0]))
    runs = tuple((name, past.about(name, fault) if fault else None) for name in names)
    untaught = sum(past.ignorance(run) for _, run in runs) / len(runs) if runs else 1.0
    return Ignorance(scenario, runs, untaught, past.expires, fault)


def safety(scenario: Scenario, architecture: Architecture) -> Safety:
    component = scenario.component
    alone = scenario.mode.strikes == "instance" and component is not None
    return Safety(scenario, alone and architecture.components[component or ""].replicas == 1)


def _flow(stake: FlowImpact, grip: float) -> str:
    return f"flow {stake.name}" if grip == 1 else f"{_percent(grip)} of flow {stake.name}"


def _percent(share: float) -> str:
    share = round(share, 2)
    return "all" if share == 1 else "none" if not share else percent(share)


def _assumed(part: str, assumed: set[str]) -> str:
    return " (assumed)" if part in assumed else ""


def _named(shields: Sequence[Shield]) -> Sequence[str]:
    return [_HAS[shield].removeprefix("a ") for shield in shields]


def _unsaid(unsaid: Sequence[str], lacks: Sequence[str]) -> str:
    if not unsaid:
        return ""
    return " (not said)" if len(unsaid) == len(lacks) else f" ({_listed(unsaid)} not said)"


def _of(part: int, whole: int) -> str:
    return ("" if whole == 1 else "both " if whole == 2 else "all ") if part == whole else f"{part} of them "


def _listed(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
