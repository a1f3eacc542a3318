"""What the rules stand on: an architecture, the flows that are sure to go over each call, and how long things may take.

Nothing is guessed here, unlike in the catalogue's ranking: a call that nobody has said to be needed carries no flow,
and a time that nobody has said is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Final, Literal, NamedTuple

from brownout_catalogue.architecture import Architecture, Edge, Flow
from brownout_core.units import SECONDS, SHARE

_NOISE: Final = 1e-9
LEAST: Final = 0.001
"""Proposed times are whole milliseconds, and at least one."""


Need = Literal[
    "timeouts", "answer times", "tolerances", "breakers", "retries", "pools", "replicas", "probes", "caches",
    "external services", "certificates", "flows", "workloads", "storage", "replication factors",
]  # fmt: skip
"""A kind of line that a rule looks at."""
NEEDS: Final[Mapping[Need, Callable[[Architecture], bool]]] = {
    "timeouts": lambda system: (
        any(edge.call.timeout is not None for edge in system.edges)
        or any(service.timeout is not None for service in system.components.values())
    ),
    "answer times": lambda system: any(service.answers_in is not None for service in system.components.values()),
    "tolerances": lambda system: any(flow.tolerance is not None for flow in system.flows.values()),
    "breakers": lambda system: any(edge.call.breaker for edge in system.edges),
    "retries": lambda system: any(edge.call.retries for edge in system.edges),
    "pools": lambda system: any(edge.call.pool is not None for edge in system.edges),
    "replicas": lambda system: any(service.replicas is not None for service in system.services.values()),
    "probes": lambda system: any(service.probes for service in system.services.values()),
    "caches": lambda system: any(system.kind(edge.sink) == "cache" for edge in system.edges),
    "external services": lambda system: any(edge.sink in system.external for edge in system.edges),
    "certificates": lambda system: (
        any(service.certificate is not None for service in system.components.values())
        or any(edge.call.mtls for edge in system.edges)
    ),
    "flows": lambda system: bool(system.flows),
    "workloads": lambda system: any(service.where.workload for service in system.services.values()),
    "storage": lambda system: any(service.storage is not None for service in system.services.values()),
    "replication factors": lambda system: any(service.replication is not None for service in system.services.values()),
}  # fmt: skip
"""Whether a file has a line of that kind."""


class ServiceBudget(NamedTuple):
    """How long a service may be busy with one request, at least, when what it calls does not answer."""

    seconds: float
    words: str
    edge: Edge | None
    """The call on which it waits so long; None if the time is the service's own."""


class RuleContext:
    """An architecture on a day. Immutable, but for what it has computed once."""

    def __init__(self, architecture: Architecture, today: date | None = None) -> None:
        """Without `today` no certificate is about to expire."""
        self.architecture = architecture
        self.today = today
        self._works: dict[str, ServiceBudget | None] = {}
        self._reaches: dict[str, frozenset[str]] = {}
        self._fill()

    def at(self, name: str, *further: str) -> tuple[str, ...]:
        """The way to a component's line."""
        return ("services" if name in self.architecture.services else "external", name, *further)

    def line(self, edge: Edge, *further: str) -> tuple[str, ...]:
        """The way to a call's line."""
        return self.at(edge.source, "calls", edge.sink, *further)

    def over(self, edge: Edge) -> tuple[str, ...]:
        """The flows that are sure to go over the call."""
        return self._sure[0].get((edge.source, edge.sink), ())

    def on(self, name: str) -> tuple[str, ...]:
        """The flows that are sure to be lost without the component: no caller on the way can do without."""
        return self._sure[1].get(name, ())

    def paying(self, flows: Iterable[str]) -> tuple[str, ...]:
        """Those with revenue. A flow of which nobody has said how much is one: it is what the business lives on."""
        return tuple(flow for flow in flows if self.architecture.flows[flow].revenue != 0)

    def told(self, flows: Iterable[str]) -> str:
        """The flows in words, what earns most first: `buy (80% of the revenue) and look`."""
        return listed([self._told(flow) for flow in sorted(flows, key=self._worth)])

    def _worth(self, name: str) -> tuple[float, float, str]:
        flow = self.architecture.flows[name]
        return -(flow.revenue or 0.0), -(flow.users or 0.0), name

    def _told(self, name: str) -> str:
        flow = self.architecture.flows[name]
        shares = [(flow.revenue, "revenue"), (flow.users, "users")]
        said = [f"{SHARE.format(share)} of the {what}" for share, what in shares if share]
        return f"{name} ({said[0]})" if said else name

    @cached_property
    def _sure(self) -> tuple[Mapping[tuple[str, str], tuple[str, ...]], Mapping[str, tuple[str, ...]]]:
        edges: dict[tuple[str, str], tuple[str, ...]] = {}
        components: dict[str, tuple[str, ...]] = {}
        for name, flow in sorted(self.architecture.flows.items()):
            carried, needed = self._followed(flow)
            for edge in carried:
                edges[edge] = (*edges.get(edge, ()), name)
            for component in needed:
                components[component] = (*components.get(component, ()), name)
        return edges, components

    def _followed(self, flow: Flow) -> tuple[set[tuple[str, str]], set[str]]:
        """The calls that the flow goes over, and the components that it cannot do without."""
        path = frozenset(pairwise(flow.path))
        carried: set[tuple[str, str]] = set()
        needed = {flow.path[0]}
        waiting = [flow.path[0]]
        while waiting:
            for edge in self.architecture.callees(waiting.pop()):
                if (edge.source, edge.sink) in path or edge.call.required:
                    carried.add((edge.source, edge.sink))
                    if not edge.call.has_fallback and edge.sink not in needed:
                        needed.add(edge.sink)
                        waiting.append(edge.sink)
        return carried, needed

    def work(self, name: str) -> ServiceBudget | None:
        """How long it may be busy with a request, at least; None if nothing is known.

        Its own `timeout` if it has one, as that ends everything else. Otherwise the longest of its calls: whether they
        are made one after the other or at once is not known, and at once is the shorter. A call lasts attempts x
        timeout, or attempts x what the callee may work where the call has no timeout.
        """
        return self._works.get(name)

    def waits(self, edge: Edge) -> ServiceBudget | None:
        """How long the caller may wait for all attempts of a call, at least."""
        call = edge.call
        if call.timeout is not None:
            return ServiceBudget(
                call.attempts * call.timeout, f"{attempts(call.attempts, call.timeout)} on {edge.sink}", edge
            )
        below = self.work(edge.sink)
        if below is None:
            return None
        words = f"{attempts(call.attempts, below.seconds)} on {edge.sink}, which may be busy so long itself"
        return ServiceBudget(call.attempts * below.seconds, words, edge)

    def _fill(self) -> None:
        """From the leaves up. What stands in a circle of calls without timeouts, or above one, is known by its other
        calls only."""
        components = self.architecture.components
        for name, service in components.items():
            if service.timeout is not None:
                self._works[name] = ServiceBudget(
                    service.timeout, f"{SECONDS.format(service.timeout)} on a request", None
                )
        left = sorted(components.keys() - self._works.keys())
        while left:
            known = {name: self._longest(name) for name in left if self._is_ready(name)}
            known = known or {name: self._longest(name) for name in left}
            self._works.update(known)
            left = [name for name in left if name not in known]

    def _is_ready(self, name: str) -> bool:
        callees = self.architecture.callees(name)
        return all(edge.call.timeout is not None or edge.sink in self._works for edge in callees)

    def _longest(self, name: str) -> ServiceBudget | None:
        waits = [work for edge in self.architecture.callees(name) if (work := self.waits(edge)) is not None]
        return max(waits, key=lambda work: (work.seconds, work.words), default=None)

    def allowed(self, edge: Edge) -> tuple[float, str] | None:
        """How long all attempts of a call may take so that whoever waits for the caller still does, and who that is."""
        limits: list[tuple[float, str]] = []
        for above in self.architecture.callers(edge.source):
            if above.call.timeout is not None:
                waits = SECONDS.format(above.call.timeout)
                limits.append((above.call.timeout, f"{above.source} waits {waits} for {edge.source}"))
        service = self.architecture.components[edge.source]
        if service.timeout is not None:
            limits.append((service.timeout, f"{edge.source} works {SECONDS.format(service.timeout)} on a request"))
        for name in self.over(edge):
            flow = self.architecture.flows[name]
            if flow.tolerance is not None:
                before = self._attempts_before(flow, edge.source)
                after = SECONDS.format(flow.tolerance)
                again = "" if before == 1 else f", and {edge.source} may be called {before} times until then"
                limits.append((flow.tolerance / before, f"people leave {name} after {after}{again}"))
        return min(limits, default=None)

    def _attempts_before(self, flow: Flow, name: str) -> int:
        """How many calls of a service on the path one request may make."""
        steps = flow.path[: flow.path.index(name) + 1] if name in flow.path else ()
        return prod(self.architecture.edge(*pair).call.attempts for pair in pairwise(steps))

    def in_circle(self, edge: Edge) -> bool:
        """Whether what is called calls the caller again, over any number of calls."""
        if edge.source not in self._reaches:
            self._reaches[edge.source] = self.architecture.reaches(edge.source)
        return edge.sink in self._reaches[edge.source]

    def factor(self, edge: Edge) -> float:
        """How many calls become of one when all of them fail: the attempts, or 1 + the budget if that is less."""
        budget = edge.call.retry_budget
        return edge.call.attempts if budget is None else min(edge.call.attempts, 1 + budget)


def attempts(count: int, seconds: float) -> str:
    """`3 attempts x 1.5s = 4.5s`, or `1.5s`."""
    if count == 1:
        return SECONDS.format(seconds)
    return f"{count} attempts x {SECONDS.format(seconds)} = {SECONDS.format(count * seconds)}"


def listed(texts: Iterable[str]) -> str:
    """`a, b and c`."""
    *before, last = texts
    return f"{', '.join(before)} and {last}" if before else last


def exceeds(seconds: float, limit: float) -> bool:
    """Whether it is more, but for the noise of binary fractions."""
    return seconds - limit > _NOISE


def up(seconds: float) -> float:
    """The next whole millisecond that is not less."""
    return max(LEAST, math.ceil(round(seconds * 1000, 6)) / 1000)


def down(seconds: float) -> float | None:
    """The last whole millisecond that is not more; None if that is none."""
    whole = math.floor(round(seconds * 1000, 6)) / 1000
    return whole if whole >= LEAST else None
