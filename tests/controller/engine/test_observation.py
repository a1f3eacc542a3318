"""What is measured beside a run, and that nothing of it goes on afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from brownout_controller import clock
from brownout_controller.engine.observation import Observation
from brownout_controller.engine.planning import Setup
from brownout_controller.model.environment import Environment
from brownout_controller.model.journal import Counted, Record, Sample
from brownout_controller.model.probe import Reading
from brownout_core.experiment_terms import Phase
from tests.support.builders.runs import experiment, hypothesis
from tests.support.fakes.backends import EDGE, FailingBackend
from tests.support.fakes.probes import READINGS

pytestmark = pytest.mark.virtual_time


class Position:
    """Where the run is, as the test says."""

    def __init__(self) -> None:
        self.phase: Phase | None = "during"
        self.since = clock.now()


class Scene:
    """An observation of one experiment, what it wrote, and why it ended the run."""

    def __init__(self, **changes: object) -> None:
        self.backend, self.written, self.halts = FailingBackend(), list[Record](), list[tuple[Any, ...]]()
        self.position = Position()
        setup = Setup(experiment(**changes), Environment(backend="memory"), "test", self.backend, 7, "")
        halt = lambda *why: self.halts.append(why)  # noqa: E731
        self.observation = Observation(setup, "run-1", self.position, self.written.append, halt)

    def kinds(self) -> set[type[Record]]:
        return {type(record) for record in self.written}


async def test_targets_and_hypotheses_are_measured_until_it_is_left() -> None:
    READINGS["value"] = lambda: Reading(1.0)
    scene = Scene()
    async with scene.observation.of(await scene.backend.targets(EDGE)):
        await asyncio.sleep(2)
    assert {Counted, Sample} <= scene.kinds()
    assert len(asyncio.all_tasks()) == 1, "nothing goes on"
    assert scene.halts == []


async def test_a_fault_that_is_gone_ends_the_run() -> None:
    READINGS["value"] = lambda: Reading(1.0)
    scene = Scene()
    targets = await scene.backend.targets(EDGE)
    async with scene.observation.of(targets):
        scene.observation.watch.expect(targets[0], ["slow.run-1"])
        await asyncio.sleep(2)
    assert {halt[0] for halt in scene.halts} == {"lapsed"}


async def test_a_stop_condition_ends_the_run_with_its_reason() -> None:
    READINGS["value"] = lambda: Reading(99.0)
    scene = Scene(hypotheses=[hypothesis(stop="> 90")])
    async with scene.observation.of(await scene.backend.targets(EDGE)):
        await asyncio.sleep(1)
    (cause, _, _, reason), *_ = scene.halts
    assert (cause, reason.hypothesis) == ("condition", "value is low")


async def test_the_next_phase_is_looked_at_at_once() -> None:
    READINGS["value"] = lambda: Reading(1.0)
    scene = Scene()
    scene.position.phase = None
    async with scene.observation.of(await scene.backend.targets(EDGE)):
        await asyncio.sleep(1)
        assert Sample not in scene.kinds()
        scene.position.phase = "during"
        scene.observation.phase_changed()
        await asyncio.sleep(0.1)
    assert Sample in scene.kinds()
