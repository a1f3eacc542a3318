"""Keeps the faults of a run alive while it goes on: renewal is the action, revert is its absence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from brownout_controller import clock
from brownout_controller.backends.base import Backend, BackendError, LeaseLostError, Target

_RENEWALS: Final = 3  # in the time of a lease


class LeaseRenewer:
    """Renews the lease on one target until it is cancelled, or until there is nothing to renew any more."""

    def __init__(
        self, backend: Backend, target: Target, owner: str, lease: float, halt: Callable[[str, str, float], None]
    ) -> None:
        """`halt(cause, why, since)` ends the run; the time is that of clock.now."""
        self._backend = backend
        self._target = target
        self._owner = owner
        self._lease = lease
        self._halt = halt

    async def run(self) -> None:
        renewed = clock.now()
        while True:
            await asyncio.sleep(self._lease / _RENEWALS)
            asked = clock.now()
            try:
                await self._backend.renew(self._target, self._owner)
            except LeaseLostError as error:
                self._halt("lapsed", f"{self._target.id} has the fault no longer: {error}", asked)
                return
            except BackendError as error:
                if clock.now() - renewed > self._lease:
                    why = f"{self._target.id} could not be reached for {self._lease:g} s: {error}"
                    self._halt("cut-off", why, renewed)
                    return
            else:
                renewed = asked
