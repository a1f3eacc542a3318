"""The first records of a journal say what is run, and how to undo it."""

from __future__ import annotations

from brownout_controller.backends.base import Target
from brownout_controller.engine.planning import Planned, Setup
from brownout_controller.engine.run_records import plan_record, run_record
from brownout_controller.model.environment import Environment
from tests.support.builders.runs import experiment
from tests.support.fakes.backends import FailingBackend


def setup(**changes: object) -> Setup:
    return Setup(
        experiment(**changes), Environment(backend="memory"), "test", FailingBackend(), 7, "again", part_of="margin-1"
    )


def test_a_run_says_how_long_each_of_its_states_lasts() -> None:
    record = run_record(setup(), "run-1")
    assert record.lasting == {"baseline": 0.1, "observing": 0.3, "recovering": 0.1}
    assert (record.run_id, record.seed, record.replay, record.part_of) == ("run-1", 7, "again", "margin-1")
    assert record.environment["name"] == "test"


def test_a_plan_has_its_targets_the_faults_named_after_the_run_and_what_undoes_them() -> None:
    targets = [Target("one", "p", "h:1"), Target("two", "p", "h:2")]
    record = plan_record(setup(), Planned(targets, targets[:1], []), "run-1")
    assert [target["id"] for target in record.targets] == ["one"]
    assert record.faults == ["latency_downstream.run-1"]
    assert len(record.undo) == 1
    assert "lapses after 1 s" in record.undo[0]
