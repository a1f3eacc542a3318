"""The counters of several targets as one."""

from __future__ import annotations

import pytest

from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.engine.target_counters import TargetCounters
from brownout_controller.model.probe import ProbeError
from tests.support.builders.runs import experiment
from tests.support.fakes.backends import EDGE, FailingBackend

pytestmark = pytest.mark.virtual_time


async def test_the_counters_are_those_of_all_targets_together() -> None:
    clock = [0.0]
    backend = MemoryBackend({EDGE: ["a", "b"]}, now=lambda: clock[0])
    targets = await backend.targets(EDGE)
    for target in targets:
        await backend.inject(target, experiment().faults, "run", 60.0)
    clock[0] = 2.0
    one, both = (
        await TargetCounters(backend, targets[:1], "run").read(),
        await TargetCounters(backend, targets, "run").read(),
    )
    assert (one.connections, both.connections) == (20, 40)
    assert (one.hits, both.hits) == ({"latency_downstream": 20}, {"latency_downstream": 40})
    assert both.bytes_up == 2 * one.bytes_up > 0


async def test_a_target_that_cannot_be_asked_is_no_data() -> None:
    backend = FailingBackend()
    backend.fails.add("counts")
    with pytest.raises(ProbeError, match="counts failed"):
        await TargetCounters(backend, await backend.targets(EDGE), "run").read()
