"""The five factors of a scenario's score: impact, exposure, ignorance, safety, certainty; each in (0, 1].

They are multiplied: a scenario that is nothing in one of them is not worth a test, whatever the others are. A number
here is an even step of a scale (a half, a third), not a measurement; what nobody has said counts as the worse case,
except for what a business is worth, and is marked as assumed. Each factor keeps the numbers that it comes from;
rendering/reasons makes sentences of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from brownout_catalogue.architecture import Architecture, Call, CertaintyLevel, Edge, certainty_of
from brownout_catalogue.scoring import fault_coverage
from brownout_catalogue.scoring.criticality import WITH_FALLBACK, worth
from brownout_catalogue.scoring.modes import CONTAINED, OFTEN, Mode, Shield
from brownout_catalogue.scoring.past_trials import Evidence, PastTrials
from brownout_catalogue.scoring.scenario import REPLICAS, Scenario
from brownout_core.faults.spec import FaultSpec

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
CERTAIN: Final[Mapping[CertaintyLevel, float]] = {"written": 1.0, "strong": 0.9, "likely": 0.6, "weak": 0.3}
"""How much a scenario counts by what makes us believe that there is such a call.

Of the calls that imports of 24 public systems found with strong evidence 94 % were right; for the others there is no
count, and the steps are even.
"""
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


class StandIn(NamedTuple):
    """What stands in for the target, apart from what its callers have, or that nothing does."""

    code: Literal[
        "unknown", "single", "takeover", "spare", "some-alone", "none-alone", "unprobed", "probed", "rotated", "by-hand"
    ]
    left: float
    name: str = ""
    """The component that it is about."""
    counts: tuple[int, ...] = ()
    """Instances; or how many components there are, and how many of them are alone, or renewed by hand."""
    probes: tuple[str, ...] = ()


class Exposure(NamedTuple):
    """How likely it is to happen and to get through: how often, times who is unprotected, times what stands in.

    Callers count by what they have against the mode; n of them without anything are n / (n + HALF).
    """

    scenario: Scenario
    guards: tuple[Guard, ...]
    pressure: float
    stand_ins: tuple[StandIn, ...]

    @property
    def standing(self) -> float:
        """What is left by what stands in for the target."""
        return math.prod(one.left for one in self.stand_ins)

    @property
    def value(self) -> float:
        often = OFTEN[self.scenario.mode.often].value
        return often * self.pressure / (self.pressure + HALF) * self.standing


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


class Safety(NamedTuple):
    """How safe it is to try on purpose: what cannot be contained or undone counts less."""

    scenario: Scenario
    alone: bool

    @property
    def value(self) -> float:
        return CONTAINED[self.scenario.mode.contained].value * (ALONE if self.alone else 1.0)


class Certainty(NamedTuple):
    """How sure it is that there is such a call at all: that of the surest of the calls that suffer."""

    scenario: Scenario
    level: CertaintyLevel
    guess: str
    """The evidence of an import; empty where a person has written the call."""

    @property
    def value(self) -> float:
        return CERTAIN[self.level]


Factor = Impact | Exposure | Ignorance | Safety | Certainty


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
    shields = [shield for shield in scenario.mode.shields if shield in _STANDING]
    return Exposure(scenario, guards, pressure, tuple(_STANDING[shield](scenario, architecture) for shield in shields))


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


def _replicas_of(name: str, architecture: Architecture) -> StandIn:
    replicas = architecture.components[name].replicas
    if replicas is None:
        return StandIn("unknown", 1.0, name)
    if replicas < 2:
        return StandIn("single", 1.0, name)
    if architecture.is_stateful(name):
        return StandIn("takeover", SPARE_WITH_STATE, name, (replicas,))
    return StandIn("spare", SPARE, name, (replicas,))


def _replicas_of_all(scenario: Scenario, architecture: Architecture) -> StandIn:
    """Whether every component of ours has another instance; one of which nobody has written that has none."""
    counts = {name: service.replicas or 0 for name, service in architecture.services.items()}
    alone = [name for name, count in counts.items() if count < 2]
    if alone:
        return StandIn("some-alone", 1.0, alone[0], (len(counts), len(alone)))
    return StandIn("none-alone", SPARE, counts=(len(counts),))


def _probes(scenario: Scenario, architecture: Architecture) -> StandIn:
    name = scenario.component or ""
    found = architecture.components[name].probes
    return StandIn("probed", PROBED, name, probes=found) if found else StandIn("unprobed", 1.0, name)


def _rotation(scenario: Scenario, architecture: Architecture) -> StandIn:
    names = {name for edge in scenario.edges for name in (edge.source, edge.sink)}
    if scenario.component is not None:  # its public certificate: those of its callers are their own
        names = {scenario.component}
    by_hand = sorted(name for name in names if not _is_rotated(architecture, name))
    if not by_hand:
        return StandIn("rotated", ROTATED)
    return StandIn("by-hand", 1.0, by_hand[0], (len(names), len(by_hand)))


def _is_rotated(architecture: Architecture, name: str) -> bool:
    certificate = architecture.components[name].certificate
    return certificate is not None and certificate.rotation == "automatic"


_STANDING: Final[Mapping[Shield, Callable[[Scenario, Architecture], StandIn]]] = {
    "replicas": lambda scenario, architecture: _replicas_of(scenario.component or "", architecture),
    "replicas-of-source": lambda scenario, architecture: _replicas_of(scenario.edges[0].source, architecture),
    "replicas-of-all": _replicas_of_all,
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


def certainty(scenario: Scenario, architecture: Architecture) -> Certainty:
    """Of its surest call; of the component itself where nobody calls it."""
    if scenario.component is None:
        return Certainty(scenario, "written", "")  # what happens to all of the system rests on no single call
    guesses = [edge.call.guess for edge in scenario.edges] or [architecture.components[scenario.component].guess]
    guess = max(guesses, key=lambda one: CERTAIN[certainty_of(one)], default=None)
    return Certainty(scenario, certainty_of(guess), guess or "")
