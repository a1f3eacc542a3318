"""Leases: how long faults live without somebody who still wants them.

A lease that nobody renews lapses, and the faults under it are removed: to revert, nothing has to be done by anybody.
"""

from __future__ import annotations

import logging
from typing import Final, Protocol

from brownout_proxy.errors import InvalidSpec, Lapsed
from brownout_proxy.faults.active import ActiveFault
from brownout_proxy.relay.clock import Clock, Timer
from brownout_proxy.server.events import Reason

log = logging.getLogger(__name__)

TTL: Final = 10.0
"""Seconds that a lease lives unless told otherwise; its holder renews it three times in that time."""
SHORTEST: Final = 0.5
"""Seconds: a shorter one would lapse between two renewals on a busy machine."""
LONGEST: Final = 3600.0
"""Seconds: a lease that outlives everybody who could want it is none."""


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
        """The lease of that name with its full time ahead of it, made if there is none. Raises InvalidSpec."""
        if not name:
            raise InvalidSpec("lease.id", "missing; give a name that no other holder uses, such as the run's")
        if ttl is not None and not SHORTEST <= ttl <= LONGEST:
            raise InvalidSpec("lease.ttl", f"must be from {SHORTEST:g} s to {LONGEST:g} s")
        lease = self._leases.get(name)
        if lease is None:
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
