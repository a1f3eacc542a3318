"""How firmly the business hangs on each component and call: the grip, from 0 (not at all) to 1 (nothing goes without).

A flow goes along its path. What the services on the path call besides is mostly needed as well, unless the caller has
a fallback or does without; but a gateway calls one service for one request and another for the next, so what it calls
off the path counts only where `required: true` says so. Workers work off what a flow leaves in a queue: late, not lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final, NamedTuple

from brownout_controller.catalogue.architecture import STORES, Architecture, Edge, Flow

WITH_FALLBACK: Final = 0.4
"""What is left of a need where the caller has something else to offer: worse, not for everybody, and hardly ever tried."""
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


class Stake(NamedTuple):
    """A flow, and what hangs on it."""

    name: str
    flow: Flow
    revenue: float
    users: float
    tolerance: float
    assumed: tuple[str, ...]
    """Which of these nobody has said."""


class Hold(NamedTuple):
    """How firmly a flow hangs on something."""

    stake: Stake
    grip: float


class Business:
    """The flows of an architecture, given or assumed. Immutable."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture

    @cached_property
    def stakes(self) -> tuple[Stake, ...]:
        """The flows with what is known of them. Unsaid revenues are equal parts of what the others leave."""
        flows = self.architecture.flows or {name: Flow(path=(name,)) for name in self.entries}
        unsaid = sum(flow.revenue is None for flow in flows.values())
        left = max(0.0, 1.0 - sum(flow.revenue or 0.0 for flow in flows.values()))
        return tuple(
            Stake(
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
        """Where requests come in: what nobody calls, but for stores and for workers that a queue feeds."""
        found = [
            name for name in self.architecture.services
            if not self.architecture.callers(name) and self.architecture.kind(name) not in STORES
            and not self._is_fed(name)
        ]  # fmt: skip
        return tuple(found) or tuple(self.architecture.services)[:1]

    def _is_fed(self, name: str) -> bool:
        architecture = self.architecture
        return architecture.kind(name) == "worker" and any(
            architecture.kind(edge.sink) == "queue" and len(architecture.callers(edge.sink)) > 1
            for edge in architecture.callees(name)
        )

    def on_component(self, name: str) -> tuple[Hold, ...]:
        """Which flows hang on it, the firmest first; whether its callers have a fallback is not looked at."""
        callers = self.architecture.callers(name)
        return _sorted(
            Hold(stake, max((self._bare(stake, grips, edge) for edge in callers), default=0.0) or grips.get(name, 0.0))
            for stake, grips in self._grips
        )

    def on_edge(self, edge: Edge) -> tuple[Hold, ...]:
        """Which flows hang on the call, the firmest first; whether the caller has a fallback is not looked at."""
        return _sorted(Hold(stake, self._bare(stake, grips, edge)) for stake, grips in self._grips)

    def _bare(self, stake: Stake, grips: Mapping[str, float], edge: Edge) -> float:
        return grips.get(edge.source, 0.0) * self._need(stake, edge)

    def on_all(self) -> tuple[Hold, ...]:
        """All flows."""
        return _sorted(Hold(stake, 1.0) for stake in self.stakes)

    def _need(self, stake: Stake, edge: Edge) -> float:
        """How much of the caller's part in the flow is lost without this call, if nothing stands in for it."""
        call = edge.call
        if (edge.source, edge.sink) in zip(stake.flow.path, stake.flow.path[1:], strict=False):
            return 1.0
        if call.required is False:
            return NOT_REQUIRED
        kind = self.architecture.kind
        routed = kind(edge.source) == "gateway" and kind(edge.sink) not in STORES and bool(self.architecture.flows)
        return 1.0 if call.required else 0.0 if routed else NOT_SAID

    @cached_property
    def _grips(self) -> tuple[tuple[Stake, Mapping[str, float]], ...]:
        return tuple((stake, self._spread(stake)) for stake in self.stakes)

    def _spread(self, stake: Stake) -> Mapping[str, float]:
        """The grip of a flow on each component: along the calls, the firmest way counts."""
        grips = {stake.flow.path[0]: 1.0}
        waiting = [stake.flow.path[0]]
        while waiting:
            name = waiting.pop()
            further = [
                (edge.sink, self._bare(stake, grips, edge) * (WITH_FALLBACK if edge.call.fallback else 1.0))
                for edge in self.architecture.callees(name)
            ]
            if self.architecture.kind(name) == "queue":
                fed = (edge.source for edge in self.architecture.callers(name))
                further += [(to, grips[name] * LATER) for to in fed if self.architecture.kind(to) == "worker"]
            for to, grip in further:
                if grip > grips.get(to, 0.0):
                    grips[to] = grip
                    waiting.append(to)
        return grips


REVENUE: Final = 0.6
"""Of a flow's worth; the rest are its users. Revenue leads, as it is what a business lives on; users come close behind,
as they leave before the revenue does, and as many flows (signing in, reading a balance) earn nothing by themselves."""


def worth(revenue: float, users: float) -> float:
    """What a flow is worth, from shares of revenue and users."""
    return REVENUE * revenue + (1 - REVENUE) * users


def _sorted(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """Those with a grip, by what would be lost, then by name."""
    lost = [
        (-hold.grip * worth(hold.stake.revenue, hold.stake.users), hold.stake.name, hold) for hold in holds if hold.grip
    ]
    return tuple(hold for _, _, hold in sorted(lost, key=lambda entry: entry[:2]))
