"""One hypothesis, measured: whatever the probe does is a reading, and only what settled and is in its phase counts."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest

from brownout_controller import clock
from brownout_controller.engine.sampling import Sampler, Schedule
from brownout_controller.model.journal import Record, Sample
from brownout_controller.model.probe import NoAnswerError, Probe, ProbeContext, ProbeError, ProbeSpec, Reading, Waits
from brownout_controller.model.reasons import Reason
from brownout_core.experiment_terms import Phase
from tests.support.builders.runs import experiment, hypothesis
from tests.support.fakes.probes import READINGS, ScriptedProbe

pytestmark = pytest.mark.virtual_time


class LooksBack(ScriptedProbe):
    """Its window reaches across a change of phase."""

    looks_back: ClassVar[bool] = True


class Now:
    """The phase, as the test says."""

    def __init__(self, phase: Phase | None = "during") -> None:
        self.phase = phase
        self.since = clock.now() - 1000


async def _sample(read: Callable[[], Reading], now: Now, seconds: float = 0.05, **changes: object) -> list[Sample]:
    READINGS["value"] = read
    long = dict.fromkeys(("baseline", "duration", "recovery"), "1h")
    claim = experiment(hypotheses=[hypothesis(**changes)], **long).hypotheses[0]
    written: list[Record] = []

    sampler = Sampler(claim, ProbeContext(), now, written.append, lambda *_: None)
    task = asyncio.create_task(sampler.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [record for record in written if isinstance(record, Sample)]


def _raise(error: Exception) -> Reading:
    raise error


@pytest.mark.parametrize(
    ("read", "value", "why"),
    [
        (lambda: Reading(3.0, events=7.0), 3.0, ""),
        (lambda: Reading(None, "empty"), None, "empty"),
        (lambda: Reading(math.nan), None, "not a number, as 0 divided by 0 is"),
        (lambda: Reading(math.inf), 1.7976931348623157e308, ""),
        (lambda: _raise(ProbeError("away")), None, "away"),
        (lambda: _raise(KeyError("x")), None, "the probe failed: KeyError: 'x'"),
    ],
)
async def test_whatever_a_probe_does_is_a_reading(read: Callable[[], Reading], value: float | None, why: str) -> None:
    samples = await _sample(read, Now())
    assert samples
    assert {(sample.value, sample.why) for sample in samples} == {(value, why)}


async def test_a_phase_that_the_hypothesis_does_not_name_is_not_measured() -> None:
    assert await _sample(lambda: Reading(1), Now("during"), when=["recovery"]) == []
    assert await _sample(lambda: Reading(1), Now(None)) == []


async def test_samples_right_after_a_change_of_phase_are_marked() -> None:
    now = Now()
    now.since = clock.now()
    assert all(sample.settling for sample in await _sample(lambda: Reading(1), now, settle="600s"))
    assert not any(sample.settling for sample in await _sample(lambda: Reading(1), Now(), settle="600s"))


@pytest.mark.parametrize(("looks_back", "stops"), [(True, 1), (False, 0)])
async def test_a_stop_condition_that_looks_back_does_not_wait_until_it_has_settled(
    looks_back: bool, stops: int
) -> None:
    # What is bad although calm still dilutes it is bad; of what does not look back the file says: it does not count.
    now = Now()
    now.since = clock.now()
    READINGS["value"] = lambda: Reading(99)
    long = dict.fromkeys(("baseline", "duration", "recovery"), "1h")
    claim = experiment(hypotheses=[hypothesis(settle="600s", stop="> 50")], **long).hypotheses[0]
    if looks_back:
        claim = replace(claim, probe=LooksBack(key="value"))
    said: list[str] = []

    sampler = Sampler(claim, ProbeContext(), now, lambda _: None, lambda cause, *_: said.append(cause))
    task = asyncio.create_task(sampler.run())
    await asyncio.sleep(0.03)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(set(said)) == stops


async def test_a_new_phase_is_measured_at_once_and_when_it_has_settled() -> None:
    now, reads = Now(), list[float]()

    def read() -> Reading:
        reads.append(clock.now())
        return Reading(1)

    READINGS["value"] = read
    long = dict.fromkeys(("baseline", "duration", "recovery"), "3h")
    claim = experiment(hypotheses=[hypothesis(settle="0.05s", every="1h")], **long).hypotheses[0]
    written: list[Record] = []

    sampler = Sampler(claim, ProbeContext(), now, written.append, lambda *_: None)
    task = asyncio.create_task(sampler.run())
    await asyncio.sleep(0.02)
    now.phase, now.since = "recovery", clock.now()
    sampler.look()
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    told = [(record.phase, record.settling) for record in written if isinstance(record, Sample)]
    assert told == [("during", False), ("recovery", True), ("recovery", False)]


class Hangs(ProbeSpec):
    """A service that takes connections and answers nobody; what is open is counted."""

    kind: ClassVar[str] = "hangs"
    scalar: ClassVar[str] = "key"
    at_once: ClassVar[int] = 3
    open_now: ClassVar[list[int]] = [0]
    key: str = ""

    @property
    def asks_service(self) -> bool:
        return True

    @property
    def waits(self) -> Waits:
        return "value"

    def open(self, context: ProbeContext) -> Probe:
        return _Hangs()


class _Hangs:
    async def measure(self, window: float) -> Reading:
        Hangs.open_now.append(Hangs.open_now[-1] + 1)
        try:
            await asyncio.Event().wait()
        finally:
            Hangs.open_now.append(Hangs.open_now[-1] - 1)
        raise AssertionError("nobody sets it")

    async def close(self) -> None:
        """Nothing to give back."""


async def _across(probe: ProbeSpec, *phases: Phase | None, due: int = 6, **changes: object) -> list[Sample]:
    """Measures in each phase for as long as it takes until so many more are due, then goes on to the next one."""
    long = dict.fromkeys(("baseline", "duration", "recovery"), "1h")
    claim = replace(experiment(hypotheses=[hypothesis(**changes)], **long).hypotheses[0], probe=probe)
    written: list[Record] = []
    now = Now(None)

    sampler = Sampler(claim, ProbeContext(), now, written.append, lambda *_: None)
    task = asyncio.create_task(sampler.run())
    for phase in phases:
        now.phase, now.since = phase, clock.now()
        sampler.look()
        await asyncio.sleep(claim.terms.every * due)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [record for record in written if isinstance(record, Sample)]


async def test_what_hangs_until_the_fault_ends_is_of_the_phase_it_began_in_and_has_waited() -> None:
    Hangs.open_now = [0]
    samples = await _across(Hangs(), "during", None, "recovery", None, every="0.02s", timeout="60s")
    under = [sample for sample in samples if sample.phase == "during"]
    assert len(under) >= 5, "three under way, and those that fell due meanwhile"
    assert max(Hangs.open_now) == 3
    assert {(sample.value, sample.failure) for sample in samples} == {(None, "timeout")}
    waits = [sample.waited or 0.0 for sample in under]
    assert min(waits) >= 0.02, "what began just before the end was not due any more"
    assert len({round(wait, 3) for wait in waits}) > 3, "each has a wait of its own"
    assert all(sample.took == sample.waited for sample in under)
    assert {sample.phase for sample in samples} == {"during", "recovery"}


async def test_a_measurement_that_is_answered_late_stands_for_those_that_fell_due_meanwhile() -> None:
    class Slow(ScriptedProbe):
        def open(self, context: ProbeContext) -> Probe:
            return _Slow()

    class _Slow:
        async def measure(self, window: float) -> Reading:
            await asyncio.sleep(0.05)
            return Reading(7.0)

        async def close(self) -> None:
            """Nothing to give back."""

    samples = await _across(Slow(key="value"), "during", None, every="0.01s", due=30)
    assert len(samples) >= 20
    assert {sample.value for sample in samples} == {7.0}


async def test_a_refusal_is_kept_with_its_kind_by_a_probe_that_asks_the_service() -> None:
    class Refused(Hangs):
        def open(self, context: ProbeContext) -> Probe:
            return _Refused()

    class _Refused:
        async def measure(self, window: float) -> Reading:
            raise NoAnswerError("refused", "the connection was refused")

        async def close(self) -> None:
            """Nothing to give back."""

    class Elsewhere(Refused):
        @property
        def asks_service(self) -> bool:
            return False

    kept = await _across(Refused(), "during", None, every="0.01s")
    assert {(sample.value, sample.failure, sample.why) for sample in kept} == {
        (None, "refused", "the connection was refused")
    }
    assert {sample.failure for sample in await _across(Elsewhere(), "during", None, every="0.01s")} == {""}


async def test_what_is_claimed_of_the_recovery_only_is_measured_once_before() -> None:
    READINGS["value"] = lambda: Reading(1.0)
    samples = await _across(
        ScriptedProbe(key="value"), "baseline", None, "during", None, "recovery", None, when=["recovery"]
    )
    assert [sample.phase for sample in samples].count("baseline") == 1
    assert not [sample for sample in samples if sample.phase == "during"]
    assert [sample for sample in samples if sample.phase == "recovery"]


async def test_a_stop_condition_does_not_wait_for_the_answer_that_it_is_about() -> None:
    long = dict.fromkeys(("baseline", "duration", "recovery"), "1h")
    claims = [hypothesis(expect="< 0.03", stop=True, every="0.01s", timeout="60s")]
    claim = replace(experiment(hypotheses=claims, **long).hypotheses[0], probe=Hangs())
    said: list[tuple[str, Reason]] = []
    met = asyncio.Event()

    def halt(cause: str, reason: Reason, at: float) -> None:
        said.append((cause, reason))
        met.set()

    sampler = Sampler(claim, ProbeContext(), Now(), lambda _: None, halt)
    task = asyncio.create_task(sampler.run())
    async with asyncio.timeout(20):
        await met.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert {(cause, reason.code) for cause, reason in said} == {("condition", "stop-met")}
    assert said[0][1].value("value") > 0.03


async def test_a_stop_condition_waits_for_an_answer_that_may_be_good_however_late_it_is() -> None:
    class Late(ScriptedProbe):
        at_once = 50

        @property
        def asks_service(self) -> bool:
            return True

        @property
        def waits(self) -> Waits:
            return "bad"

        def open(self, surroundings: ProbeContext) -> Probe:
            return _Late()

    class _Late:
        async def measure(self, window: float) -> Reading:
            await asyncio.sleep(0.6)  # longer than what a busy machine is forgiven
            return Reading(1.0)

        async def close(self) -> None:
            """Nothing to give back."""

    long = dict.fromkeys(("baseline", "duration", "recovery"), "1h")
    claim = experiment(hypotheses=[hypothesis(expect="== 1", stop=True, every="0.05s", timeout="60s")], **long)
    late = replace(claim.hypotheses[0], probe=Late(key="late"))
    said: list[tuple[str, Reason]] = []
    written: list[Record] = []

    now = Now("baseline")
    sampler = Sampler(late, ProbeContext(), now, written.append, lambda cause, reason, at: said.append((cause, reason)))
    sampler.put("baseline", Reading(1.0), 0.01, settling=False)
    now.phase, now.since = "during", clock.now()
    task = asyncio.create_task(sampler.run())
    async with asyncio.timeout(20):
        while not [record for record in written if isinstance(record, Sample) and record.phase == "during"]:
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert said == []


def _times(schedule: Schedule, count: int, now: float) -> list[tuple[float, bool]]:
    return [schedule.next(now) for _ in range(count)]


def test_a_schedule_counts_from_where_it_has_settled() -> None:
    assert _times(Schedule(100.0, 0.0, 2.0), 3, 100.0) == [(100.0, False), (102.0, False), (104.0, False)]
    assert _times(Schedule(100.0, 3.0, 2.0), 4, 100.0) == [
        (100.0, True), (102.0, True), (103.0, False), (105.0, False)
    ]  # fmt: skip


def test_a_schedule_catches_up_with_a_busy_machine_and_leaves_out_what_it_slept_through() -> None:
    busy = Schedule(100.0, 0.0, 0.1)
    assert [round(due, 1) for due, _ in _times(busy, 3, 100.9)] == [100.0, 100.1, 100.2]
    slept = Schedule(100.0, 0.0, 0.1)
    slept.next(100.0)
    assert 108.9 <= slept.next(110.0)[0] <= 109.1
    assert Schedule(100.0, 5.0, 10.0).next(200.0) == (195.0, False), "it has settled long ago"


async def test_an_answer_after_the_end_of_its_phase_is_none_of_it() -> None:
    # The fault may be in place before the sampler has its next turn.
    claim, now, written = experiment(hypotheses=[hypothesis()]).hypotheses[0], Now("baseline"), list[Record]()
    now.since, asked = clock.now(), asyncio.Event()
    answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    class Late(ScriptedProbe):
        def open(self, surroundings: ProbeContext) -> Probe:
            return _Late()

    class _Late:
        async def measure(self, window: float) -> Reading:
            asked.set()
            return Reading(await answer)

        async def close(self) -> None:
            """Nothing to give back."""

    sampler = Sampler(replace(claim, probe=Late(key="")), ProbeContext(), now, written.append, lambda *_: None)
    task = asyncio.create_task(sampler.run())
    await asked.wait()
    answer.set_result(99.0)
    now.phase = None
    sampler.look()
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert written == []
