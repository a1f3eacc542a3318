"""Runs one experiment: baseline, injection, observation, revert, recovery; and whatever happens, the revert.

What undoes a step is in the journal before the step is taken. Nothing here decides on a verdict: that is computed from
the journal at the end, by the same function that a report uses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

from brownout_controller import clock
from brownout_controller.backends.base import BackendError, TakenError, Target, described
from brownout_controller.engine import store
from brownout_controller.engine.cluster_lock import exclusion
from brownout_controller.engine.journal_writer import JournalWriter
from brownout_controller.engine.lease_renewer import LeaseRenewer
from brownout_controller.engine.locks import Claim
from brownout_controller.engine.planning import Planned, Setup, plan
from brownout_controller.engine.sampling import Sampler
from brownout_controller.engine.target_counters import TargetCounters
from brownout_controller.engine.target_watch import Watch
from brownout_controller.model import lifecycle
from brownout_controller.model.evidence import reach
from brownout_controller.model.journal import (
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    LoadSecond,
    Plan,
    Record,
    Refusal,
    Reverted,
    Run,
    Stop,
    StopCause,
    Undo,
)
from brownout_controller.model.judge import Judgement
from brownout_controller.model.lifecycle import PHASE_OF, State
from brownout_controller.model.probe import ProbeContext
from brownout_controller.model.reasons import Reason
from brownout_controller.probes.load import Load
from brownout_controller.probes.load_stats import Second
from brownout_controller.probes.traffic import overdue_after
from brownout_core import __version__
from brownout_core.errors import Conflict, Unavailable
from brownout_core.experiment_terms import Phase

log = logging.getLogger(__name__)
T = TypeVar("T")

_TICK: Final = 1.0  # seconds from one reading of the load to the next
_GRACE: Final = 5.0  # seconds after a lease's end until a revert that cannot be verified is given up
_RETRY: Final = 0.25  # seconds
_LEAVING: Final = 5.0  # seconds that probes and the load may take to end when they are told to


class Runner:
    """One run. `observer` is told of each record as it is written."""

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
        self._chronicle = JournalWriter(journal, setup.masker, observer, self._stopped.set)
        self._samplers: list[Sampler] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._injected: list[Target] = []
        self._watch = Watch(setup.backend, journal.run_id, self._write, self._vanished)
        self._load: Load | None = None
        self._check: Callable[[], None] = lambda: None

    # What others ask and tell.

    @property
    def state(self) -> State:
        return self._state

    @property
    def phase(self) -> Phase | None:
        return PHASE_OF.get(self._state)

    @property
    def told(self) -> Sequence[Entry]:
        """All records so far, those as well that the journal did not take."""
        return self._chronicle.told

    def interrupt(self, signal: str) -> None:
        """A signal: the run ends now, with the revert done. After the end it is not told."""
        if self._state != "judged" and not self._chronicle.has(Interrupted):
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
            await _undisturbed(self._chronicle.conclude())
            raise
        except Exception as error:
            log.exception("the runner failed")
            self._failed(error)
        return await self._chronicle.conclude()

    # The way through the lifecycle.

    async def _drive(self) -> None:
        setup, conditions = self._setup, self._setup.experiment.conditions
        if not self._write(self._head()):
            self._enter("judged", "the journal cannot be written")
            return
        try:
            planned = await plan(setup)
        except BackendError as error:
            self._write(Failure("injection", str(error)))
            self._enter("judged", "the targets cannot be asked")
            return
        undo = [
            f"release the lease on {target.id}; it lapses after {conditions.lease:g} s" for target in planned.chosen
        ]
        self._write(self._plan(planned, undo))
        for refusal in planned.refused:
            self._write(refusal)
        if planned.refused:
            self._enter("judged", "a safety net said no")
            return
        async with AsyncExitStack() as held:
            if "lock" not in conditions.nets:
                exclusive = setup.exclusive or exclusion(setup.environment, setup.locks)
                name = setup.masker.text(setup.experiment.name)  # others read whose a lock is
                called = {item.key: item.id for item in planned.chosen}
                claim = Claim(self._journal.run_id, name, self._unlocked, self._stopped, called)
                try:
                    self._check = await held.enter_async_context(exclusive(called, claim))
                except (Conflict, Unavailable) as error:
                    if not self._stopped.is_set():
                        self._write(Refusal("lock", str(error), "one run at a time is at a target"))
                    self._enter("judged", "the targets could not be had for this run alone")
                    return
            async with self._watching(planned.chosen):
                await self._experiment(planned.chosen)

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
        if claims and not self._is_steady(await self._chronicle.judged()):
            return
        if self._stopped.is_set():
            self._enter("judged", "the run was stopped")
            return
        self._enter("injecting")
        try:
            if await self._inject(targets):
                await self._watch.count()  # what the edge carries from here on is carried under the fault
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

    async def _inject(self, targets: Sequence[Target]) -> bool:
        """Whether all of them are under the fault now."""
        lease = cast(float, self._setup.experiment.conditions.lease)
        faults = self._faults()
        for number, target in enumerate(targets):
            self._check()
            if self._stopped.is_set():
                return False
            undo = f"u{number}"
            what = f"release the lease of {self._journal.run_id} on {target.id}"
            if not self._write(Undo(undo, target.plain, what)):
                return False  # what could not be found again is not injected
            self._injected.append(target)
            try:
                await self._setup.backend.inject(target, faults, self._journal.run_id, lease)
            except TakenError as error:  # by whoever was faster, though no lock of ours is theirs
                self._write(Refusal("lock", str(error), "one run at a time is at a target"))
                self._left.set()
                return False
            except BackendError as error:
                self._write(Failure("injection", str(error)))
                return False
            names = [spec.name for spec in faults]
            self._write(Injected(undo, target.id, names, lease, [described(spec) for spec in faults]))
            self._watch.expect(target, names)
            keeper = LeaseRenewer(self._setup.backend, target, self._journal.run_id, lease, self._halt)
            self._keepers.append(asyncio.create_task(keeper.run()))
        return True

    async def _revert(self) -> bool:
        """Whether nothing is left, as far as can be told. Takes as long as the lease at most, and a little more."""
        await asyncio.gather(*(self._see_out(target) for target in self._injected))
        for keeper in self._keepers:
            keeper.cancel()
        self._watch.release()
        self._enter("reverting")
        done = await asyncio.gather(*(self._revert_on(f"u{n}", target) for n, target in enumerate(self._injected)))
        return all(done)

    async def _revert_on(self, undo: str, target: Target) -> bool:
        backend, owner = self._setup.backend, self._journal.run_id
        deadline = clock.now() + cast(float, self._setup.experiment.conditions.lease) + _GRACE
        why = ""
        while True:
            await self._see_out(target)
            try:
                await backend.revert(target, owner)
                if await backend.gone(target, owner):
                    self._write(
                        Reverted(undo, target.id, verified=True, how="released; neither listed nor counted any more")
                    )
                    return True
                why = f"{target.id} still lists the fault"
            except BackendError as error:
                why = str(error)
            except Exception as error:  # a bug in a backend is no reason to try no more
                why = f"{type(error).__name__}: {error}"
            if clock.now() > deadline:
                self._write(Reverted(undo, target.id, verified=False, why=why))
                return False
            await asyncio.sleep(_RETRY)

    async def _passes(self, seconds: float, unless: asyncio.Event) -> bool:
        """Waits; whether the time passed before the event came."""
        try:
            async with asyncio.timeout(seconds):
                await unless.wait()
        except TimeoutError:
            return True
        return False

    # What goes on beside it.

    @asynccontextmanager
    async def _watching(self, targets: Sequence[Target]) -> AsyncIterator[None]:
        """The load and the samplers run; nothing of them is left afterwards."""
        experiment = self._setup.experiment
        self._watch.begin(targets)
        work: list[Coroutine[Any, Any, None]] = [self._watch.run()]
        if (load := experiment.conditions.traffic) is not None:
            overdue = overdue_after(experiment.hypotheses, load.timeout)
            self._load = Load(
                load.url, load.rate, method=load.method, headers=load.headers, body=load.body, timeout=load.timeout,
                wished=load, overdue=overdue,
            )  # fmt: skip
            await self._load.start()
            work.append(self._tell_traffic(self._load))
        context = ProbeContext(
            prometheus=self._setup.environment.prometheus,
            edge=TargetCounters(self._setup.backend, targets, self._journal.run_id),
            traffic=self._load,
            allowed_commands=self._setup.allowed_commands,
        )
        self._samplers = [
            Sampler(hypothesis, context, self, self._write, self._halt_for) for hypothesis in experiment.hypotheses
        ]
        tasks = [asyncio.create_task(item) for item in work]
        tasks += [asyncio.create_task(sampler.run(), name=sampler.name) for sampler in self._samplers]
        try:
            yield
        finally:
            await self._end([*tasks, *self._keepers])
            if self._load is not None:
                await self._end([asyncio.create_task(self._load.close(), name="the load")], cancel=False)
                self._write_traffic(self._load.last_rows())

    async def _end(self, tasks: Sequence[asyncio.Task[None]], *, cancel: bool = True) -> None:
        """What does not end when it is told to keeps nobody: the fault is reverted, and the verdict is due."""
        if cancel:
            for task in tasks:
                task.cancel()
        ended, stuck = await asyncio.wait(tasks, timeout=_LEAVING)
        for task in ended:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._failed(error)
        for task in stuck:
            task.cancel()
            self._write(Failure("probe", f"{task.get_name()} did not end within {_LEAVING:g} s"))

    async def _see_out(self, target: Target) -> None:
        try:
            await self._watch.see_out(target)
        except Exception as error:  # nothing keeps the revert
            self._failed(error)

    def _vanished(self, target: Target, faults: Sequence[str], how: str) -> None:
        self._halt("lapsed", f"{target.id} has {', '.join(faults)} no longer: {how}", clock.now())

    async def _tell_traffic(self, load: Load) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._write_traffic(load.rows())

    def _write_traffic(self, rows: Iterable[Second]) -> None:
        for row in rows:
            self._write(
                LoadSecond(
                    row.second, row.sent, row.ok, row.failed, row.p50, row.p90, row.p99, row.max, row.due,
                    row.unanswered, row.errors, row.seconds,
                )
            )  # fmt: skip

    def _halt_for(self, cause: StopCause, reason: Reason, since: float) -> None:
        self._halt(cause, "", since, reason)

    def _unlocked(self, why: str) -> None:
        self._halt("unlocked", why, clock.now())
        if self._state in ("reverting", "recovering"):  # which nothing cuts short
            self._write(Failure("lease", why))

    def _halt(self, cause: str, why: str, since: float, reason: Reason | None = None) -> None:
        ending = self._state in ("recovering", "judged") or (self._state == "reverting" and cause != "lapsed")
        if not self._stopped.is_set() and not ending:
            breached = self._journal.now - (clock.now() - since)
            self._stopped.set()
            plain = {} if reason is None else reason.plain()
            about = "" if reason is None else reason.hypothesis
            self._write(Stop(cast(StopCause, cause), why, about, breached, plain))

    # The journal.

    def _enter(self, state: State, why: str = "") -> None:
        lifecycle.check(self._state, state)
        before, self._state, self.since = self._state, state, clock.now()
        self._write(Entered(state, before, why))
        for sampler in self._samplers:
            sampler.look()

    def _failed(self, error: BaseException) -> None:
        """A bug of ours."""
        self._write(Failure("runner", f"{type(error).__name__}: {error}"))

    def _write(self, record: Record) -> bool:
        return self._chronicle.write(record)

    def _faults(self) -> list[Any]:
        """Named after the run, so that nobody takes them for their own."""
        return [replace(spec, name=f"{spec.name}.{self._journal.run_id}") for spec in self._setup.experiment.faults]

    def _lasting(self) -> Mapping[str, float]:
        conditions = self._setup.experiment.conditions
        if not self._setup.experiment.hypotheses:
            return {"observing": conditions.duration}
        return {
            "baseline": conditions.baseline, "observing": conditions.duration, "recovering": conditions.recovery,
        }  # fmt: skip

    def _plan(self, planned: Planned, undo: Sequence[str]) -> Plan:
        conditions, faults = self._setup.experiment.conditions, self._faults()
        return Plan(
            [target.plain for target in planned.chosen],
            [spec.name for spec in faults],
            undo,
            len(planned.found),
            reach(faults, len(planned.found), len(planned.chosen)),
            conditions.min_share,
            conditions.met,
            [target.id for target in planned.chosen if not target.enabled],
        )

    def _head(self) -> Run:
        setup, conditions = self._setup, self._setup.experiment.conditions
        return Run(
            run_id=self._journal.run_id,
            version=__version__,
            started=datetime.now(UTC).isoformat(timespec="milliseconds"),
            experiment=setup.experiment.content,
            terms=[
                hypothesis.recorded.model_dump(mode="json", by_alias=True)
                for hypothesis in setup.experiment.hypotheses
            ],
            environment={"name": setup.environment_name, **setup.environment.for_journal()},
            seed=setup.seed,
            replay=setup.replay,
            recovery=conditions.recovery,
            source=setup.experiment.source,
            nets_off=conditions.nets,
            lasting=self._lasting(),
            part_of=setup.part_of,
        )  # fmt: skip


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
