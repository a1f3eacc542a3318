"""What a run would do: the same targets for the same seed, and every reason why not."""

from __future__ import annotations

import asyncio

from brownout_controller.engine.planning import Planned, Setup, plan
from brownout_controller.model.environment import Environment
from tests.controller.engine.ground import EDGE, Unruly, experiment


def _plan(backend: Unruly, seed: int = 7, **changes: object) -> Planned:
    setup = Setup(experiment(**changes), Environment(backend="memory"), "test", backend, seed, "")
    return asyncio.run(plan(setup))


def test_targets_are_chosen_by_the_seed_and_nothing_is_touched() -> None:
    backend = Unruly({EDGE: ["a", "b", "c"]})
    planned = _plan(backend)
    assert [target.id for target in planned.found] == ["a", "b", "c"]
    assert len(planned.chosen) == 1
    assert planned.chosen == _plan(backend).chosen
    assert len({_plan(backend, seed).chosen[0].id for seed in range(20)}) > 1
    assert planned.refused == []
    assert backend.asked == []


def test_every_reason_why_not_is_told() -> None:
    assert [refusal.net for refusal in _plan(Unruly({})).refused] == ["zero-targets"]
    few = _plan(Unruly(), blast_radius={"mode": "fixed-percent", "value": 10})
    assert [refusal.net for refusal in few.refused] == ["zero-targets"]
    assert "blast_radius chooses none" in few.refused[0].reason
