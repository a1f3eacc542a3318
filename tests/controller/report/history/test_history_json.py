"""The history as JSON: keys that stay, and no value that JSON does not have."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import review
from brownout_controller.report.history.history_json import render
from tests.controller.model.test_run_summary import STARTED, past_run

NOW = datetime(2027, 6, 1, tzinfo=UTC)


def _told(*runs: RunSummary) -> Any:
    def constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(render(review(runs, None, NOW), ["x: is no journal"]), parse_constant=constant)


def test_the_keys_stay_as_they_are() -> None:
    report = _told(past_run())
    assert list(report) == [
        "runs", "quarters", "regressions", "fixed", "changed", "recovery", "expired",
        "expires_after_seconds", "warnings", "left_out",
    ]  # fmt: skip
    assert list(report["runs"][0]) == [
        "run", "directory", "experiment", "edge", "environment", "faults", "started", "duration_seconds", "state",
        "verdict", "exit", "conclusive", "finding", "reason", "recovery_seconds", "unrecovered", "stopping_seconds",
        "seed", "version", "source", "fingerprint",
    ]  # fmt: skip


def test_a_regression_names_both_runs() -> None:
    runs = [
        past_run(run="a"),
        past_run(run="b", started=STARTED.replace(day=25), finding="broke", verdict="refuted", reason="why"),
        past_run(run="c", started=STARTED.replace(day=26)),
    ]
    report = _told(*runs)
    (caught,) = report["regressions"]
    assert (caught["before"], caught["now"], caught["ended_by"], caught["reason"]) == ("a", "b", "c", "why")
    assert [turn["now"] for turn in report["fixed"]] == ["c"]
    assert report["quarters"][0] == {
        "quarter": "2026-Q4", "runs": 3, "states": {"passed": 2, "refuted": 1}, "held": 2, "broke": 1,
        "pass_rate": 2 / 3, "regressions": 1, "fixed": 1,
    }  # fmt: skip
    assert report["expired"][0]["last_run"] == "c"


def test_a_run_without_an_end_has_no_verdict() -> None:
    (run,) = _told(past_run(ended=False, verdict="inconclusive", running=True))["runs"]
    assert (run["state"], run["verdict"], run["exit"], run["finding"]) == ("running", None, None, "nothing")


def test_a_recovery_that_did_not_come_is_null() -> None:
    report = _told(past_run(), past_run(run="b", started=STARTED.replace(year=2027), recovery=None, unrecovered=True))
    (course,) = report["recovery"]
    assert course["change_seconds"] is None
    assert [item["median_seconds"] for item in course["quarters"]] == [2.0, None]
    assert course["quarters"][1]["unrecovered"] == 1


def test_an_empty_history_has_every_key() -> None:
    assert _told()["runs"] == []
    assert _told()["warnings"] == ["x: is no journal"]
