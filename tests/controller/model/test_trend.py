"""What many runs say together: turns, quarters, recovery times, results that expire."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import (
    Quarter,
    expired,
    quarter_of,
    quarter_stats,
    recovery_trends,
    review,
    transitions,
    without_gaps,
)
from tests.controller.model.test_run_summary import STARTED, past_run

DAY = timedelta(days=1)


def _runs(findings: str, **changes: Any) -> list[RunSummary]:
    """A run a day: h held, b broke, n concluded nothing, u was cut off."""
    named = {
        "h": ("passed", "held"),
        "b": ("refuted", "broke"),
        "n": ("inconclusive", "nothing"),
        "u": ("passed", "held"),
    }
    return [
        past_run(**{"run": f"r{n}", "started": STARTED + n * DAY, "verdict": named[letter][0],
                    "finding": named[letter][1], "ended": letter != "u", **changes})
        for n, letter in enumerate(findings)
    ]  # fmt: skip


def _told(runs: Sequence[RunSummary]) -> list[tuple[str, str, str, str | None]]:
    return [
        (turn.kind, turn.before.run, turn.now.run, turn.ended.run if turn.ended else None) for turn in transitions(runs)
    ]


@pytest.mark.parametrize(
    ("findings", "told"),
    [
        ("", []),
        ("h", []),
        ("b", []),
        ("hh", []),
        ("hb", [("regression", "r0", "r1", None)]),
        ("hbbb", [("regression", "r0", "r1", None)]),
        ("bh", [("fixed", "r0", "r1", None)]),
        ("hbh", [("regression", "r0", "r1", "r2"), ("fixed", "r1", "r2", None)]),
        ("hnub", [("regression", "r0", "r3", None)]),
        ("nb", []),
        ("ub", []),
        ("hbbhb", [("regression", "r0", "r1", "r3"), ("fixed", "r2", "r3", None), ("regression", "r3", "r4", None)]),
    ],
)
def test_a_regression_is_a_test_that_held_the_time_before_and_broke(
    findings: str, told: list[tuple[str, str, str, str | None]]
) -> None:
    runs = _runs(findings)
    assert _told(runs) == told
    assert _told(list(reversed(runs))) == told


@pytest.mark.parametrize("other", [{"environment": "staging"}, {"experiment": "another"}])
def test_other_experiments_and_environments_are_not_compared(other: dict[str, Any]) -> None:
    assert _told([*_runs("h"), *_runs("nb", **other)]) == []


def test_a_changed_experiment_that_breaks_is_no_regression() -> None:
    assert _told([*_runs("h"), *_runs("nb", fingerprint="g")]) == [("changed", "r0", "r1", None)]
    assert _told([*_runs("b"), *_runs("nb", fingerprint="g")]) == []
    assert _told([*_runs("h"), *_runs("nh", fingerprint="g")]) == []


def test_a_changed_experiment_in_between_does_not_hide_a_regression() -> None:
    first, _, last = _runs("hnb")
    between = _runs("nh", fingerprint="g")[1]
    assert _told([first, between, last]) == [("regression", "r0", "r2", None)]


@pytest.mark.parametrize(
    ("moment", "quarter"),
    [
        ("2026-01-01T00:00:00+00:00", "2026-Q1"),
        ("2026-03-31T23:59:59.999+00:00", "2026-Q1"),
        ("2026-04-01T00:00:00+00:00", "2026-Q2"),
        ("2026-06-30T23:59:59+00:00", "2026-Q2"),
        ("2026-07-01T00:00:00+00:00", "2026-Q3"),
        ("2026-09-30T23:59:59+00:00", "2026-Q3"),
        ("2026-10-01T00:00:00+00:00", "2026-Q4"),
        ("2026-12-31T23:59:59+00:00", "2026-Q4"),
    ],
)
def test_a_quarter_begins_with_its_first_second_in_utc(moment: str, quarter: str) -> None:
    assert str(quarter_of(datetime.fromisoformat(moment))) == quarter


def test_quarters_without_runs_are_told_but_not_for_years() -> None:
    first, last = Quarter(2025, 3), Quarter(2026, 2)
    assert list(map(str, without_gaps([first, last]))) == ["2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2"]
    assert list(without_gaps([Quarter(1970, 1), last])) == [Quarter(1970, 1), last]
    assert list(without_gaps([])) == []


def test_a_season_counts_runs_by_state_and_turns_by_when_they_were_seen() -> None:
    begin = datetime(2026, 9, 30, tzinfo=UTC)
    runs = [past_run(run=f"r{n}", started=begin + n * DAY, verdict=verdict, finding=finding, ended=ended)
            for n, (verdict, finding, ended) in enumerate([
                ("passed", "held", True), ("refuted", "broke", True), ("stopped", "broke", True),
                ("stopped", "nothing", True), ("inconclusive", "nothing", False), ("passed", "held", True),
            ])]  # fmt: skip
    third, fourth = quarter_stats(runs, transitions(runs))
    assert (third.runs, third.states, third.pass_rate, third.regressions) == (1, {"passed": 1}, 1.0, 0)
    assert fourth.states == {"refuted": 1, "stopped": 2, "unfinished": 1, "passed": 1}
    assert (fourth.runs, fourth.held, fourth.broke, fourth.regressions, fourth.fixed) == (5, 1, 2, 1, 1)
    assert fourth.pass_rate == pytest.approx(1 / 3)


def test_a_season_without_a_conclusion_has_no_rate() -> None:
    runs = _runs("n")
    assert quarter_stats(runs, [])[0].pass_rate is None


def _times(*times: float | None, **changes: Any) -> list[RunSummary]:
    """A run a quarter; None did not recover."""
    return [
        past_run(run=f"r{n}", started=datetime(2026, 1 + 3 * n, 1, tzinfo=UTC), recovery=time, unrecovered=time is None,
                 **changes)
        for n, time in enumerate(times)
    ]  # fmt: skip


def test_the_recovery_time_of_a_quarter_is_the_median_of_its_runs() -> None:
    (course,) = recovery_trends([*_times(2.0, 3.0), *_times(4.0, 9.0), *_times(3.0, 4.0)])
    assert [(str(item.quarter), item.median, item.runs) for item in course.quarters] == [
        ("2026-Q1", 3.0, 3), ("2026-Q2", 4.0, 3),
    ]  # fmt: skip
    assert course.change == 1.0


def test_a_run_that_did_not_recover_took_longer_than_any() -> None:
    (course,) = recovery_trends([*_times(2.0, 3.0), *_times(None, None), *_times(4.0, None)])
    assert [(item.median, item.unrecovered) for item in course.quarters] == [(4.0, 1), (math.inf, 2)]
    assert course.change == math.inf


def test_one_quarter_is_no_trend_and_two_without_recovery_are_no_change() -> None:
    assert recovery_trends(_times(2.0))[0].change is None
    assert recovery_trends(_times(None, None))[0].change == 0


def test_recoveries_that_were_not_measured_or_concluded_nothing_have_no_course() -> None:
    assert recovery_trends([past_run(recovery=None)]) == []
    assert recovery_trends(_times(2.0, finding="nothing")) == []


def test_each_environment_has_a_course_of_its_own() -> None:
    both = recovery_trends([*_times(2.0, environment="staging"), *_times(4.0), *_times(6.0)])
    assert [(course.environment, course.quarters[0].median) for course in both] == [("local", 5.0), ("staging", 2.0)]


def test_an_experiment_without_a_conclusive_run_for_long_has_expired() -> None:
    runs = _runs("hn")
    assert expired(runs, STARTED + 90 * DAY) == []
    assert expired(runs, STARTED + 90 * DAY + timedelta(seconds=1)) == [(runs[0], True)]
    assert expired(runs, STARTED + 3 * DAY, DAY) == [(runs[0], True)]


def test_an_experiment_that_never_concluded_anything_has_expired_from_the_beginning() -> None:
    runs = _runs("nnu")
    assert expired(runs, STARTED) == [(runs[2], False)]


def test_a_review_of_a_time_compares_with_what_was_before_it() -> None:
    runs = _runs("hhbh")
    told = review(runs, STARTED + 2 * DAY, STARTED + 200 * DAY)
    assert [run.run for run in told.runs] == ["r2", "r3"]
    assert [turn.now.run for turn in told.of_kind("regression")] == ["r2"]
    assert told.quarter_stats[0].runs == 2
    assert [run.run for run, _ in told.expired] == ["r3"]
    assert len(review(runs, None, STARTED).runs) == 4


def test_ad_hoc_faults_have_no_result_that_could_expire() -> None:
    faults = past_run(verdict="done", finding="nothing", claims=False)
    assert expired([faults], STARTED + timedelta(days=900)) == []
    assert expired([replace(faults, claims=True)], STARTED) != []
