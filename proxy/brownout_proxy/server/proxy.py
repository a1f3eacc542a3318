"""A proxy: a listener with one upstream, the faults on it, and the connections through it."""

from __future__ import annotations

import asyncio
import errno
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from brownout_core import limits
from brownout_core.address import Address
from brownout_core.address import parse as parse_address
from brownout_core.errors import Conflict, InvalidSpec, NotFound
from brownout_core.faults import changed
from brownout_core.faults.active import ActiveFault
from brownout_core.faults.seeded_random import SeededRandom
from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM, Direction, FaultSpec, Selection, validated
from brownout_proxy.relay.bulk import Bulk
from brownout_proxy.relay.clock import Clock
from brownout_proxy.relay.connection import Connection, Outcome
from brownout_proxy.relay.endpoint import Endpoint
from brownout_proxy.relay.hangups import Hangups
from brownout_proxy.relay.link import Traffic
from brownout_proxy.relay.lookup import Lookups
from brownout_proxy.server.engine import Engine
from brownout_proxy.server.events import ConnectionEnded, Event, FaultAdded, FaultRemoved, Reason
from brownout_proxy.server.leases import ANYBODY, Authority
from brownout_proxy.server.listener import Listener
from brownout_proxy.server.request_warnings import remark
from brownout_proxy.server.time_slice import time_slice
from brownout_proxy.server.upstream_health import UpstreamHealth

STALL: Final = 2.0
"""Seconds between two looks at connections that nobody reads. It bounds how late a reset of one is noticed."""

_OUT_OF_FILES: Final = (errno.EMFILE, errno.ENFILE)
DIAL_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds of the histogram of dial times."""


@dataclass(frozen=True, slots=True)
class ProxySpec:
    """A proxy as it is asked for; `listen` may have port 0 or be empty for any free port."""

    name: str
    listen: str
    upstream: str
    enabled: bool = True
    faults: tuple[FaultSpec, ...] = ()


class Proxy:
    """One proxy. The registry starts and stops it; its faults can be changed at any time and act at once."""

    def __init__(self, spec: ProxySpec, engine: Engine, seed: int) -> None:
        self.name = spec.name
        self.listen = spec.listen
        """As bound, or as asked for while it never was."""
        self.target: Address | None
        self._mistake: InvalidSpec | None
        self.reach = UpstreamHealth(spec.name)
        self.upstream = spec.upstream
        self.faults: list[ActiveFault] = [ActiveFault(fault) for fault in spec.faults]
        self.traffic: dict[Direction, Traffic] = {UPSTREAM: Traffic(), DOWNSTREAM: Traffic()}
        self.accepted = 0
        """Connections so far: the ordinal of the newest."""
        self.dial_counts = [0] * (len(DIAL_BUCKETS) + 1)
        self.dial_seconds = 0.0
        self.dial_failures = 0
        self.ended: dict[Outcome, int] = dict.fromkeys(get_args(Outcome), 0)
        """Connections that are over, by how they ended."""
        self._engine = engine
        self._seed = seed
        self._listener: Listener | None = None
        self._connections: set[Connection] = set()
        self._stale: list[Connection] = []
        """Which have not learnt yet that the faults have changed."""
        self._watching: asyncio.TimerHandle | None = None
        # What connections ask their host for.
        self.loop = engine.loop
        self.clock: Clock = engine.clock
        self.budget = engine.budget

    @property
    def enabled(self) -> bool:
        return self._listener is not None

    @property
    def address(self) -> Address | None:
        """Where it listens; None while it is disabled."""
        return None if self._listener is None else self._listener.address

    @property
    def live(self) -> int:
        """Connections now open."""
        return len(self._connections)

    # Faults.

    @property
    def active(self) -> Sequence[ActiveFault]:
        return self.faults

    def ordered_faults(self) -> list[ActiveFault]:
        """Upstream ones first, each direction in the order of adding."""
        return sorted(self.faults, key=lambda active: active.spec.direction != UPSTREAM)

    def fault(self, name: str) -> ActiveFault:
        """Raises NotFound."""
        for active in self.faults:
            if active.spec.name == name:
                return active
        raise NotFound("toxic not found")

    def add_fault(self, spec: FaultSpec, *, lease: str = "") -> ActiveFault:
        """Raises Conflict if the name is taken, in either direction, and TooMuch."""
        self.check_free(spec.name)
        active = ActiveFault(spec, lease=lease)
        self.faults.append(active)
        self._refresh()
        self._tell(FaultAdded(self.name, spec.name, lease))
        return active

    def check_free(self, name: str) -> None:
        """Raises Conflict if a fault has that name, in either direction, TooMuch if there is no room for another."""
        if any(active.spec.name == name for active in self.faults):
            raise Conflict("toxic already exists")
        limits.check_name("name", name)
        limits.FAULTS.check(len(self.faults) + 1, f"proxy {self.name}")

    def update_fault(
        self,
        name: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        selection: Mapping[str, Any] | None = None,
        text: bool = False,
        by: Authority = ANYBODY,
    ) -> ActiveFault:
        """Merges the values into the fault's own, all or none. Raises NotFound, InvalidSpec, Leased."""
        active = self.fault(name)
        self._engine.leases.guard(self.name, (active,), by)
        fault, chosen = active.spec.fault, active.spec.selection
        if attributes:
            fault = changed(fault, attributes, text=text)
        if selection:
            chosen = validated(Selection, {**chosen.model_dump(exclude_unset=True), **selection}, text=text)
        _set(active, replace(active.spec, fault=fault, selection=chosen))
        self._refresh()
        return active

    def remove_fault(self, name: str, by: Authority = ANYBODY) -> None:
        """Raises NotFound, Leased."""
        active = self.fault(name)
        self._engine.leases.guard(self.name, (active,), by)
        self.withdraw(active, "removed")

    def guard(self, by: Authority) -> None:
        """Raises Leased if a fault here is under a lease that they have no authority over."""
        self._engine.leases.guard(self.name, self.faults, by)

    def withdraw(self, active: ActiveFault, reason: Reason) -> bool:
        """Removes that very fault; False if it is gone already, though another may have its name."""
        if active not in self.faults:
            return False
        self.faults.remove(active)
        self._refresh()
        self._tell_removed(active, reason)
        return True

    def replace_faults(self, specs: Sequence[FaultSpec], by: Authority = ANYBODY) -> None:
        """Exactly these faults from now on, and those under a lease that is not theirs; one whose name stays goes on
        with its counters. Raises Leased, with nothing changed, if such a lease has one of the names."""
        known = {active.spec.name: active for active in self.faults if not active.lease}
        kept = [active for active in self.faults if not by.covers(active.lease)]
        names = {spec.name for spec in specs}
        self._engine.leases.guard(self.name, (active for active in kept if active.spec.name in names), by)
        faults = []
        for spec in specs:
            active = known.get(spec.name)
            if active is None or active.spec.direction != spec.direction or active.spec.kind != spec.kind:
                active = ActiveFault(spec)
            else:
                _set(active, spec)
            faults.append(active)
        faults += kept
        before, self.faults = self.faults, faults
        self._refresh()
        for active in before:
            if active not in faults:
                self._tell_removed(active, "removed")
        for active in faults:
            if active not in before:
                self._tell(FaultAdded(self.name, active.spec.name, active.lease))

    def clear_faults(self, by: Authority = ANYBODY) -> None:
        """Removes the faults that they have authority over."""
        self.replace_faults((), by)

    def _tell(self, event: Event) -> None:
        self._engine.events.emit(self.clock.now(), event)

    def _tell_removed(self, active: ActiveFault, reason: Reason) -> None:
        self._tell(FaultRemoved(self.name, active.spec.name, active.lease, reason, active.hits, active.connections))

    def _refresh(self) -> None:
        """The connections learn of a change at once, but so that thousands of them do not hold up the rest."""
        waiting = self._stale
        # Who waits already has the next turn: changes that follow each other fast would starve some for ever.
        self._stale = [*self._connections.difference(waiting), *waiting]
        if not waiting:
            self._refresh_some(self.clock.now())

    def _refresh_some(self, left: float) -> None:
        """`left` is when the turn before this one was over."""
        now = self.clock.now()
        over = now + time_slice(now - left)
        while self._stale:
            self._stale.pop().refresh()
            now = self.clock.now()
            if now > over:
                self.loop.call_soon(self._refresh_some, now)
                return

    async def settled(self) -> None:
        """Every connection has learnt of the latest change."""
        while self._stale:
            await asyncio.sleep(0)

    # Listening: for the registry.

    async def start(self, listener: Listener) -> None:
        """Serves the clients of `listener`, which is bound."""
        self._listener = listener
        self.listen = str(listener.address)
        await listener.serve(self.loop, self._accept)
        self._engine.headroom.add(listener)  # which may pause it at once

    def part(self) -> None:
        """Stops for ever, and its faults with it."""
        self.stop()
        for active in self.faults:
            self._tell_removed(active, "removed")

    def stop(self) -> None:
        """Stops listening and closes every connection; returns at once."""
        self.stop_listening()
        self.drop_connections()

    def stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._engine.headroom.remove(listener)
            listener.close()

    def drop_connections(self, *, abort: bool = False) -> None:
        for connection in tuple(self._connections):
            if abort:
                connection.abort()
            else:
                connection.drop()

    # What connections ask for.

    @property
    def upstream(self) -> str:
        """Where to dial, as it was written."""
        return self._upstream

    @upstream.setter
    def upstream(self, text: str) -> None:
        self._upstream = text
        self.target = self._mistake = None
        try:
            self.target = parse_address(text)
        except InvalidSpec as error:  # Toxiproxy takes any text and finds out when it dials; so do we, with a warning
            self._mistake = error
            remark("upstream %s cannot be dialled: %s", text, error)

    @property
    def lookups(self) -> Lookups:
        return self._engine.lookups

    @property
    def dial_timeout(self) -> float:
        return self._engine.dial_timeout

    @property
    def bulk(self) -> Bulk | None:
        return self._engine.bulk

    @property
    def hangups(self) -> Hangups | None:
        return self._engine.hangups

    @property
    def allows_pipes(self) -> bool:
        return self._engine.headroom.allows_pipes

    def draws(self, fault: str, ordinal: int) -> SeededRandom:
        return SeededRandom(self._seed, self.name, fault, ordinal)

    def hits(self, active: ActiveFault, ordinal: int, client: str) -> bool:
        return active.spec.selection.picks(active.ordinals.of(ordinal)) and self._leaves(active.spec, ordinal, client)

    def _leaves(self, spec: FaultSpec, ordinal: int, client: str) -> bool:
        return spec.selection.leaves(seed=self._seed, proxy=self.name, fault=spec.name, ordinal=ordinal, client=client)

    def admitted(self, connection: Connection) -> None:
        for active in self.faults:
            selection = active.spec.selection
            if selection.counts:
                client = connection.client_ip if selection.clients else ""
                if self._leaves(active.spec, connection.ordinal, client):
                    active.ordinals.give(connection.ordinal)

    def dialled(self, seconds: float, error: Exception | None) -> None:
        self.dial_counts[bisect_left(DIAL_BUCKETS, seconds)] += 1
        self.dial_seconds += seconds
        if error is None:
            self.reach.succeeded(self._upstream)
        else:
            self.dial_failures += 1
            if isinstance(error, OSError) and error.errno in _OUT_OF_FILES:
                self._engine.headroom.ran_out()
            self.reach.failed(self.clock.now(), self._upstream, self._mistake or error)

    def gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self.ended[connection.outcome] += 1
        if self.faults:
            counts = connection.counts
            for active in self.faults:
                active.ordinals.end(connection.ordinal, counts=counts)
        if self._engine.events.watched:
            seconds = self.clock.now() - connection.accepted
            self._tell(ConnectionEnded(self.name, connection.ordinal, connection.outcome, seconds))
        self._engine.headroom.closed()

    def _accept(self) -> Endpoint:
        self.accepted += 1
        connection = Connection(self, self.accepted)
        self._connections.add(connection)
        self._engine.headroom.opened()
        if self._watching is None:
            self._watching = self.loop.call_later(STALL, self._watch_stalled)
        return connection.client

    def _watch_stalled(self) -> None:
        """Connections that are paused and stay so: those that move would pay for a watch with each pause."""
        self._watch_some(iter(tuple(self._connections)), self.clock.now())

    def _watch_some(self, connections: Iterator[Connection], left: float) -> None:
        now = self.clock.now()
        over = now + time_slice(now - left)
        for connection in connections:
            connection.watch_stalled()
            now = self.clock.now()
            if now > over:
                self.loop.call_soon(self._watch_some, connections, now)
                return
        self._watching = self.loop.call_later(STALL, self._watch_stalled) if self._connections else None


def _set(active: ActiveFault, spec: FaultSpec) -> None:
    """Changes what was asked for. A fault whose attributes are the same goes on as it was: its times do not restart."""
    same = spec.fault == active.spec.fault
    active.spec = replace(spec, fault=active.spec.fault) if same else spec
