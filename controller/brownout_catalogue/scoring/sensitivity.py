"""Which missing line of an architecture would change the ranking most.

For every line that nobody has written each plausible value is tried, one line at a time, and the list is made anew. The
change is Spearman's footrule over the top ten: how many places the scenarios of both lists move, all together, where
one that is not in a top ten counts as standing right below it. It is 0 if nothing moves and 110 if all ten are others.

A large system has more of them than anybody waits for. So they are tried up to a bound, those about the highest scores
first; it counts work and not time, so that the same file gives the same answer everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from brownout_catalogue.architecture import Architecture, Certificate, Edge, Flow, Service, dotted
from brownout_catalogue.scoring.criticality import NOT_SAID, Criticality, is_route
from brownout_catalogue.scoring.factors import STANDS_IN
from brownout_catalogue.scoring.past_trials import PastTrials
from brownout_catalogue.scoring.ranking import order, rank, row
from brownout_catalogue.scoring.scenario import Scenario, encrypted, moved, scenarios

TOP: Final = 10
WORK: Final = 3_000_000
"""Looks at a row or a call that the search may take: some seconds."""
_WHOLE: Final = 10
"""How many of them it takes to find a row that was not there before."""
_RISE: Final = 1 / NOT_SAID + 1e-9
"""How much a line about a call can add to the score of a scenario that is not about this call: it may be required."""

_CALL: Final[Mapping[str, Sequence[tuple[str, Any]]]] = {
    "timeout": (("1s", 1.0),),
    "breaker": (("true", True),),
    "fallback": (("true", True),),
    "retries": (("2", 2),),
    "idempotent": (("true", True),),
    "required": (("true", True), ("false", False)),
}
"""What a call may say. A value that is assumed already would change nothing and is left out."""
_SHIFTS: Final = frozenset(("fallback", "required"))
"""Those of them on which it depends what the business hangs on."""
_FLOW: Final[Mapping[str, Sequence[tuple[str, Any]]]] = {
    "revenue": (("5%", 0.05), ("90%", 0.9)),
    "users": (("5%", 0.05), ("100%", 1.0)),
    "tolerance": (("1s", 1.0), ("1m", 60.0)),
}
_MOSTLY: Final = 0.9
"""The share of the business that comes in at one place, where it is tried out which place that is."""


RIGHT: Final = "right"
WRONG: Final = "wrong"
"""What somebody who checks a guess finds: the call is there, or it is not."""


class Line(NamedTuple):
    """A line that is not there, and what the architecture would be with it."""

    path: str
    """`services.payment-service.calls.postgresql.timeout`."""
    value: str
    architecture: Architecture
    about: str | tuple[str, str] = ""
    """The component, or the ends of the call, that it is about; empty if it is about the flows."""
    shifts: bool = False
    """It may shift what the business hangs on."""
    adds: bool = False
    """There may be scenarios with it that there are not without it."""

    def is_read_by(self, scenario: Scenario) -> bool:
        """Whether the scenario's own factors look at this line; most modes look at few."""
        field = self.path.rpartition(".")[2]
        if field == "replicas":
            if "replicas-of-all" in scenario.mode.shields:  # one line changes it only where it is the last one
                return all((service.replicas or 0) > 1 for service in self.architecture.services.values())
            return scenario.component == self.about or "replicas-of-source" in scenario.mode.shields
        if field in ("retries", "retry_budget"):
            return "retries" in scenario.mode.shields or scenario.mode.strikes == "whole"
        if field == "guess":
            return scenario.component is not None
        # What the business hangs on is looked at apart from the factors, see `shifts`.
        return field in scenario.mode.shields if field in STANDS_IN else field != "required"


class Effect(NamedTuple):
    """What a line would do to the ranking."""

    path: str
    value: str
    """The plausible value with the largest change."""
    change: int
    moves: int
    """How many scenarios of the two top tens move."""
    title: str
    """The scenario that moves furthest, the higher one if there are several."""
    before: int
    after: int
    """Its places."""
    enters: tuple[str, ...]
    """Titles that come into the top ten."""


class Search(NamedTuple):
    """What was found, and in how many of the values."""

    effects: tuple[Effect, ...] = ()
    """The missing lines that change anything, the one that changes most first."""
    tried: int = 0
    values: int = 0


def missing_lines(architecture: Architecture) -> Iterator[Line]:
    """Every line that nobody has written and that the ranking would read, with each plausible value."""
    yield from _flows(architecture)
    for name, service in architecture.components.items():
        yield from _service(architecture, name, service)
    for edge in architecture.edges:
        yield from _call(architecture, edge)
        yield from _guess(architecture, edge)
    yield from _encryption(architecture)


def search(architecture: Architecture, past: PastTrials | None = None, work: int = WORK) -> Search:
    """Tries what is missing, as far as `work` goes."""
    board = _Board(architecture, past or PastTrials())
    found: dict[str, Effect] = {}
    # Walked twice: a line holds an architecture of its own, and all at once are more than fits into memory.
    chosen, values = _affordable(board, missing_lines(architecture), work)
    for line in (line for index, line in enumerate(missing_lines(architecture)) if index in chosen):
        after = board.places_with(line)
        change = footrule(board.places, after)
        if change > (found[line.path].change if line.path in found else 0):
            found[line.path] = _effect(line, change, board, after)
    effects = tuple(sorted(found.values(), key=lambda effect: (-effect.change, effect.path)))
    return Search(effects, len(chosen), values)


def _affordable(board: _Board, lines: Iterable[Line], work: int) -> tuple[frozenset[int], int]:
    """The indices of the lines that can be tried, and how many there are; one at least, the most promising first."""
    asked = [(-board.promise(line), index, board.work(line)) for index, line in enumerate(lines)]
    chosen: set[int] = set()
    for _, index, cost in sorted(asked):
        work -= cost
        if work < 0 and chosen:
            break
        chosen.add(index)
    return frozenset(chosen), len(asked)


class _Board:
    """The ranking of an architecture, which for a line makes anew only those rows that the line can bring into the top
    ten or out of it.

    Fifty services have some thousand missing lines and some hundred scenarios: all of them for each line took half a
    minute. A row is near if it has at least half of the score of the tenth, or was tested and so takes from
    others; what is far can come near only by a line
    about itself, or about flows, or where the tenth falls so deep that everything is made anew.
    """

    def __init__(self, architecture: Architecture, past: PastTrials) -> None:
        self._past = past
        self._business = Criticality(architecture)
        self._calls = len(architecture.edges)
        self.rows = [row(found, architecture, past) for found in scenarios(architecture, self._business)]
        self._marks = [one.mark for one in self.rows]
        self._about: dict[str | tuple[str, str], set[int]] = {}
        for index, one in enumerate(self.rows):
            ends = {(edge.source, edge.sink) for edge in one.scenario.edges}
            for about in ends | {name for end in ends for name in end} | {one.scenario.component or ""}:
                self._about.setdefault(about, set()).add(index)
        top = order(self._marks, TOP)
        self.places = {self._marks[index].name: place for place, (index, _) in enumerate(top, 1)}
        tenth = self._marks[top[-1][0]].worth(top[-1][1]) if len(top) == TOP else 0.0
        self._near = frozenset(
            index for index, mark in enumerate(self._marks) if mark.score >= tenth / 2 or mark.tested
        )
        self._far = max((mark.score for index, mark in enumerate(self._marks) if index not in self._near), default=0.0)

    def promise(self, line: Line) -> float:
        """The highest score of what it is about; flows are about everything."""
        if not line.about:
            return math.inf
        scores = [self._marks[index].score for index in self._about.get(line.about, ()) if self._is_local(index)]
        return max(scores, default=0.0)

    def _is_local(self, index: int) -> bool:
        return self.rows[index].scenario.component is not None  # what happens to the whole system is about every call

    def work(self, line: Line) -> int:
        """About how many looks at a row or a call it takes to try the line."""
        everything = len(self.rows) + self._calls
        if line.adds:
            return _WHOLE * everything
        return len(self._business.stakes) * everything if line.shifts else len(self._near) + self._calls

    def places_with(self, line: Line) -> Mapping[str, int]:
        """The top ten with the line, by the scenarios' ids, from 1 on."""
        if line.adds:
            return {one.scenario.id: place for place, one in enumerate(rank(line.architecture, self._past)[:TOP], 1)}
        touched = {index for index in self._about.get(line.about, ()) if line.is_read_by(self.rows[index].scenario)}
        if not line.about:
            return self._places(line, range(len(self.rows)), touched)[0]
        if not line.shifts and not touched:
            return self.places
        places, tenth = self._places(line, self._near | touched, touched)
        if self._far * _RISE < tenth:
            return places
        return self._places(line, range(len(self.rows)), touched)[0]

    def _places(self, line: Line, among: Iterable[int], touched: set[int]) -> tuple[Mapping[str, int], float]:
        """The places, and the score of the tenth."""
        business = Criticality(line.architecture) if line.shifts else self._business
        marks = []
        for index in among:
            scenario = self.rows[index].scenario
            if index in touched or (line.shifts and _has_shifted(scenario, business, line.about)):
                found = moved(scenario, line.architecture, business)
                marks.append(row(found, line.architecture, self._past).mark)
            else:
                marks.append(self._marks[index])
        top = order(marks, TOP)
        places = {marks[index].name: place for place, (index, _) in enumerate(top, 1)}
        return places, marks[top[-1][0]].worth(top[-1][1]) if len(top) == TOP else 0.0


def _has_shifted(scenario: Scenario, business: Criticality, about: str | tuple[str, str]) -> bool:
    if not about:
        return True
    component = scenario.component
    if component is None:
        return False
    on_edge = scenario.mode.on == "edge"
    holds = business.on_edge(scenario.edges[0]) if on_edge else business.on_component(component)
    return [(hold.stake.name, hold.grip) for hold in holds] != [(hold.stake.name, hold.grip) for hold in scenario.holds]


def footrule(before: Mapping[str, int], after: Mapping[str, int], top: int = TOP) -> int:
    """How far the top of one order is from that of another; places count from 1."""
    return sum(abs(_within(before, key, top) - _within(after, key, top)) for key in _tops(before, after, top))


def _within(places: Mapping[str, int], key: str, top: int) -> int:
    return min(places.get(key, top + 1), top + 1)


def _tops(before: Mapping[str, int], after: Mapping[str, int], top: int) -> list[str]:
    return [
        key for key in before.keys() | after.keys() if min(before.get(key, top + 1), after.get(key, top + 1)) <= top
    ]


def _effect(line: Line, change: int, board: _Board, after: Mapping[str, int]) -> Effect:
    before = board.places
    added = scenarios(line.architecture) if line.adds else ()
    found = {one.id: one for one in (*added, *(row.scenario for row in board.rows))}
    titles = {key: found[key].title for key in _tops(before, after, TOP) if key in found}
    moved = {
        key: abs(_within(before, key, TOP) - _within(after, key, TOP))
        for key in sorted(_tops(before, after, TOP), key=lambda key: (before.get(key, len(before)), key))
    }
    furthest = max(moved, key=lambda key: moved[key])
    return Effect(
        line.path, line.value, change, sum(way > 0 for way in moved.values()),
        titles.get(furthest, furthest), before.get(furthest, 0), after.get(furthest, 0),
        tuple(titles.get(key, key) for key in moved if before.get(key, TOP + 1) > TOP),
    )  # fmt: skip


def _flows(architecture: Architecture) -> Iterator[Line]:
    if not architecture.flows:
        entries = Criticality(architecture).entries
        for chosen in entries if len(entries) > 1 else ():
            rest = (1 - _MOSTLY) / (len(entries) - 1)
            shares = {name: _MOSTLY if name == chosen else rest for name in entries}
            flows = {name: Flow(path=(name,), revenue=share, users=share) for name, share in shares.items()}
            yield Line(
                "flows", f"{_MOSTLY:.0%} of the business at {chosen}", _with(architecture, flows=flows), shifts=True
            )
    for name, flow in architecture.flows.items():
        for field, values in _FLOW.items():
            if getattr(flow, field) is None:
                for text, value in values:
                    changed = flow.model_copy(update={field: value})
                    flows = {**architecture.flows, name: changed}
                    yield Line(dotted(("flows", name, field)), text, _with(architecture, flows=flows), shifts=True)


def _service(architecture: Architecture, name: str, service: Service) -> Iterator[Line]:
    path = dotted((_section(architecture, name), name))
    if service.replicas is None and name not in architecture.external:
        for replicas in (1, 3):
            yield Line(
                f"{path}.replicas", str(replicas), _with_service(architecture, name, replicas=replicas), about=name
            )
    if service.certificate is None and any(edge.call.mtls for edge in architecture.callers(name)):
        changed = _with_service(architecture, name, certificate=Certificate(rotation="automatic"))
        yield Line(f"{path}.certificate", "{rotation: automatic}", changed, name, adds=True)


def _call(architecture: Architecture, edge: Edge) -> Iterator[Line]:
    path = dotted((_section(architecture, edge.source), edge.source, "calls", edge.sink))
    fields: dict[str, Sequence[tuple[str, Any]]] = dict(_CALL)
    if edge.call.retries:
        fields["retry_budget"] = (("10%", 0.1),)
    if is_route(architecture, edge):
        del fields["required"]  # that a gateway needs it for every request is not plausible
    only_write = [(write.source, write.sink) for write in architecture.writes(edge.source)] == [
        (edge.source, edge.sink)
    ]
    for field, values in fields.items():
        if getattr(edge.call, field) is None:
            for text, value in values:
                changed = _with_call(architecture, edge, **{field: value})
                about = (edge.source, edge.sink)
                adds = field == "idempotent" and only_write  # then it dies in no transaction
                yield Line(f"{path}.{field}", text, changed, about, shifts=field in _SHIFTS, adds=adds)


def _guess(architecture: Architecture, edge: Edge) -> Iterator[Line]:
    """What an import has guessed is either right or wrong; a call on the path of a flow cannot be taken away."""
    if edge.call.guess is None:
        return
    path, about = (
        f"{_section(architecture, edge.source)}.{edge.source}.calls.{edge.sink}.guess",
        (edge.source, edge.sink),
    )
    yield Line(path, RIGHT, _with_call(architecture, edge, guess=None), about)
    if about not in {step for flow in architecture.flows.values() for step in pairwise(flow.path)}:
        calls = {sink: call for sink, call in architecture.components[edge.source].calls.items() if sink != edge.sink}
        yield Line(path, WRONG, _with_service(architecture, edge.source, calls=calls), about, adds=True)


def _encryption(architecture: Architecture) -> Iterator[Line]:
    """Where no call is said to have mTLS, one line is enough to have its scenario in the list."""
    inside = [edge for edge in architecture.edges if edge.sink not in architecture.external]
    business = Criticality(architecture)
    if inside and all(edge.call.mtls is None for edge in inside) and not encrypted(architecture):
        edge = max(inside, key=lambda edge: sum(hold.lost for hold in business.on_edge(edge)))
        path = dotted((_section(architecture, edge.source), edge.source, "calls", edge.sink, "mtls"))
        about = (edge.source, edge.sink)
        yield Line(path, "true", _with_call(architecture, edge, mtls=True), about, adds=True)


def _section(architecture: Architecture, name: str) -> str:
    return "external" if name in architecture.external else "services"


def _with_service(architecture: Architecture, name: str, **changes: Any) -> Architecture:
    section = _section(architecture, name)
    services: Mapping[str, Service] = getattr(architecture, section)
    return _with(architecture, **{section: {**services, name: services[name].model_copy(update=changes)}})


def _with_call(architecture: Architecture, edge: Edge, **changes: Any) -> Architecture:
    calls = architecture.components[edge.source].calls
    return _with_service(architecture, edge.source, calls={**calls, edge.sink: edge.call.model_copy(update=changes)})


def _with(architecture: Architecture, **changes: Any) -> Architecture:
    """Made anew, as a copy would keep what was computed from the old lines; nothing in it needs to be checked again."""
    fields = {name: getattr(architecture, name) for name in Architecture.model_fields}
    return Architecture.model_construct(**(fields | changes))
