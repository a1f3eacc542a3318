"""What `--dry-run` shows, and that nothing is touched for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from brownout_controller.engine.dry_run import CurrentReading, DryRun, dry_run
from brownout_controller.engine.planning import Setup
from brownout_controller.model.environment import Environment
from brownout_controller.model.probe import ProbeError, Reading
from brownout_controller.model.secrets import Masker
from brownout_core.experiment_terms import PHASES
from tests.controller.engine.test_planning import of_hypotheses
from tests.support.builders.runs import experiment, hypothesis
from tests.support.fakes.backends import FailingBackend
from tests.support.fakes.probes import READINGS, ScriptedProbe


async def looked(setup: Setup, *, measure: bool = True) -> DryRun:
    return await dry_run(setup, measure=measure)


def setup(backend: FailingBackend) -> Setup:
    masker = Masker(["hunter2"])
    return Setup(experiment(), Environment(backend="memory"), "test", backend, 7, "", masker)


async def test_a_plan_with_what_is_read_now(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = FailingBackend()
    monkeypatch.setitem(READINGS, "value", lambda: Reading(2.5))
    outlook = await looked(setup(backend))
    assert ([target.id for target in outlook.targets], outlook.lease, outlook.duration) == (["db"], 1.0, 0.3)
    assert outlook.readings == [CurrentReading("value is low", "< 10", 2.5, "", True, PHASES)]
    assert (await looked(setup(backend), measure=False)).readings == []
    assert backend.asked == []


async def test_what_cannot_be_read_says_why_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Reading:
        raise ProbeError("hunter2 was refused")

    monkeypatch.setitem(READINGS, "value", fail)
    (now,) = (await looked(setup(FailingBackend()))).readings
    assert (now.value, now.why) == (None, "*** was refused")


@pytest.mark.parametrize("later", [False, True])
async def test_what_people_wrote_comes_out_without_secrets(monkeypatch: pytest.MonkeyPatch, later: bool) -> None:
    monkeypatch.setitem(READINGS, "value", lambda: Reading(1.0))
    monkeypatch.setattr(ScriptedProbe, "only_in_runs", later)
    load = {"url": "http://127.0.0.1:9/hunter2", "rate": 500}
    claims = [hypothesis(name="hunter2 is low")]
    told = experiment(name="try hunter2", edge="hunter2 -> db", traffic=load, hypotheses=claims)
    outlook = await looked(replace(setup(FailingBackend({})), experiment=told))
    assert (outlook.name, outlook.edges) == ("try ***", ["*** -> db"])
    assert [(now.hypothesis, now.later) for now in outlook.readings] == [("*** is low", later)]
    assert "*** -> db" in outlook.refused[0].reason
    assert "hunter2" not in repr(outlook)


async def test_targets_that_cannot_be_asked_are_a_trouble_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from brownout_controller.backends.base import BackendError

    class Away(FailingBackend):
        async def targets(self, edge: str):  # type: ignore[no-untyped-def]
            raise BackendError("away")

    monkeypatch.setitem(READINGS, "value", lambda: Reading(1.0))
    outlook = await looked(setup(Away()))
    assert (outlook.trouble, outlook.targets, len(outlook.readings)) == ("away", [], 1)


async def test_a_stranger_s_command_is_not_run_for_a_plan_either(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    wanted = of_hypotheses(f"command: touch {touched}", allowed=frozenset())
    outlook = await looked(wanted)
    assert outlook.refused
    assert outlook.readings == []
    assert not touched.exists()
    await looked(replace(wanted, allowed_commands=None))
    assert touched.exists()
