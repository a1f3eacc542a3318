"""Leases: how long faults live without somebody who still wants them.

A lease that nobody renews lapses, and the faults under it are removed: to revert, nothing has to be done by anybody.
While it lives, what is under it is its owner's: others change it only by force (docs/decisions/0011).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from brownout_core import limits
from brownout_core.errors import InvalidSpec, Lapsed, Leased
from brownout_core.faults.active import ActiveFault
from brownout_proxy.relay.clock import Clock, Timer
from brownout_proxy.server.events import Reason

log = logging.getLogger(__name__)

TTL: Final = 10.0
"""Seconds that a lease lives unless its holder asks for another time; it renews it three times in that time."""
SHORTEST: Final = 0.5
"""Seconds: a shorter one would lapse between two renewals on a busy machine."""
LONGEST: Final = 3600.0
"""Seconds: a lease that outlives everybody who could want it is none."""
_WAIT: Final = "wait for it to end, or stop the run that has it"
_FORCE: Final = "--force on the command line, ?force=true over HTTP, force over gRPC"


class Authority(NamedTuple):
    """What whoever asks for a change may touch: what is under no lease, under their own, or with `force` everything."""

    lease: str = ""
    force: bool = False

    def covers(self, lease: str) -> bool:
        return not lease or self.force or lease == self.lease


ANYBODY: Final = Authority()
FORCED: Final = Authority(force=True)


class Holder(Protocol):
    """The proxy that a leased fault is on."""

    def withdraw(self, active: ActiveFault, reason: Reason) -> bool:
        """Removes that fault; False if it is gone already."""


class Lease:
    """A lease in force. `due` is when it lapses, `ttl` what each renewal gives it; seconds."""

    __slots__ = ("due", "faults", "id", "timer", "ttl")

    def __init__(self, name: str, ttl: float) -> None:
        self.id = name
        self.ttl = ttl
        self.due = 0.0
        self.timer: Timer | None = None
        self.faults: list[tuple[Holder, ActiveFault]] = []


class Leases:
    """All leases of a process. `lapsed` counts those that nobody renewed in time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self.lapsed = 0

    def __len__(self) -> int:
        return len(self._leases)

    def take(self, name: str, ttl: float | None = None) -> Lease:
        """The lease of that name with its full time ahead of it, made if there is none. Raises InvalidSpec, TooMuch."""
        check(name, ttl)
        lease = self._leases.get(name)
        if lease is None:
            limits.LEASES.check(len(self._leases) + 1)
            lease = self._leases[name] = Lease(name, TTL if ttl is None else ttl)
        elif ttl is not None:
            lease.ttl = ttl
        self._extend(lease)
        return lease

    def renew(self, name: str) -> Lease:
        """Raises Lapsed if there is no such lease (any more)."""
        lease = self._leases.get(name)
        if lease is None:
            raise Lapsed(f"lease {name!r} has lapsed or never was: its faults are gone")
        self._extend(lease)
        return lease

    def release(self, name: str) -> int:
        """Ends the lease now; how many faults that removed."""
        lease = self._leases.get(name)
        return 0 if lease is None else self._end(lease, "released")

    def guard(self, proxy: str, faults: Iterable[ActiveFault], by: Authority) -> None:
        """Raises Leased if one of the proxy's faults is under a lease that they have no authority over."""
        for active in faults:
            if not by.covers(active.lease):
                raise self.refusal([(proxy, active)])

    def guard_exclusive(self, proxy: str, faults: Iterable[ActiveFault], lease: str) -> None:
        """Raises Leased if the proxy has a fault under another lease: one at a time has it."""
        for active in faults:
            if not Authority(lease).covers(active.lease):
                raise Leased(f"{self.described(proxy, active)}, and a proxy has one lease at a time; {_WAIT}")

    def refusal(self, kept: Iterable[tuple[str, ActiveFault]]) -> Leased:
        """For faults, each with the name of its proxy, that stay as they are."""
        kept_faults = "; ".join(self.described(proxy, active) for proxy, active in kept)
        return Leased(f"{kept_faults}; {_WAIT}, or force the change ({_FORCE})")

    def described(self, proxy: str, active: ActiveFault) -> str:
        """Which lease a fault is under, and how long that lives."""
        lease = self._leases.get(active.lease)
        left = 0.0 if lease is None else max(0.0, lease.due - self._clock.now())
        fault = f"fault {active.spec.name} of proxy {proxy}"
        return f"{fault} is under lease {active.lease}, which lapses in {left:.1f} s unless it is renewed"

    def close(self) -> None:
        """Forgets all leases and leaves their faults alone: for the end of the process."""
        for lease in self._leases.values():
            if lease.timer is not None:
                lease.timer.cancel()
        self._leases.clear()

    def _extend(self, lease: Lease) -> None:
        lease.due = self._clock.now() + lease.ttl
        if lease.timer is not None:
            lease.timer.cancel()
        lease.timer = self._clock.call_at(lease.due, lambda: self._lapse(lease))

    def _lapse(self, lease: Lease) -> None:
        self.lapsed += 1
        log.warning("lease %s was not renewed within %gs: its faults are removed", lease.id, lease.ttl)
        self._end(lease, "lapsed")

    def _end(self, lease: Lease, reason: Reason) -> int:
        del self._leases[lease.id]
        if lease.timer is not None:
            lease.timer.cancel()
        removed = 0
        for holder, active in lease.faults:
            try:
                removed += holder.withdraw(active, reason)
            except Exception:  # a bug at one of them must not leave the others in place, without a lease to end them
                log.exception("the fault %s of lease %s could not be removed", active.spec.name, lease.id)
        return removed


def check(name: str, ttl: float | None) -> None:
    """Raises InvalidSpec for what is no lease."""
    if not name:
        raise InvalidSpec("lease.id", "missing; give a name that no other holder uses, such as the run's")
    limits.check_name("lease.id", name)
    if ttl is not None and not SHORTEST <= ttl <= LONGEST:
        raise InvalidSpec("lease.ttl", f"must be from {SHORTEST:g} s to {LONGEST:g} s")
