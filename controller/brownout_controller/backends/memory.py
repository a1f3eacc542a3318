"""A backend that only keeps books: for dry runs, and for tests of what drives a backend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from brownout_controller import clock
from brownout_controller.backends.base import (
    BackendError,
    Counts,
    LeaseLostError,
    ProxyPlace,
    TakenError,
    Target,
    TargetSnapshot,
    described,
)
from brownout_core.faults.spec import FaultSpec


@dataclass(slots=True)
class _Held:
    faults: Sequence[FaultSpec]
    lease: float
    until: float
    injected: float = field(default=0.0)


class MemoryBackend:
    """Targets by edge. Traffic is made up: so many connections a second, each of which every fault meets."""

    def __init__(
        self,
        edges: Mapping[str, Sequence[str]],
        *,
        connections_per_second: float = 10.0,
        now: Callable[[], float] = clock.now,
    ) -> None:
        self._edges = edges
        self._rate = connections_per_second
        self._now = now
        self._began = now()
        self._held: dict[tuple[Target, str], _Held] = {}

    async def targets(self, edge: str) -> Sequence[Target]:
        return [Target(name, name, "nowhere") for name in self._edges.get(edge, ())]

    async def places(self, edges: Sequence[str]) -> Sequence[ProxyPlace]:
        through: dict[str, list[str]] = {name: [] for names in self._edges.values() for name in names}
        for edge in edges:
            for name in self._edges.get(edge, ()):
                through[name].append(edge)
        return [
            ProxyPlace("nowhere", name, known, await self.faults_on(Target(name, name, "nowhere")))
            for name, known in sorted(through.items())
        ]

    async def faults_on(self, target: Target) -> Sequence[str]:
        self._lapse()
        return [fault.name for (there, _), held in self._held.items() if there == target for fault in held.faults]

    async def inject(self, target: Target, faults: Sequence[FaultSpec], owner: str, lease: float) -> None:
        taken = set(await self.faults_on(target))
        for there, other in self._held:
            if there == target and other != owner:
                raise TakenError(f"{target.id}: fault {', '.join(sorted(taken))} is under the lease of {other}")
        for fault in faults:
            if fault.name in taken:
                raise BackendError(f"{target.id}: there is a fault {fault.name!r} already")
        self._held[target, owner] = _Held(faults, lease, self._now() + lease, self._now())

    async def renew(self, target: Target, owner: str) -> None:
        self._lapse()
        held = self._held.get((target, owner))
        if held is None:
            raise LeaseLostError(f"{target.id}: the lease of {owner} has lapsed")
        held.until = self._now() + held.lease

    async def revert(self, target: Target, owner: str) -> None:
        self._held.pop((target, owner), None)

    async def gone(self, target: Target, owner: str) -> bool:
        self._lapse()
        return (target, owner) not in self._held

    async def counts(self, target: Target, owner: str) -> Counts:
        self._lapse()
        held = self._held.get((target, owner))
        met = {} if held is None else {fault.name: self._connections(held.injected) for fault in held.faults}
        total = self._connections(self._began)
        return Counts(total, 0, total * 100, total * 1000, met, met, exchanges=total, met_exchanges=met)

    async def watch(self, target: Target, owner: str, every: float) -> AsyncGenerator[TargetSnapshot]:
        while True:
            counts = await self.counts(target, owner)
            faults = [
                described(fault, f"{holder}/{target.proxy}")
                for (there, holder), held in self._held.items()
                if there == target
                for fault in held.faults
            ]
            yield TargetSnapshot("memory", enabled=True, upstream="nowhere", faults=faults, counts=counts)
            await asyncio.sleep(every)

    async def close(self) -> None:
        self._held.clear()

    def _connections(self, since: float) -> int:
        return int((self._now() - since) * self._rate)

    def _lapse(self) -> None:
        now = self._now()
        self._held = {key: held for key, held in self._held.items() if held.until > now}
