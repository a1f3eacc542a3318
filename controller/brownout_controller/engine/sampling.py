"""Measures the hypotheses of a run, beside each other: a probe that hangs or fails is no data, and holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable
from typing import Final, Protocol

from brownout_controller.model.evaluate import before, stops
from brownout_controller.model.hypothesis import Hypothesis
from brownout_controller.model.journal import Record, Sample, StopCause
from brownout_controller.model.lifecycle import Phase
from brownout_controller.model.probe import Probe, ProbeError, Reading, Surroundings
from brownout_controller.model.reasons import Number, Reason

log = logging.getLogger(__name__)

_BLIND: Final = 5.0
"""Seconds without data after which a stop condition is as good as met, if it is measured more often."""
_BLIND_SAMPLES: Final = 3


class Phases(Protocol):
    """The phase that a run is in, and since when on time.monotonic."""

    @property
    def phase(self) -> Phase | None: ...

    @property
    def since(self) -> float: ...


class Sampler:
    """One hypothesis, measured every so often for as long as `run` runs."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        surroundings: Surroundings,
        phases: Phases,
        write: Callable[[Record], object],
        halt: Callable[[StopCause, Reason, float], None],
    ) -> None:
        """`halt(cause, reason, breached_at)` ends the run; the time is that of time.monotonic."""
        self._hypothesis = hypothesis
        self._surroundings = surroundings
        self._phases = phases
        self._write = write
        self._halt = halt
        self._probe: Probe | None = None
        self._before: list[tuple[Reading, float | None]] = []
        self._looked = asyncio.Event()
        self._blind_since: float | None = None

    @property
    def name(self) -> str:
        return self._hypothesis.name

    def look(self) -> None:
        """The phase has changed: measures now, and when it has settled, so that no phase is too short to be seen."""
        self._looked.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        due, task = time.monotonic(), asyncio.current_task()
        assert task is not None
        try:
            while not task.cancelling():  # a probe may have swallowed that
                self._looked.clear()
                await self._sample()
                now = time.monotonic()
                due = max(due + self._hypothesis.terms.every, now)  # what took too long is left out, not caught up with
                settled = self._phases.since + self._hypothesis.terms.settle
                if now < settled < due:
                    due = settled
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(due - now):
                        await self._looked.wait()
                        due = time.monotonic()
        finally:
            await self.close()

    async def close(self) -> None:
        """A probe that cannot be closed is left as it is."""
        if self._probe is not None:
            try:
                async with asyncio.timeout(self._hypothesis.terms.timeout):
                    await self._probe.close()
            except Exception as error:
                log.warning("the probe of %s could not be closed: %s", self.name, type(error).__name__)

    async def _sample(self) -> None:
        phase, terms = self._phases.phase, self._hypothesis.terms
        if phase not in terms.when:
            return
        began = time.monotonic()
        reading = await self.measure()
        if self._phases.phase != phase:
            return  # it belongs to neither
        settling = began - self._phases.since < terms.settle
        self._write(
            Sample(terms.name, phase, _finite(reading.value), reading.why, reading.events, reading.series, settling)
        )
        if not settling or (self._hypothesis.probe.looks_back and phase == "during"):
            # What is bad although the window still reaches back into the calm is bad: no reason to wait with a stop.
            self._look(phase, reading, began, settling=settling)

    async def measure(self) -> Reading:
        """One measurement; whatever goes wrong is a reading without data."""
        terms = self._hypothesis.terms
        try:
            async with asyncio.timeout(terms.timeout):
                if self._probe is None:
                    self._probe = self._hypothesis.probe.open(self._surroundings)
                reading = await self._probe.measure(terms.window)
        except TimeoutError:
            return Reading(None, f"no answer within {terms.timeout:g} s")
        except ProbeError as error:
            return Reading(None, str(error))
        except Exception as error:  # a bug in a probe is no reason to leave a fault behind
            return Reading(None, f"the probe failed: {type(error).__name__}: {error}")
        if reading.value is not None and math.isnan(reading.value):
            return reading._replace(value=None, why=reading.why or "not a number, as 0 divided by 0 is")
        return reading

    def _look(self, phase: Phase, reading: Reading, at: float, *, settling: bool) -> None:
        """Whether this must end the run."""
        terms = self._hypothesis.recorded
        if phase == "baseline":
            self._before.append((reading, time.monotonic() - at))
        if phase != "during" or not terms.stop:
            return
        found = stops(terms, reading, before(self._before))
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
        blind = time.monotonic() - self._blind_since
        if blind > max(_BLIND, _BLIND_SAMPLES * self._hypothesis.terms.every):
            numbers, words = {"seconds": Number(blind, "s")}, {"why": reading.why}
            self._halt("blind", Reason("blind", self.name, "during", numbers=numbers, words=words), self._blind_since)


def _finite(value: float | None) -> float | None:
    """JSON has no infinities; a value beyond all bounds is as large as can be."""
    if value is None or math.isfinite(value):
        return value
    return math.copysign(1.7976931348623157e308, value)
