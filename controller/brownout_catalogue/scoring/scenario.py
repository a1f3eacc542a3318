"""A scenario: a failure mode at one place of an architecture; what a row of the catalogue is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from brownout_catalogue.architecture import Architecture, Edge
from brownout_catalogue.scoring.criticality import TOLERANCE, Criticality, FlowDependency
from brownout_catalogue.scoring.modes import Claim, Condition, Mode, library
from brownout_core.faults import KINDS
from brownout_core.units import SECONDS, SHARE

OUTSIDE: Final = "outside"
"""Who calls what nobody in the architecture calls, as an edge names them."""
EVERYTHING: Final = "all services"
"""The target of what happens to the whole system."""
REPLICAS: Final = 2
"""How many instances there are where nobody has said it, for the share that one of them is."""
_LEAST_SHARE: Final = 0.01
"""Of the connections; of more instances than a hundred one would have none in whole percent."""
LONGEST: Final = 30.0
"""Seconds of delay beyond which nothing more is learnt: what has not given up by then never does."""


@dataclass(frozen=True)
class Scenario:
    """Portable: it names an edge or a component, and a fault, but no environment."""

    mode: Mode
    target: str
    """`payment-service -> postgresql`, `redis`, or EVERYTHING."""
    edges: tuple[Edge, ...]
    """The calls that suffer from it, those that the business needs most first."""
    holds: tuple[FlowDependency, ...]
    """The flows that hang on it, the firmest first."""
    way_in: str | None
    """The edge on which it can be played, whether or not there is a fault for it."""
    replicas: int | None
    """Of what fails; None if nobody has said it."""
    least_delay: float = 0.0
    """Seconds that a delay lasts at least: longer than what is claimed, or who only waits would keep the claim."""

    @cached_property
    def id(self) -> str:
        """A name that stays: `database-slow/payment-service/postgresql`."""
        return f"{self.mode.id}/{self.target.replace(' -> ', '/').replace(' ', '-')}"

    @property
    def component(self) -> str | None:
        """What fails, be it as the end of an edge; None for the whole system."""
        return None if self.mode.on == "system" else self.target.rpartition(" -> ")[2]

    @property
    def title(self) -> str:
        return self.fill(self.mode.title)

    @property
    def edge(self) -> str | None:
        """The edge of an experiment about it; None where the proxy cannot inject it."""
        return self.way_in if self.mode.local.faults else None

    @cached_property
    def faults(self) -> tuple[Mapping[str, Any], ...]:
        """As an experiment file has them; none where the proxy cannot inject it."""
        return tuple(_filled(fault, self.texts) for fault in self.mode.local.faults) if self.way_in else ()

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The default hypotheses about it."""
        return tuple(_claim(library().claims[name], self.texts) for name in self.mode.claims)

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """What the texts of its mode speak of."""
        source, _, sink = self.target.rpartition(" -> ")
        replicas = self.replicas or REPLICAS
        return {
            "it": self.component or "a service", "source": source, "sink": sink,
            "delay": self._delay, "replicas": str(replicas),
            "share": SHARE.format(max(_LEAST_SHARE, round(1 / replicas, 2))),
            "flow": self.holds[0].stake.name if self.holds else "the system",
            "tolerance": SECONDS.format(self.holds[0].stake.tolerance if self.holds else TOLERANCE),
        }  # fmt: skip

    @property
    def _delay(self) -> str:
        usual = _delay(self.mode, self.edges, self.holds)
        return SECONDS.format(max(SECONDS.parse(usual), self.least_delay)) if usual else ""

    def fill(self, text: str) -> str:
        """A text of its mode, with the names and times of its place."""
        return str(_filled(text, self.texts))


def scenarios(architecture: Architecture, business: Criticality | None = None) -> tuple[Scenario, ...]:
    """Every mode of the library wherever the architecture may have it; in the library's order, then in the file's."""
    business = business or Criticality(architecture)
    return tuple(found for mode in library().modes.values() for found in _PLACES[mode.on](mode, architecture, business))


def moved(scenario: Scenario, architecture: Architecture, business: Criticality) -> Scenario:
    """The same scenario in an architecture that has the same components and calls, but says other things of them."""
    edges = tuple(architecture.edge(edge.source, edge.sink) for edge in scenario.edges)
    component = scenario.component
    if component is None:
        return replace(scenario, edges=edges, holds=_on_system_flows(scenario.mode, edges, business))
    holds = business.on_edge(edges[0]) if scenario.mode.on == "edge" else business.on_component(component)
    return replace(scenario, edges=edges, holds=holds, replicas=architecture.components[component].replicas)


def kind_of_fault(fault: Mapping[str, Any]) -> str:
    """The key that names the fault among its conditions."""
    return next(key for key in fault if key in KINDS)


def _on_edges(mode: Mode, architecture: Architecture, business: Criticality) -> Iterator[Scenario]:
    for edge in architecture.edges:
        if mode.from_ and architecture.kind(edge.source) not in mode.from_:
            continue
        if _may_have(mode, architecture, edge.sink):
            replicas = architecture.components[edge.sink].replicas
            yield Scenario(mode, edge.name, (edge,), business.on_edge(edge), edge.name, replicas)


def _on_components(mode: Mode, architecture: Architecture, business: Criticality) -> Iterator[Scenario]:
    for name, service in architecture.components.items():
        if _may_have(mode, architecture, name):
            edges = _by_need(architecture.callers(name), business)
            way_in = _way_in(architecture, name, edges)
            yield Scenario(mode, name, edges, business.on_component(name), way_in, service.replicas)


def _on_system(mode: Mode, architecture: Architecture, business: Criticality) -> Iterator[Scenario]:
    edges = architecture.edges if "mtls" not in mode.only else encrypted(architecture)
    if edges:
        flows = _on_system_flows(mode, edges, business)
        yield Scenario(mode, EVERYTHING, _by_need(edges, business), flows, None, None)


def _on_system_flows(mode: Mode, edges: tuple[Edge, ...], business: Criticality) -> tuple[FlowDependency, ...]:
    """All flows, or those over the calls that the mode hits where it does not hit every call."""
    return business.on_edges(edges) if "mtls" in mode.only else business.on_all()


_PLACES: Final = {"edge": _on_edges, "component": _on_components, "system": _on_system}


def encrypted(architecture: Architecture) -> tuple[Edge, ...]:
    """The calls over mutual TLS: those that say so, and those of which nothing is said to what has a certificate."""
    return tuple(
        edge
        for edge in architecture.edges
        if edge.call.mtls or (edge.call.mtls is None and architecture.components[edge.sink].certificate is not None)
    )


def _may_have(mode: Mode, architecture: Architecture, name: str) -> bool:
    if architecture.kind(name) not in mode.to:
        return False
    return all(_CONDITIONS[condition](architecture, name) for condition in mode.only)


def _by_need(edges: tuple[Edge, ...], business: Criticality) -> tuple[Edge, ...]:
    """The calls on which most of the business hangs first, then by name."""
    return tuple(
        sorted(edges, key=lambda edge: (-round(sum(hold.lost for hold in business.on_edge(edge)), 12), edge.name))
    )


def _way_in(architecture: Architecture, name: str, edges: tuple[Edge, ...]) -> str | None:
    """The edge on which its failure can be played: the neediest caller's, or its own calls where it has none."""
    if edges:
        return edges[0].name
    if architecture.kind(name) == "worker":
        calls = sorted(architecture.callees(name), key=lambda edge: architecture.kind(edge.sink) != "queue")
        return calls[0].name if calls else None
    return f"{OUTSIDE} -> {name}"


def _delay(mode: Mode, edges: tuple[Edge, ...], holds: tuple[FlowDependency, ...]) -> str:
    """Twice the longest timeout of those who wait. Where one of them has none, the mode's own; more, within reason, if
    people would wait for that."""
    timeouts = [edge.call.timeout for edge in edges]
    known = [timeout for timeout in timeouts if timeout is not None]
    if not mode.delay:
        return ""
    if known and len(known) == len(timeouts):
        return SECONDS.format(2 * max(known))
    patience = next((hold.stake.tolerance for hold in holds[:1] if "tolerance" not in hold.stake.assumed), 0.0)
    return SECONDS.format(max(SECONDS.parse(mode.delay), min(2 * patience, LONGEST)))


def _filled(content: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(content, str):
        for name, text in texts.items():
            content = content.replace("{" + name + "}", text)
        return content
    return {key: _filled(item, texts) for key, item in content.items()} if isinstance(content, Mapping) else content


def _claim(claim: Claim, texts: Mapping[str, str]) -> Claim:
    parts = ("name", "because", "measure", "yours", "expect")
    return claim.model_copy(update={part: _filled(getattr(claim, part), texts) for part in parts})


_CONDITIONS: Final[Mapping[Condition, Callable[[Architecture, str], bool]]] = {
    "called": lambda architecture, name: bool(architecture.callers(name)),
    "external": lambda architecture, name: name in architecture.external,
    "ours": lambda architecture, name: name not in architecture.external,
    "writes": lambda architecture, name: bool(architecture.writes(name)),
    "no-writes": lambda architecture, name: not architecture.writes(name),
    "objects": lambda architecture, name: architecture.is_object_store(name),
    "no-objects": lambda architecture, name: not architecture.is_object_store(name),
    "writes-there": lambda architecture, name: architecture.kind(name) == "database" or name in architecture.external,
}
"""What a mode asks of the component, or of an edge's sink. `mtls` is asked of each call."""
