"""Measures the hypotheses of a run, beside each other, and accounts for each measurement that is due.

A measurement that hangs holds up nobody, not even the next one of its own hypothesis: several may be under way, each by
a probe of its own. What falls due beyond that waits with the oldest of them. When a phase ends, what is under way has
waited for so long without an answer, and is written down as that; nothing falls between two phases.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from brownout_controller import clock
from brownout_controller.model.evaluate import Before, before, stops
from brownout_controller.model.hypothesis import Hypothesis
from brownout_controller.model.journal import Record, Sample, StopCause
from brownout_controller.model.probe import NoAnswerError, Probe, ProbeContext, ProbeError, Reading
from brownout_controller.model.reasons import Number, Reason
from brownout_core.experiment_terms import Phase

log = logging.getLogger(__name__)

_BLIND: Final = 5.0
"""Seconds without data after which a stop condition is as good as met, if it is measured more often."""
_BLIND_SAMPLES: Final = 3
_STALLED: Final = 1.0
"""Seconds (or `every`, if that is longer) by which a measurement may begin late and still be the one that was due: a
busy machine is no gap, one that slept is."""
_WAITED: Final = 1.0
"""Seconds (or `every`, if that is shorter) without an answer at the end of a phase that count. What began later
was not due any more."""


class Phases(Protocol):
    """The phase that a run is in, and since when on clock.now."""

    @property
    def phase(self) -> Phase | None: ...

    @property
    def since(self) -> float: ...


class Schedule:
    """When the measurements of a phase are due: one each `every` from `settle` on, and before that, from the beginning
    on, those that do not count. Pure; all times are in seconds on one clock."""

    def __init__(self, since: float, settle: float, every: float) -> None:
        self._since, self._settled, self._every = since, since + settle, every
        self._number = 0
        self._settling = settle > 0

    def next(self, now: float) -> tuple[float, bool]:
        """When the next one is due, and whether it counts for nothing. What is over for too long is left out."""
        if self._settling and now < self._settled:
            due = self._skip(self._since, now)
            if due < self._settled:
                return due, True
        if self._settling:
            self._settling, self._number = False, 0
        return self._skip(self._settled, now), False

    def _skip(self, start: float, now: float) -> float:
        gone = now - start - max(self._every, _STALLED)
        self._number = max(self._number, math.ceil(gone / self._every))
        self._number += 1
        return start + (self._number - 1) * self._every


@dataclass(slots=True, eq=False)
class _Measurement:
    """One under way since `due`. `with_it` fell due meanwhile, each with whether it counts for nothing."""

    phase: Phase
    due: float
    settling: bool
    task: asyncio.Task[None] | None = None
    with_it: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def all(self) -> list[tuple[float, bool]]:
        return [(self.due, self.settling), *self.with_it]


class Sampler:
    """One hypothesis, measured every so often for as long as `run` runs."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        context: ProbeContext,
        phases: Phases,
        write: Callable[[Record], object],
        halt: Callable[[StopCause, Reason, float], None],
    ) -> None:
        """`halt(cause, reason, breached_at)` ends the run; the time is that of clock.now."""
        self._hypothesis = hypothesis
        self._surroundings = context
        self._phases = phases
        self._write = write
        self._halt = halt
        self._idle: list[Probe] = []
        """Probes that are open and measure nothing just now."""
        self._under_way: list[_Measurement] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._before: list[tuple[Reading, float | None]] = []
        self._known: Before | None = None
        self._changed = asyncio.Event()
        self._blind_since: float | None = None

    @property
    def name(self) -> str:
        return self._hypothesis.name

    def look(self) -> None:
        """The phase has changed. What is under way is written down now: an answer that comes later, even before this
        sampler has its next turn, may be one under the fault."""
        self._leave()
        self._changed.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        task = asyncio.current_task()
        assert task is not None
        try:
            while not task.cancelling():  # a probe may have swallowed that
                self._changed.clear()
                if (phase := self._phases.phase) is None:
                    await self._changed.wait()
                    continue
                await self._through(phase, self._phases.since)
        finally:
            for under_way in self._tasks:
                under_way.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
            await self.close()

    async def close(self) -> None:
        """A probe that cannot be closed is left as it is."""
        while self._idle:
            try:
                async with asyncio.timeout(self._hypothesis.terms.timeout):
                    await self._idle.pop().close()
            except Exception as error:
                log.warning("the probe of %s could not be closed: %s", self.name, type(error).__name__)

    async def _through(self, phase: Phase, since: float) -> None:
        """Measures until the phase changes. What the hypothesis does not claim of the baseline is measured there once,
        so that it is known whether the service answered, and whether a claim on the recovery was true before."""
        terms = self._hypothesis.terms
        if phase not in terms.when:
            if phase == "baseline":
                self._begin(phase, clock.now(), settling=False)
            await self._changed.wait()
            return
        schedule = Schedule(since, terms.settle, terms.every)
        while True:
            due, settling = schedule.next(clock.now())
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - clock.now())):
                    await self._changed.wait()
            if self._changed.is_set():
                return
            self._watch_waiting()
            self._begin(phase, due, settling=settling)

    def _begin(self, phase: Phase, due: float, *, settling: bool) -> None:
        """What cannot be under way beside the others waits with the oldest of them."""
        if len(self._under_way) >= self._hypothesis.probe.at_once:
            self._under_way[0].with_it.append((due, settling))
            return
        measurement = _Measurement(phase, clock.now(), settling)
        self._under_way.append(measurement)
        measurement.task = asyncio.create_task(self._take(measurement))
        self._tasks.add(measurement.task)
        measurement.task.add_done_callback(self._tasks.discard)

    async def _take(self, measurement: _Measurement) -> None:
        began, reading = measurement.due, await self.measure()
        if measurement not in self._under_way:
            return  # its phase is over, and it is written down
        self._under_way.remove(measurement)
        now = clock.now()
        for due, settling in measurement.all:
            self.put(measurement.phase, self._own(reading, due - began, now - due), now - due, settling=settling)

    def _leave(self) -> None:
        """Its phase is over: what has no answer has waited for so long."""
        now, enough = clock.now(), min(self._hypothesis.terms.every, _WAITED)
        for measurement in self._under_way:
            for due, settling in measurement.all:
                if now - due >= enough:
                    self.put(measurement.phase, self._waiting(now - due), now - due, settling=settling)
            if measurement.task is not None:
                measurement.task.cancel()
        self._under_way.clear()

    def _waiting(self, seconds: float) -> Reading:
        service = self._hypothesis.probe.asks_service
        return Reading(None, f"no answer for {seconds:.2g} s", failure="timeout" if service else "", waited=seconds)

    def _own(self, reading: Reading, later: float, waited: float) -> Reading:
        """Of a measurement that fell due later, and waited with another one: what it would have read."""
        if later <= 0:
            return reading
        if reading.waited is not None:
            return reading._replace(waited=waited)
        if self._hypothesis.probe.waits == "value" and reading.value is not None:
            return reading._replace(value=max(0.0, reading.value - later))
        return reading

    def put(self, phase: Phase, reading: Reading, took: float, *, settling: bool) -> None:
        """Into the journal, and before the eyes of the stop condition."""
        terms = self._hypothesis.terms
        self._write(
            Sample(
                terms.name, phase, _finite(reading.value), reading.why, reading.events, reading.series, settling,
                reading.failure, reading.waited, took,
            )
        )  # fmt: skip
        if not settling or (self._hypothesis.probe.looks_back and phase == "during"):
            # What is bad although the window still reaches back into the calm is bad: no reason to wait with a stop.
            self._look(phase, reading, took, settling=settling)

    async def measure(self) -> Reading:
        """One measurement; whatever goes wrong is a reading without data."""
        terms, service = self._hypothesis.terms, self._hypothesis.probe.asks_service
        probe: Probe | None = None
        try:
            async with asyncio.timeout(terms.timeout):
                probe = self._idle.pop() if self._idle else self._hypothesis.probe.open(self._surroundings)
                reading = await probe.measure(terms.window)
        except TimeoutError:
            why = f"no answer within {terms.timeout:g} s"
            return Reading(None, why, failure="timeout" if service else "", waited=terms.timeout)
        except NoAnswerError as error:
            return Reading(None, str(error), failure=error.kind if service else "", waited=error.waited)
        except ProbeError as error:
            return Reading(None, str(error))
        except Exception as error:  # a bug in a probe is no reason to leave a fault behind
            return Reading(None, f"the probe failed: {type(error).__name__}: {error}")
        finally:
            if probe is not None:
                self._idle.append(probe)
        if reading.value is not None and math.isnan(reading.value):
            return reading._replace(value=None, why=reading.why or "not a number, as 0 divided by 0 is")
        return reading

    def _watch_waiting(self) -> None:
        """What hangs may have to end the run before its time is over: a latency, once it is beyond its limit. Where a
        measurement without an answer is bad, its own `timeout` or `within` decides that: a slow answer may still be a
        good one."""
        if self._hypothesis.probe.waits == "bad":
            return
        for measurement in self._under_way:
            waited = clock.now() - measurement.due
            if not measurement.settling and waited >= self._hypothesis.terms.every:
                self._look(measurement.phase, self._waiting(waited), waited, settling=False)
                return

    def _look(self, phase: Phase, reading: Reading, took: float, *, settling: bool) -> None:
        """Whether this must end the run."""
        terms, at = self._hypothesis.recorded, clock.now() - took
        if phase == "baseline":
            self._before.append((reading, took))
            self._known = None
        if phase != "during" or not terms.stop:
            return
        self._known = (self._known or before(self._before)).under(reading, took)
        found = stops(terms, reading, self._known)
        if found.good is None:
            if not settling:
                self._count_blind(reading, at)
            return
        self._blind_since = None
        if found.good is False:
            numbers = {} if found.value is None else {"value": Number(found.value, terms.unit or "")}
            words = {"expect": terms.expect, **({"stop": terms.stop} if isinstance(terms.stop, str) else {})}
            self._halt("condition", Reason("stop-met", terms.name, phase, numbers=numbers, words=words), at)

    def _count_blind(self, reading: Reading, at: float) -> None:
        self._blind_since = at if self._blind_since is None else self._blind_since
        blind = clock.now() - self._blind_since
        if blind > max(_BLIND, _BLIND_SAMPLES * self._hypothesis.terms.every):
            numbers, words = {"seconds": Number(blind, "s")}, {"why": reading.why}
            self._halt("blind", Reason("blind", self.name, "during", numbers=numbers, words=words), self._blind_since)


def _finite(value: float | None) -> float | None:
    """JSON has no infinities; a value beyond all bounds is as large as can be."""
    if value is None or math.isfinite(value):
        return value
    return math.copysign(1.7976931348623157e308, value)
