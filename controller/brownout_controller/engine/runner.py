"""Runs one experiment: baseline, injection, observation, revert, recovery; and whatever happens, the revert.

What undoes a step is in the journal before the step is taken. Nothing here decides on a verdict: that is computed from
the journal at the end, by the same function that a report uses.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, Final, cast

from brownout_controller.backends.base import BackendError, Target
from brownout_controller.engine import locks, store
from brownout_controller.engine.edge import EdgeOf
from brownout_controller.engine.keeper import Keeper
from brownout_controller.engine.planning import Setup, plan
from brownout_controller.engine.sampling import Sampler
from brownout_controller.model import lifecycle
from brownout_controller.model.hypothesis import Hypothesis
from brownout_controller.model.journal import (
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    Judged,
    Plan,
    Record,
    Refusal,
    Reverted,
    Run,
    Stop,
    StopCause,
    Traffic,
    Undo,
)
from brownout_controller.model.judge import Judgement, judge
from brownout_controller.model.lifecycle import PHASE_OF, Phase, State
from brownout_controller.model.probe import Surroundings
from brownout_controller.model.variables import Masker
from brownout_controller.probes.load import Load
from brownout_proxy import __version__
from brownout_proxy.errors import Conflict

log = logging.getLogger(__name__)

_TICK: Final = 1.0  # seconds from one reading of the counters to the next
_LAST_LOOK: Final = 0.5  # seconds that the last counters may delay a revert
_GRACE: Final = 5.0  # seconds after a lease's end until a revert that cannot be verified is given up
_RETRY: Final = 0.25  # seconds


class Runner:
    """One run. `observer` is told of each record as it is written."""

    def __init__(
        self, setup: Setup, journal: store.Journal, observer: Callable[[Entry], None] = lambda _: None
    ) -> None:
        self._setup = setup
        self._journal = journal
        self._observer = observer
        self._state: State = "planned"
        self.since = time.monotonic()
        self._stopped = asyncio.Event()
        self._interrupted = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []
        self._injected: list[Target] = []
        self._load: Load | None = None

    # What others ask and tell.

    @property
    def state(self) -> State:
        return self._state

    @property
    def phase(self) -> Phase | None:
        return PHASE_OF.get(self._state)

    def interrupt(self, signal: str) -> None:
        """A signal: the run ends now, with the revert done."""
        if not self._interrupted.is_set() and self._state != "judged":
            self._write(Interrupted(signal))
            self._interrupted.set()
            self._stopped.set()

    def stop(self, why: str) -> None:
        """Somebody wants it to end."""
        self._halt("asked", why, time.monotonic())

    async def run(self) -> Judgement:
        """Runs to the end, and gives the verdict. Only a journal that cannot be written is an error: Unavailable."""
        try:
            await self._drive()
        except Exception as error:
            log.exception("the runner failed")
            self._write(Failure("runner", f"{type(error).__name__}: {error}"))
        judgement = await self._judged()
        self._write(Judged(judgement.verdict.value, judgement.exit, judgement.reasons))
        return judgement

    # The way through the lifecycle.

    async def _drive(self) -> None:
        setup, conditions = self._setup, self._setup.experiment.conditions
        self._write(self._told())
        try:
            planned = await plan(setup)
        except BackendError as error:
            self._write(Failure("injection", str(error)))
            self._enter("judged", "the targets cannot be asked")
            return
        undo = [
            f"release the lease on {target.id}; it lapses after {conditions.lease:g} s" for target in planned.chosen
        ]
        self._write(Plan([target._asdict() for target in planned.chosen], [spec.name for spec in self._faults()], undo))
        for refusal in planned.refused:
            self._write(refusal)
        if planned.refused:
            self._enter("judged", "a safety net said no")
            return
        with ExitStack() as held:
            if "lock" not in conditions.nets:
                try:
                    held.enter_context(
                        locks.held((target.id for target in planned.chosen), self._journal.run_id, setup.locks)
                    )
                except Conflict as error:
                    self._write(Refusal("lock", str(error), "one run at a time is at a target"))
                    self._enter("judged", "another run is at a target")
                    return
            async with self._watching(planned.chosen):
                await self._experiment(planned.chosen)

    async def _experiment(self, targets: Sequence[Target]) -> None:
        conditions = self._setup.experiment.conditions
        claims = bool(self._setup.experiment.hypotheses)
        if claims and not await self._steady():
            return
        self._enter("injecting")
        try:
            if await self._inject(targets):
                self._enter("observing")
                await self._passes(conditions.duration, self._stopped)
        except Exception as error:
            log.exception("the runner failed under a fault, which is now reverted")
            self._write(Failure("runner", f"{type(error).__name__}: {error}"))
        finally:
            verified = await self._revert()
        if claims and verified and not self._interrupted.is_set():
            self._enter("recovering")
            await self._passes(conditions.recovery, self._interrupted)
        self._enter("judged")

    async def _steady(self) -> bool:
        """Whether the system is as it should be before anything is done to it; if not, the run is over."""
        conditions = self._setup.experiment.conditions
        self._enter("baseline")
        if not await self._passes(conditions.baseline, self._stopped):
            self._enter("judged", "the run was stopped")
            return False
        if "baseline-gate" not in conditions.nets:
            results = (await self._judged()).results
            if not all(result.outcome == "held" for result in results if result.phase == "baseline"):
                self._enter("judged", "the baseline was not met")
                return False
        return True

    async def _judged(self) -> Judgement:
        """Beside the loop: reading a long journal takes seconds, and other runs have leases to renew."""
        return await asyncio.to_thread(lambda: judge(store.read(self._journal.directory)))

    async def _inject(self, targets: Sequence[Target]) -> bool:
        """Whether all of them are under the fault now."""
        lease = cast(float, self._setup.experiment.conditions.lease)
        faults = self._faults()
        for number, target in enumerate(targets):
            if self._stopped.is_set():
                return False
            undo = f"u{number}"
            self._write(Undo(undo, target._asdict(), f"release the lease of {self._journal.run_id} on {target.id}"))
            self._injected.append(target)
            try:
                await self._setup.backend.inject(target, faults, self._journal.run_id, lease)
            except BackendError as error:
                self._write(Failure("injection", str(error)))
                return False
            self._write(Injected(undo, target.id, [spec.name for spec in faults], lease))
            keeper = Keeper(self._setup.backend, target, self._journal.run_id, lease, self._halt)
            self._keepers.append(asyncio.create_task(keeper.run()))
        return True

    async def _revert(self) -> bool:
        """Whether nothing is left, as far as can be told. Takes as long as the lease at most, and a little more."""
        await self._count(self._injected, _LAST_LOOK)
        self._enter("reverting")
        for keeper in self._keepers:
            keeper.cancel()
        done = await asyncio.gather(*(self._revert_on(f"u{n}", target) for n, target in enumerate(self._injected)))
        return all(done)

    async def _revert_on(self, undo: str, target: Target) -> bool:
        backend, owner = self._setup.backend, self._journal.run_id
        deadline = time.monotonic() + cast(float, self._setup.experiment.conditions.lease) + _GRACE
        why = ""
        while True:
            try:
                await backend.revert(target, owner)
                if await backend.gone(target, owner):
                    self._write(Reverted(undo, target.id, verified=True, how="released, and gone by a listing"))
                    return True
                why = f"{target.id} still lists the fault"
            except BackendError as error:
                why = str(error)
            if time.monotonic() > deadline:
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
        work: list[Coroutine[Any, Any, None]] = [self._count_on(targets)]
        if (load := experiment.conditions.traffic) is not None:
            self._load = Load(
                load.url, load.rate, method=load.method, headers=load.headers, body=load.body, timeout=load.timeout
            )
            await self._load.start()
            work.append(self._tell_traffic(self._load))
        surroundings = Surroundings(
            prometheus=self._setup.environment.prometheus,
            edge=EdgeOf(self._setup.backend, targets, self._journal.run_id),
            traffic=self._load,
            allowed_commands=self._setup.allowed_commands,
        )
        samplers = [
            Sampler(hypothesis, surroundings, self, self._write, self._halt_for) for hypothesis in experiment.hypotheses
        ]
        tasks = [asyncio.create_task(item) for item in (*work, *(sampler.run() for sampler in samplers))]
        try:
            yield
        finally:
            for task in (*tasks, *self._keepers):
                task.cancel()
            ended = await asyncio.gather(*tasks, *self._keepers, return_exceptions=True)
            if self._load is not None:
                await self._load.close()
            for outcome in ended:
                if isinstance(outcome, Exception):
                    self._write(Failure("runner", f"{type(outcome).__name__}: {outcome}"))

    async def _count_on(self, targets: Sequence[Target]) -> None:
        while True:
            await asyncio.sleep(_TICK)
            if self._state == "observing":
                await self._count(targets, _TICK)

    async def _count(self, targets: Sequence[Target], seconds: float) -> None:
        wanted = {spec.name for spec in self._faults()}
        for target in targets:
            try:
                async with asyncio.timeout(seconds):
                    counts = await self._setup.backend.counts(target, self._journal.run_id)
            except (BackendError, TimeoutError):
                continue  # the keeper knows when that is too long
            self._write(
                Counted(
                    target.id, counts.connections, counts.sent_upstream, counts.sent_downstream, counts.hits, counts.met
                )
            )
            if self._state == "observing" and not wanted <= counts.hits.keys():
                gone = ", ".join(sorted(wanted - counts.hits.keys()))
                self._halt("lapsed", f"{target.id} has {gone} no longer: somebody removed it", time.monotonic())

    async def _tell_traffic(self, load: Load) -> None:
        while True:
            await asyncio.sleep(_TICK)
            for row in load.rows():
                self._write(Traffic(row.second, row.sent, row.ok, row.failed, row.p50, row.p90, row.p99, row.max))

    def _halt_for(self, hypothesis: Hypothesis, cause: str, why: str, since: float) -> None:
        self._halt(cause, why, since, hypothesis.name)

    def _halt(self, cause: str, why: str, since: float, hypothesis: str = "") -> None:
        if not self._stopped.is_set() and self._state in ("baseline", "injecting", "observing"):
            breached = self._journal.now - (time.monotonic() - since)
            self._write(Stop(cast(StopCause, cause), why, hypothesis, breached))
            self._stopped.set()

    # The journal.

    def _enter(self, state: State, why: str = "") -> None:
        lifecycle.check(self._state, state)
        before, self._state, self.since = self._state, state, time.monotonic()
        self._write(Entered(state, before, why))

    def _write(self, record: Record) -> None:
        self._observer(self._journal.write(_masked(record, self._setup.masker)))

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

    def _told(self) -> Run:
        setup, conditions = self._setup, self._setup.experiment.conditions
        return Run(
            run_id=self._journal.run_id,
            version=__version__,
            started=datetime.now(UTC).isoformat(timespec="milliseconds"),
            experiment=setup.experiment.content,
            terms=[
                {**hypothesis.terms.model_dump(mode="json", by_alias=True), "probe": hypothesis.probe.kind}
                for hypothesis in setup.experiment.hypotheses
            ],
            environment={
                "name": setup.environment_name, **setup.environment.model_dump(mode="json", exclude={"token"}),
            },
            seed=setup.seed,
            replay=setup.replay,
            recovery=conditions.recovery,
            source=setup.experiment.source,
            nets_off=conditions.nets,
            lasting=self._lasting(),
        )  # fmt: skip


def _masked(record: Record, masker: Masker) -> Record:
    """The record without secrets."""
    names = [item.name for item in fields(record)]  # type: ignore[arg-type]  # every record is a dataclass
    return replace(record, **{name: masker.value(getattr(record, name)) for name in names})  # type: ignore[type-var]
