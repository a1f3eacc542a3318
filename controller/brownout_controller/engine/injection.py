"""The faults of one run on its targets: put in place, kept alive, and reverted until that is verified.

What undoes a step is in the journal before the step is taken. A run reverts what it injected itself; what a killed run
has left is reverted by engine/recovery, in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, cast

from brownout_controller import clock
from brownout_controller.backends.base import Backend, BackendError, TakenError, Target, described
from brownout_controller.engine.background_tasks import BackgroundTasks
from brownout_controller.engine.lease_renewer import LeaseRenewer
from brownout_controller.engine.planning import Setup
from brownout_controller.engine.target_watch import Watch
from brownout_controller.model.journal import Failure, Injected, Record, Refusal, Reverted, Undo
from brownout_core.faults.spec import FaultSpec

log = logging.getLogger(__name__)

REVERT_GRACE: Final = 5.0
"""Seconds after the end of a lease until a revert that cannot be verified is given up."""
_RETRY: Final = 0.25  # seconds


def faults_of(setup: Setup, run: str) -> Sequence[FaultSpec]:
    """Named after the run, so that nobody takes them for their own."""
    return [replace(spec, name=f"{spec.name}.{run}") for spec in setup.experiment.faults]


class Injection:
    """What one run has put in place, with the renewals of its leases."""

    def __init__(
        self,
        setup: Setup,
        run: str,
        watch: Watch,
        write: Callable[[Record], bool],
        halt: Callable[[str, str, float], None],
    ) -> None:
        """`write` gives whether the record is in the journal; `halt(cause, why, since)` ends the run, on the time of
        clock.now."""
        self._backend = setup.backend
        self._run = run
        self._faults = faults_of(setup, run)
        self._lease = cast(float, setup.experiment.conditions.lease)
        self._watch = watch
        self._write = write
        self._halt = halt
        self._renewals = BackgroundTasks(write)
        self._injected: list[Target] = []
        self.taken = False
        """A target had got faults of somebody else."""

    async def inject(self, targets: Sequence[Target], goes_on: Callable[[], bool]) -> bool:
        """Whether all targets are under the fault now. `goes_on` is asked before each of them."""
        for number, target in enumerate(targets):
            if not goes_on():
                return False
            undo = f"u{number}"
            if not self._write(Undo(undo, target.plain, f"release the lease of {self._run} on {target.id}")):
                return False  # what could not be found again is not injected
            self._injected.append(target)
            try:
                await self._backend.inject(target, self._faults, self._run, self._lease)
            except TakenError as error:  # by whoever was faster, though no lock of ours is theirs
                self._write(Refusal("lock", str(error), "one run at a time is at a target"))
                self.taken = True
                return False
            except BackendError as error:
                self._write(Failure("injection", str(error)))
                return False
            names = [spec.name for spec in self._faults]
            self._write(Injected(undo, target.id, names, self._lease, [described(spec) for spec in self._faults]))
            self._watch.expect(target, names)
            self._renewals.start(LeaseRenewer(self._backend, target, self._run, self._lease, self._halt).run())
        return True

    async def let_go(self) -> None:
        """The last look at the targets; from then on their faults may go, and no lease is renewed."""
        await asyncio.gather(*map(self._see_out, self._injected))
        self._renewals.cancel()
        self._watch.release()

    async def revert(self) -> bool:
        """Whether nothing is left, as far as can be verified. Takes as long as the lease at most, and a little more."""
        return all(await asyncio.gather(*(self._revert(f"u{n}", target) for n, target in enumerate(self._injected))))

    async def _revert(self, undo: str, target: Target) -> bool:
        reverted = await verified_revert(
            self._backend,
            target,
            self._run,
            undo,
            patience=self._lease + REVERT_GRACE,
            how="released; neither listed nor counted any more",
            first=lambda: self._see_out(target),
        )
        self._write(reverted)
        return reverted.verified

    async def _see_out(self, target: Target) -> None:
        try:
            await self._watch.see_out(target)
        except Exception as error:  # nothing may hold up the revert
            self._write(Failure("runner", f"{type(error).__name__}: {error}"))

    async def end(self) -> None:
        """Nothing of the renewals is left afterwards."""
        await self._renewals.end()


async def _nothing() -> None:
    """There is nothing to be done before a try."""


async def verified_revert(
    backend: Backend,
    target: Target,
    owner: str,
    undo: str,
    *,
    patience: float,
    how: str,
    first: Callable[[], Awaitable[None]] = _nothing,
) -> Reverted:
    """Tries until the target has no fault of `owner` any more, or for `patience` seconds. `first` is done before each
    try; `how` says in the journal how it was verified."""
    deadline = clock.now() + patience
    while True:
        await first()
        try:
            await backend.revert(target, owner)
            if await backend.gone(target, owner):
                return Reverted(undo, target.id, verified=True, how=how)
            why = f"{target.id} still lists the fault"
        except BackendError as error:
            why = str(error)
        except Exception as error:  # a bug in a backend is no reason to try no more
            log.exception("a revert failed")
            why = f"{type(error).__name__}: {error}"
        if clock.now() > deadline:
            return Reverted(undo, target.id, verified=False, why=why)
        await asyncio.sleep(_RETRY)
