"""Everything that measures while a run goes on: the watch of its targets, its load, and a sampler for each hypothesis.

It writes down what it sees and decides nothing, but that a fault which is gone, or a hypothesis with a stop condition,
ends the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from brownout_controller import clock
from brownout_controller.backends.base import Target
from brownout_controller.engine.background_tasks import BackgroundTasks
from brownout_controller.engine.planning import Setup
from brownout_controller.engine.sampling import Phases, Sampler
from brownout_controller.engine.target_counters import TargetCounters
from brownout_controller.engine.target_watch import Watch
from brownout_controller.model.journal import LoadSecond, Record, StopCause
from brownout_controller.model.probe import ProbeContext
from brownout_controller.model.reasons import Reason
from brownout_controller.probes.load import Load
from brownout_controller.probes.load_stats import Second
from brownout_controller.probes.traffic import overdue_after

_LOAD_INTERVAL: Final = 1.0  # seconds from one reading of the load to the next


class Observation:
    """The measurements of one run."""

    def __init__(
        self,
        setup: Setup,
        run: str,
        phases: Phases,
        write: Callable[[Record], object],
        halt: Callable[[StopCause, str, float, Reason | None], None],
    ) -> None:
        """`halt(cause, why, since, reason)` ends the run, on the time of clock.now."""
        self._setup = setup
        self._run = run
        self._phases = phases
        self._write = write
        self._halt = halt
        self._samplers: list[Sampler] = []
        self.watch = Watch(setup.backend, run, write, self._vanished)

    def _vanished(self, target: Target, faults: Sequence[str], how: str) -> None:
        self._halt("lapsed", f"{target.id} has {', '.join(faults)} no longer: {how}", clock.now(), None)

    @asynccontextmanager
    async def of(self, targets: Sequence[Target]) -> AsyncIterator[None]:
        """Measures for as long as it is entered; nothing of it is left afterwards."""
        experiment, tasks = self._setup.experiment, BackgroundTasks(self._write)
        self.watch.begin(targets)
        load = await self._started_load()
        context = ProbeContext(
            prometheus=self._setup.environment.prometheus,
            edge=TargetCounters(self._setup.backend, targets, self._run),
            traffic=load,
            allowed_commands=self._setup.allowed_commands,
        )
        self._samplers = [
            Sampler(hypothesis, context, self._phases, self._write, self._breached)
            for hypothesis in experiment.hypotheses
        ]
        tasks.start(self.watch.run())
        if load is not None:
            tasks.start(self._write_load(load))
        for sampler in self._samplers:
            tasks.start(sampler.run(), sampler.name)
        try:
            yield
        finally:
            await tasks.end()
            if load is not None:
                tasks.start(load.close(), "the load")
                await tasks.end(cancel=False)
                self._write_seconds(load.last_rows())

    async def _started_load(self) -> Load | None:
        experiment = self._setup.experiment
        if (spec := experiment.conditions.traffic) is None:
            return None
        load = Load(
            spec.url, spec.rate, method=spec.method, headers=spec.headers, body=spec.body, timeout=spec.timeout,
            wished=spec, overdue=overdue_after(experiment.hypotheses, spec.timeout),
        )  # fmt: skip
        await load.start()
        return load

    def phase_changed(self) -> None:
        for sampler in self._samplers:
            sampler.look()

    def _breached(self, cause: StopCause, reason: Reason, since: float) -> None:
        self._halt(cause, "", since, reason)

    async def _write_load(self, load: Load) -> None:
        while True:
            await asyncio.sleep(_LOAD_INTERVAL)
            self._write_seconds(load.rows())

    def _write_seconds(self, rows: Iterable[Second]) -> None:
        for row in rows:
            self._write(
                LoadSecond(
                    row.second, row.sent, row.ok, row.failed, row.p50, row.p90, row.p99, row.max, row.due,
                    row.unanswered, row.errors, row.seconds,
                )
            )  # fmt: skip
