"""Runs of the history become what the catalogue learns from."""

from __future__ import annotations

from datetime import timedelta

from brownout_controller.cli.past_trials import past_trials
from tests.controller.model.test_run_summary import STARTED, past_run
from tests.support.builders.architectures import fault


def test_runs_of_the_history_come_with_their_faults_and_environments() -> None:
    played = ('{"latency": {"delay": "3s"}}', '{"cut": "***"}')
    run = past_run(faults=("latency", "cut"), played=played, environment="staging")
    (slow, cut) = past_trials([run], STARTED + timedelta(days=2))
    assert slow == (run.edge, "latency", fault(latency="3s"), "passed", 2, run.run, "staging")
    assert (cut.kind, cut.fault) == ("cut", None)
    assert list(past_trials([past_run(finding="nothing")], STARTED)) == []
