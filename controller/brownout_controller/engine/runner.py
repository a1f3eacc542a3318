"""The way of one run through its states: baseline, injection, observation, revert, recovery, verdict.

Whatever happens, what is injected is reverted. Nothing here decides on a verdict: that is computed from the journal at
the end, by the same function that a report uses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar, cast

from brownout_controller import clock
from brownout_controller.backends.base import BackendError, Target
from brownout_controller.engine import store
from brownout_controller.engine.cluster_lock import exclusion
from brownout_controller.engine.injection import Injection
from brownout_controller.engine.journal_writer import JournalWriter
from brownout_controller.engine.locks import Claim
from brownout_controller.engine.observation import Observation
from brownout_controller.engine.planning import Setup, plan
from brownout_controller.engine.run_records import plan_record, run_record
from brownout_controller.model import lifecycle
from brownout_controller.model.journal import Entered, Entry, Failure, Interrupted, Record, Refusal, Stop, StopCause
from brownout_controller.model.judge import Judgement
from brownout_controller.model.lifecycle import PHASE_OF, State
from brownout_controller.model.reasons import Reason
from brownout_core.errors import Conflict, Unavailable
from brownout_core.experiment_terms import Phase

log = logging.getLogger(__name__)
T = TypeVar("T")


class Runner:
    """One run. `observer` is called with each record as it is written."""

    def __init__(
        self, setup: Setup, journal: store.Journal, observer: Callable[[Entry], None] = lambda _: None
    ) -> None:
        self._setup = setup
        self._journal = journal
        self._state: State = "planned"
        self.since = clock.now()
        self._stopped = asyncio.Event()
        """It goes no further: what is injected is reverted."""
        self._left = asyncio.Event()
        """It does not wait for the recovery either."""
        self._writer = JournalWriter(journal, setup.masker, observer, self._stopped.set)
        self._observation = Observation(setup, journal.run_id, self, self._write, self._halt)
        self._injection = Injection(setup, journal.run_id, self._observation.watch, self._write, self._halt)
        self._check_lock: Callable[[], None] = lambda: None

    @property
    def state(self) -> State:
        return self._state

    @property
    def phase(self) -> Phase | None:
        return PHASE_OF.get(self._state)

    @property
    def entries(self) -> Sequence[Entry]:
        """All records so far, those as well that the journal did not take."""
        return self._writer.entries

    def interrupt(self, signal: str) -> None:
        """A signal: the run ends now, with the revert done. One that comes after the end changes nothing."""
        if self._state != "judged" and not self._writer.has(Interrupted):
            self._stopped.set()
            self._left.set()
            self._write(Interrupted(signal))

    def stop(self, why: str, *, at_once: bool = False) -> None:
        """Somebody wants it to end: under a fault with the revert and the recovery, after it at once; with `at_once`
        with nothing but the revert."""
        if at_once:
            self._left.set()
        if self._state in ("reverting", "recovering"):
            self._left.set()
            if not self._stopped.is_set():
                self._stopped.set()
                self._write(Stop("asked", why))
        else:
            self._halt("asked", why, clock.now())

    async def run(self) -> Judgement:
        """Runs to the end, and gives the verdict. Never raises, but for a cancellation, which waits for the revert."""
        try:
            await self._drive()
        except asyncio.CancelledError:
            self.interrupt("cancellation")
            await _undisturbed(self._writer.conclude())
            raise
        except Exception as error:
            log.exception("the runner failed")
            self._failed(error)
        return await self._writer.conclude()

    async def _drive(self) -> None:
        setup, run = self._setup, self._journal.run_id
        if not self._write(run_record(setup, run)):
            self._enter("judged", "the journal cannot be written")
            return
        try:
            planned = await plan(setup)
        except BackendError as error:
            self._write(Failure("injection", str(error)))
            self._enter("judged", "the targets cannot be asked")
            return
        self._write(plan_record(setup, planned, run))
        for refusal in planned.refused:
            self._write(refusal)
        if planned.refused:
            self._enter("judged", "a safety net said no")
            return
        async with AsyncExitStack() as held:
            if "lock" not in setup.experiment.conditions.nets and not await self._lock(planned.chosen, held):
                return
            await held.enter_async_context(self._observation.of(planned.chosen))
            held.push_async_callback(self._injection.end)
            await self._experiment(planned.chosen)

    async def _lock(self, targets: Sequence[Target], held: AsyncExitStack) -> bool:
        """Whether the targets are this run's alone until `held` is left; if not, the run is over."""
        setup = self._setup
        exclusive = setup.exclusive or exclusion(setup.environment, setup.locks)
        name = setup.masker.text(setup.experiment.name)  # others read whose a lock is
        called = {item.key: item.id for item in targets}
        claim = Claim(self._journal.run_id, name, self._unlocked, self._stopped, called)
        try:
            self._check_lock = await held.enter_async_context(exclusive(called, claim))
        except (Conflict, Unavailable) as error:
            if not self._stopped.is_set():
                taken, none = "one run at a time is at a target", "without a lock a run may meet another one"
                self._write(Refusal("lock", str(error), taken if isinstance(error, Conflict) else none))
            self._enter("judged", "the targets could not be had for this run alone")
            return False
        return True

    async def _experiment(self, targets: Sequence[Target]) -> None:
        conditions = self._setup.experiment.conditions
        claims = bool(self._setup.experiment.hypotheses)
        if claims:
            self._enter("baseline")
            if not await self._passes(conditions.baseline, self._stopped):
                self._enter("judged", "the run was stopped")
                return
        # Before what the baseline was like: a fault that is there now is a refusal, whenever it was first seen.
        if await self._taken_meanwhile(targets):
            self._enter("judged", "somebody else put a fault there meanwhile")
            return
        if claims and not self._is_steady(await self._writer.judged()):
            return
        if self._stopped.is_set():
            self._enter("judged", "the run was stopped")
            return
        self._enter("injecting")
        try:
            if await self._injection.inject(targets, self._goes_on):
                await self._observation.watch.count()  # what the edge carries from here on is carried under the fault
                self._enter("observing")
                await self._passes(conditions.duration, self._stopped)
        except Exception as error:
            log.exception("the runner failed under a fault, which is now reverted")
            self._failed(error)
        finally:
            verified = await _undisturbed(self._revert())
        if claims and verified and not self._left.is_set():
            self._enter("recovering")
            await self._passes(conditions.recovery, self._left)
        self._enter("judged")

    def _goes_on(self) -> bool:
        """Asked in the last moment: a lock may be lost by then, which ends the run."""
        self._check_lock()
        return not self._stopped.is_set()

    async def _revert(self) -> bool:
        """Whether nothing is left, as far as can be verified."""
        if self._injection.taken:
            self._left.set()
        await self._injection.let_go()
        self._enter("reverting")
        return await self._injection.revert()

    def _is_steady(self, so_far: Judgement) -> bool:
        """Whether the system is as it should be before anything is done to it; if not, the run is over."""
        if so_far.disturbances:
            self._enter("judged", "somebody else changed the targets")
            return False
        met = all(result.accounted for result in so_far.results if result.phase == "baseline")
        if not met and "baseline-gate" not in self._setup.experiment.conditions.nets:
            self._enter("judged", "the baseline was not met")
            return False
        return True

    async def _taken_meanwhile(self, targets: Sequence[Target]) -> bool:
        """The net once more: the plan was made before the baseline, which may be long ago."""
        if "already-faulted" in self._setup.experiment.conditions.nets:
            return False
        taken = False
        for target in targets:
            try:
                names = await self._setup.backend.faults_on(target)
            except BackendError:
                continue  # then nothing can be injected there either, and that will tell
            if names:
                taken = True
                reason = f"{target.id} got faults since the plan was made: {', '.join(names)}"
                self._write(Refusal("already-faulted", reason, "run it again when they are gone"))
        return taken

    async def _passes(self, seconds: float, unless: asyncio.Event) -> bool:
        """Waits; whether the time passed before the event came."""
        try:
            async with asyncio.timeout(seconds):
                await unless.wait()
        except TimeoutError:
            return True
        return False

    def _unlocked(self, why: str) -> None:
        self._halt("unlocked", why, clock.now())
        if self._state in ("reverting", "recovering"):  # which nothing cuts short
            self._write(Failure("lease", why))

    def _halt(self, cause: str, why: str, since: float, reason: Reason | None = None) -> None:
        """The run goes no further, because of what is so since then."""
        ending = self._state in ("recovering", "judged") or (self._state == "reverting" and cause != "lapsed")
        if not self._stopped.is_set() and not ending:
            breached = self._journal.now - (clock.now() - since)
            self._stopped.set()
            plain = {} if reason is None else reason.plain()
            about = "" if reason is None else reason.hypothesis
            self._write(Stop(cast(StopCause, cause), why, about, breached, plain))

    def _enter(self, state: State, why: str = "") -> None:
        lifecycle.check(self._state, state)
        before, self._state, self.since = self._state, state, clock.now()
        self._write(Entered(state, before, why))
        self._observation.phase_changed()

    def _failed(self, error: BaseException) -> None:
        """A bug of ours."""
        self._write(Failure("runner", f"{type(error).__name__}: {error}"))

    def _write(self, record: Record) -> bool:
        return self._writer.write(record)


async def _undisturbed(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which goes on to its end when we are cancelled; then the cancellation goes on as well."""
    task, cancelled = asyncio.create_task(work), False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return task.result()
