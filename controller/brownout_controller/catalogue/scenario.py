"""A scenario: a failure mode at one place of an architecture; what a row of the catalogue and an experiment are about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brownout_controller.catalogue.architecture import Architecture, Edge
from brownout_controller.catalogue.business import TOLERANCE, Business, Hold
from brownout_controller.catalogue.modes import Claim, Condition, Mode, library
from brownout_proxy.units import SECONDS, SHARE

USERS: Final = "users"
"""Who calls what nobody in the architecture calls, as an edge names them."""
EVERYTHING: Final = "all services"
"""The target of what happens to the whole system."""
REPLICAS: Final = 2
"""How many instances there are where nobody has said it, for the share that one of them is."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Portable: it names an edge or a component, and a fault, but no environment."""

    mode: Mode
    target: str
    """`payment-service -> postgresql`, `redis`, or EVERYTHING."""
    title: str
    edges: tuple[Edge, ...]
    """The calls that suffer from it, those that the business needs most first."""
    edge: str | None
    """The edge of an experiment about it; None where there is none, or nothing to inject locally."""
    faults: tuple[Mapping[str, Any], ...]
    """As an experiment file has them; none where the proxy cannot inject it."""
    holds: tuple[Hold, ...]
    """The flows that hang on it, the firmest first."""
    texts: Mapping[str, str]
    """What the texts of its mode speak of."""

    @property
    def id(self) -> str:
        """A name that stays: `database-slow/payment-service/postgresql`."""
        return "/".join((self.mode.id, *self.target.replace(" -> ", "/").replace(" ", "-").split("/")))

    @property
    def component(self) -> str | None:
        """What fails, be it as the end of an edge; None for the whole system."""
        return None if self.mode.on == "system" else self.target.rpartition(" -> ")[2]

    @property
    def fault_kinds(self) -> tuple[str, ...]:
        """The kinds of its faults, by which the history of runs knows it."""
        return tuple(kind_of_fault(fault) for fault in self.faults)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The default hypotheses about it."""
        return tuple(_claim(library().claims[name], self.texts) for name in self.mode.claims)

    def said(self, text: str) -> str:
        """A text of its mode, with the names and times of its place."""
        return str(_filled(text, self.texts))


def scenarios(architecture: Architecture, business: Business | None = None) -> tuple[Scenario, ...]:
    """Every mode of the library wherever the architecture may have it; in the library's order, then in the file's."""
    business = business or Business(architecture)
    places = {"edge": _on_edges, "component": _on_components, "system": _on_system}
    return tuple(found for mode in library().modes.values() for found in places[mode.on](mode, architecture, business))


def kind_of_fault(fault: Mapping[str, Any]) -> str:
    """The key that names the fault among its conditions."""
    return next(key for key in fault if key not in ("name", "direction", "toxicity", "clients", "first", "every"))


def _on_edges(mode: Mode, architecture: Architecture, business: Business) -> Iterator[Scenario]:
    for edge in architecture.edges:
        if architecture.kind(edge.sink) not in mode.to:
            continue
        if mode.from_ and architecture.kind(edge.source) not in mode.from_:
            continue
        if all(_CONDITIONS[condition](architecture, edge.sink) for condition in mode.only):
            texts = {"source": edge.source, "sink": edge.sink, "it": edge.sink, "delay": _delay(mode, (edge,))}
            yield _scenario(mode, edge.name, (edge,), edge.name, texts, business.on_edge(edge))


def _on_components(mode: Mode, architecture: Architecture, business: Business) -> Iterator[Scenario]:
    for name in architecture.components:
        if architecture.kind(name) not in mode.to:
            continue
        if all(_CONDITIONS[condition](architecture, name) for condition in mode.only):
            edges = _by_need(architecture.callers(name), business)
            replicas = architecture.components[name].replicas or REPLICAS
            texts = {
                "it": name, "delay": _delay(mode, edges), "share": SHARE.format(round(1 / replicas, 2)),
                "replicas": str(replicas),
            }  # fmt: skip
            way_in = _way_in(architecture, name, edges)
            yield _scenario(mode, name, edges, way_in, texts, business.on_component(name))


def _on_system(mode: Mode, architecture: Architecture, business: Business) -> Iterator[Scenario]:
    edges = tuple(
        edge
        for edge in architecture.edges
        if "mtls" not in mode.only
        or edge.call.mtls
        or (edge.call.mtls is None and architecture.components[edge.sink].certificate is not None)
    )
    if edges:
        yield _scenario(mode, EVERYTHING, _by_need(edges, business), None, {"it": "a service"}, business.on_all())


def _by_need(edges: tuple[Edge, ...], business: Business) -> tuple[Edge, ...]:
    """The calls on which most of the business hangs first; otherwise as the file has them."""
    return tuple(sorted(edges, key=lambda edge: -max((hold.grip for hold in business.on_edge(edge)), default=0.0)))


def _way_in(architecture: Architecture, name: str, edges: tuple[Edge, ...]) -> str | None:
    """The edge on which its failure can be played: the neediest caller's, or its own calls where it has none."""
    if edges:
        return edges[0].name
    if architecture.kind(name) == "worker":
        calls = sorted(architecture.callees(name), key=lambda edge: architecture.kind(edge.sink) != "queue")
        return calls[0].name if calls else None
    return f"{USERS} -> {name}"


def _delay(mode: Mode, edges: tuple[Edge, ...]) -> str:
    """Twice the longest timeout of those who wait, or the mode's own where one of them has none."""
    timeouts = [edge.call.timeout for edge in edges]
    known = [timeout for timeout in timeouts if timeout is not None]
    return SECONDS.format(2 * max(known)) if known and len(known) == len(timeouts) else mode.delay


def _scenario(
    mode: Mode,
    target: str,
    edges: tuple[Edge, ...],
    edge: str | None,
    texts: Mapping[str, str],
    holds: tuple[Hold, ...],
) -> Scenario:
    texts = {**_texts_of_flow(holds), **texts}
    faults = tuple(_filled(fault, texts) for fault in mode.local.faults)
    title = _filled(mode.title, texts)
    return Scenario(mode, target, title, edges, edge if faults else None, faults if edge else (), holds, texts)


def _filled(content: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(content, str):
        for name, text in texts.items():
            content = content.replace("{" + name + "}", text)
        return content
    return {key: _filled(item, texts) for key, item in content.items()} if isinstance(content, Mapping) else content


def _texts_of_flow(holds: tuple[Hold, ...]) -> dict[str, str]:
    if not holds:
        return {"flow": "the system", "tolerance": SECONDS.format(TOLERANCE)}
    return {"flow": holds[0].stake.name, "tolerance": SECONDS.format(holds[0].stake.tolerance)}


def _claim(claim: Claim, texts: Mapping[str, str]) -> Claim:
    parts = ("name", "because", "measure", "yours", "expect")
    return claim.model_copy(update={part: _filled(getattr(claim, part), texts) for part in parts})


def _writes(architecture: Architecture, name: str) -> bool:
    return any(architecture.kind(edge.sink) in ("database", "queue") for edge in architecture.callees(name))


_CONDITIONS: Final[Mapping[Condition, Callable[[Architecture, str], bool]]] = {
    "called": lambda architecture, name: bool(architecture.callers(name)),
    "external": lambda architecture, name: name in architecture.external,
    "ours": lambda architecture, name: name not in architecture.external,
    "writes": _writes,
    "no-writes": lambda architecture, name: not _writes(architecture, name),
    "writes-there": lambda architecture, name: architecture.kind(name) == "database" or name in architecture.external,
}
"""What a mode asks of the component, or of an edge's sink. `mtls` is asked of each call."""
