"""How firmly the business hangs on each component and call: the grip, from 0 (not at all) to 1 (nothing goes without).

A flow goes along its path. What the services on the path call besides is mostly needed as well, unless the caller has
a fallback or does without; but a gateway calls one service for one request and another for the next, so what it calls
off the path counts only where `required: true` says so, or where its name says that it knows the users. Workers work
off what a flow leaves in a queue: late, not lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from brownout_catalogue.architecture import STORES, Architecture, Edge, Flow

WITH_FALLBACK: Final = 0.4
"""What is left of a need where the caller has something else to offer: worse, not for all, and hardly ever tried."""
NOT_REQUIRED: Final = 0.2
"""Where the answer is good without; somebody wrote the call for a reason."""
NOT_SAID: Final = 0.8
"""Where a call is not on the flow's path and nobody has said whether it is required: mostly it is."""
LATER: Final = 0.3
"""Where work is done later instead of now."""
USERS: Final = 0.5
"""The share of users who need a flow of which nobody has said it."""
TOLERANCE: Final = 10.0
"""Seconds that an answer may take where nobody has said it; people leave a page after about as long."""

_ALWAYS_ASKED: Final = re.compile(r"auth|session|token|identity|login|\biam\b|\bidp\b")


class FlowImpact(NamedTuple):
    """A flow, and what hangs on it."""

    name: str
    flow: Flow
    revenue: float
    users: float
    tolerance: float
    assumed: tuple[str, ...]
    """Which of these nobody has said."""


class FlowDependency(NamedTuple):
    """How firmly a flow hangs on something."""

    stake: FlowImpact
    grip: float

    @property
    def lost(self) -> float:
        """What of the business is lost with it."""
        return self.grip * worth(self.stake.revenue, self.stake.users)


class Criticality:
    """The flows of an architecture, given or assumed. Immutable, but for what it has computed once."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self._holds: dict[tuple[str, str], tuple[FlowDependency, ...]] = {}

    @cached_property
    def stakes(self) -> tuple[FlowImpact, ...]:
        """The flows with what is known of them. Unsaid revenues are equal parts of what the others leave."""
        flows = self.architecture.flows or {name: Flow(path=(name,)) for name in self.entries}
        unsaid = sum(flow.revenue is None for flow in flows.values())
        left = max(0.0, 1.0 - sum(flow.revenue or 0.0 for flow in flows.values()))
        return tuple(
            FlowImpact(
                name, flow,
                left / unsaid if flow.revenue is None else flow.revenue,
                USERS if flow.users is None else flow.users,
                TOLERANCE if flow.tolerance is None else flow.tolerance,
                tuple(part for part in ("revenue", "users", "tolerance") if getattr(flow, part) is None),
            )
            for name, flow in flows.items()
        )  # fmt: skip

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """Where requests come in: gateways that nobody calls, and workers; without a gateway all that nobody calls.

        Stores, workers that a queue feeds and telemetry are none, and what only telemetry calls is one.
        """
        found = [
            name for name in self.architecture.services
            if all(self.architecture.is_telemetry(edge.source) for edge in self.architecture.callers(name))
            and self.architecture.kind(name) not in STORES
            and not self._is_fed(name) and not self.architecture.is_telemetry(name)
        ]  # fmt: skip
        kinds = {self.architecture.kind(name) for name in found}
        if "gateway" in kinds:  # beside it only a clock starts anything
            found = [name for name in found if self.architecture.kind(name) in ("gateway", "worker")]
        return tuple(found) or tuple(self.architecture.services)[:1]

    def _is_fed(self, name: str) -> bool:
        architecture = self.architecture
        return architecture.kind(name) == "worker" and any(
            architecture.kind(edge.sink) == "queue" and len(architecture.callers(edge.sink)) > 1
            for edge in architecture.callees(name)
        )

    def on_component(self, name: str) -> tuple[FlowDependency, ...]:
        """Which flows hang on it, the firmest first; whether its callers have a fallback is not looked at."""
        if ("", name) not in self._holds:
            callers = self.architecture.callers(name)
            self._holds["", name] = _sorted(
                FlowDependency(
                    spread.stake,
                    max((spread.carried(edge) for edge in callers), default=0.0) or spread.grips.get(name, 0.0),
                )
                for spread in self._spreads
            )
        return self._holds["", name]

    def on_edge(self, edge: Edge) -> tuple[FlowDependency, ...]:
        """Which flows hang on the call, the firmest first; whether the caller has a fallback is not looked at."""
        key = (edge.source, edge.sink)
        if key not in self._holds:
            own = self.architecture.edge(*key)  # the one at hand may say what another architecture says
            self._holds[key] = _sorted(FlowDependency(spread.stake, spread.carried(own)) for spread in self._spreads)
        return self._holds[key]

    def on_edges(self, edges: Iterable[Edge]) -> tuple[FlowDependency, ...]:
        """Which flows hang on any of the calls, each by the one on which it hangs most."""
        firmest: dict[str, FlowDependency] = {}
        for need in (need for edge in edges for need in self.on_edge(edge)):
            if need.grip > (firmest[need.stake.name].grip if need.stake.name in firmest else 0.0):
                firmest[need.stake.name] = need
        return _sorted(firmest.values())

    def on_all(self) -> tuple[FlowDependency, ...]:
        """All flows."""
        return _sorted(FlowDependency(stake, 1.0) for stake in self.stakes)

    @cached_property
    def _spreads(self) -> tuple[_Spread, ...]:
        return tuple(_Spread(self.architecture, stake) for stake in self.stakes)


class _Spread:
    """The grip of one flow on each component: along the calls, the firmest way counts."""

    def __init__(self, architecture: Architecture, stake: FlowImpact) -> None:
        self._architecture = architecture
        self._path = frozenset(pairwise(stake.flow.path))
        self.stake = stake
        self.grips: dict[str, float] = {stake.flow.path[0]: 1.0}
        waiting = [stake.flow.path[0]]
        while waiting:
            for to, grip in self._further(waiting.pop()):
                if grip > self.grips.get(to, 0.0):
                    self.grips[to] = grip
                    waiting.append(to)

    def carried(self, edge: Edge) -> float:
        """How much of the flow goes over the call, if nothing stands in for it."""
        grip = self.grips.get(edge.source, 0.0)
        return grip * self._need(edge) if grip else 0.0

    def _further(self, name: str) -> Iterator[tuple[str, float]]:
        for edge in self._architecture.callees(name):
            yield edge.sink, self.carried(edge) * (WITH_FALLBACK if edge.call.fallback else 1.0)
        if self._architecture.kind(name) == "queue":
            for edge in self._architecture.callers(name):
                if self._architecture.kind(edge.source) == "worker":
                    yield edge.source, self.grips[name] * LATER

    def _need(self, edge: Edge) -> float:
        """How much of the caller's part in the flow is lost without this call."""
        if (edge.source, edge.sink) in self._path:
            return 1.0
        if self._architecture.is_telemetry(edge.source):
            return 0.0  # no answer waits for what it scrapes
        if edge.call.required is not None:
            return 1.0 if edge.call.required else NOT_REQUIRED
        return 0.0 if self._architecture.has_written_flows and is_route(self._architecture, edge) else NOT_SAID


def is_route(architecture: Architecture, edge: Edge) -> bool:
    """Whether the call is one of several that a gateway chooses from; what knows the users is asked every time."""
    return (
        architecture.kind(edge.source) == "gateway"
        and architecture.kind(edge.sink) not in STORES
        and not _ALWAYS_ASKED.search(edge.sink.lower())
    )


REVENUE: Final = 0.6
"""Of a flow's worth; the rest are its users. Revenue leads, as it is what a business lives on; users come close behind,
as they leave before the revenue does, and as many flows (signing in, reading a balance) earn nothing by themselves."""


def worth(revenue: float, users: float) -> float:
    """What a flow is worth, from shares of revenue and users."""
    return REVENUE * revenue + (1 - REVENUE) * users


def _sorted(holds: Iterable[FlowDependency]) -> tuple[FlowDependency, ...]:
    """Those with a grip, by what would be lost, then by name."""
    return tuple(sorted((hold for hold in holds if hold.grip), key=lambda hold: (-hold.lost, hold.stake.name)))
