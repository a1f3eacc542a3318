"""One hypothesis, measured: whatever the probe does is a reading, and only what settled and is in its phase counts."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest

from brownout_controller.engine.sampling import Sampler
from brownout_controller.model.journal import Record, Sample
from brownout_controller.model.lifecycle import Phase
from brownout_controller.model.probe import ProbeError, Reading, Surroundings
from tests.controller.engine.ground import TOLD, Told, experiment, hypothesis


class LooksBack(Told):
    """Its window reaches across a change of phase."""

    looks_back: ClassVar[bool] = True


class Now:
    """The phase, as the test says."""

    def __init__(self, phase: Phase | None = "during") -> None:
        self.phase = phase
        self.since = time.monotonic() - 1000


def _sample(read: Callable[[], Reading], now: Now, seconds: float = 0.05, **changes: object) -> list[Sample]:
    TOLD["value"] = read
    long = dict.fromkeys(("baseline", "duration", "recovery"), "1h")
    claim = experiment(hypotheses=[hypothesis(**changes)], **long).hypotheses[0]
    written: list[Record] = []

    async def main() -> None:
        sampler = Sampler(claim, Surroundings(), now, written.append, lambda *_: None)
        task = asyncio.create_task(sampler.run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
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
def test_whatever_a_probe_does_is_a_reading(read: Callable[[], Reading], value: float | None, why: str) -> None:
    samples = _sample(read, Now())
    assert samples
    assert {(sample.value, sample.why) for sample in samples} == {(value, why)}


def test_a_phase_that_the_hypothesis_does_not_name_is_not_measured() -> None:
    assert _sample(lambda: Reading(1), Now("during"), when=["recovery"]) == []
    assert _sample(lambda: Reading(1), Now(None)) == []


def test_samples_right_after_a_change_of_phase_are_marked() -> None:
    now = Now()
    now.since = time.monotonic()
    assert all(sample.settling for sample in _sample(lambda: Reading(1), now, settle="600s"))
    assert not any(sample.settling for sample in _sample(lambda: Reading(1), Now(), settle="600s"))


@pytest.mark.parametrize(("looks_back", "stops"), [(True, 1), (False, 0)])
def test_a_stop_condition_that_looks_back_does_not_wait_until_it_has_settled(looks_back: bool, stops: int) -> None:
    # What is bad although calm still dilutes it is bad; of what does not look back the file says: it does not count.
    now = Now()
    now.since = time.monotonic()
    TOLD["value"] = lambda: Reading(99)
    long = dict.fromkeys(("baseline", "duration", "recovery"), "1h")
    claim = experiment(hypotheses=[hypothesis(settle="600s", stop="> 50")], **long).hypotheses[0]
    if looks_back:
        claim = replace(claim, probe=LooksBack(key="value"))
    said: list[str] = []

    async def main() -> None:
        sampler = Sampler(claim, Surroundings(), now, lambda _: None, lambda cause, *_: said.append(cause))
        task = asyncio.create_task(sampler.run())
        await asyncio.sleep(0.03)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert len(set(said)) == stops


def test_a_new_phase_is_measured_at_once_and_when_it_has_settled() -> None:
    now, reads = Now(), list[float]()

    def read() -> Reading:
        reads.append(time.monotonic())
        return Reading(1)

    TOLD["value"] = read
    long = dict.fromkeys(("baseline", "duration", "recovery"), "3h")
    claim = experiment(hypotheses=[hypothesis(settle="0.05s", every="1h")], **long).hypotheses[0]
    written: list[Record] = []

    async def main() -> None:
        sampler = Sampler(claim, Surroundings(), now, written.append, lambda *_: None)
        task = asyncio.create_task(sampler.run())
        await asyncio.sleep(0.02)
        now.phase, now.since = "recovery", time.monotonic()
        sampler.look()
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    told = [(record.phase, record.settling) for record in written if isinstance(record, Sample)]
    assert told == [("during", False), ("recovery", True), ("recovery", False)]


def test_a_measurement_across_a_change_of_phase_belongs_to_neither() -> None:
    now = Now()

    def read() -> Reading:
        now.phase = "recovery" if now.phase == "during" else "during"
        return Reading(1)

    assert _sample(read, now) == []


def test_what_is_slower_than_its_interval_is_left_out_and_not_caught_up_with() -> None:
    def slow() -> Reading:
        time.sleep(0.03)
        return Reading(1)

    samples = _sample(slow, Now(), seconds=0.2, every="0.001s")
    assert 1 <= len(samples) <= 8
