"""The history for people: what it says, how wide it is, and that a reader is told what is not shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import review
from brownout_controller.report.history.history_text import change_text, days, nothing, rate_text, render, short_names
from brownout_core.terminal import columns
from brownout_core.verdict import Verdict
from tests.controller.model.test_run_summary import past_run

BEGIN = datetime(2026, 8, 1, 9, tzinfo=UTC)


def _runs(findings: str, **changes: object) -> list[RunSummary]:
    """A run every ten days; h held, b broke, n not reverted, u cut off."""
    verdicts = {"h": "passed", "b": "refuted", "n": "not-reverted", "u": "inconclusive"}
    made = []
    for n, letter in enumerate(findings):
        started = BEGIN + timedelta(days=10 * n)
        finding = {"h": "held", "b": "broke"}.get(letter, "nothing")
        reason = Verdict.PASSED.meaning if letter == "h" else "p99 (during): 3.1 at worst"
        made.append(past_run(**{
            "run": f"{started:%Y%m%d-%H%M%S}-database-latency-abcd", "started": started, "verdict": verdicts[letter],
            "finding": finding, "reason": reason, "ended": letter != "u", **changes,
        }))  # fmt: skip
    return made


def _lines(
    runs: list[RunSummary], width: int | None = None, limit: int = 20, since: datetime | None = None
) -> list[str]:
    report = review(runs, since, BEGIN + timedelta(days=300))
    return click.unstyle(render(report, width, limit)).splitlines()


def test_the_newest_run_comes_first_and_is_named_so_that_a_report_finds_it() -> None:
    lines = _lines(_runs("hbu"))
    assert lines[0].split() == ["RUN", "VERDICT", "EXPERIMENT", "ENV", "TOOK", "RECOVERED", "WHY"]
    assert [line.split()[0] for line in lines[1:4]] == ["20260821-090000", "20260811-090000", "20260801-090000"]
    assert lines[1].split()[1] == "unfinished"
    assert lines[2].split()[1:3] == ["refuted", "▼"]
    assert "3.1 at worst" in lines[2]
    assert Verdict.PASSED.meaning not in lines[3]
    assert "too weak" in _lines(_runs("h", reason="passed, but the fault may have been too weak"))[1]


def test_two_runs_of_the_same_second_are_named_in_full() -> None:
    names = ["20261124-100000-a-1", "20261124-100000-b-2", "20261124-100001-c-3"]
    report = review([past_run(run=name) for name in names], None, BEGIN)
    assert set(short_names(report).values()) == {"20261124-100000-a-1", "20261124-100000-b-2", "20261124-100001"}


def test_a_regression_is_told_with_both_runs_and_what_became_of_it() -> None:
    text = "\n".join(_lines(_runs("hbh")))
    assert "Regressions caught: 1" in text
    assert "2026-08-11  database-latency (local): p99 (during): 3.1 at worst" in text
    assert "passed in 20260801-090000, refuted in 20260811-090000; fixed in 20260821-090000" in text
    assert "not fixed yet" in "\n".join(_lines(_runs("hb")))


def test_a_run_from_before_the_time_shown_is_named_all_the_same() -> None:
    text = "\n".join(_lines(_runs("hb"), since=BEGIN + timedelta(days=1)))
    assert "passed in 20260801-090000" in text


def test_what_is_not_shown_is_told() -> None:
    lines = _lines(_runs("hb" * 12), limit=3)
    assert "3 of 24 runs, the newest; --limit 0 shows all" in lines
    assert "and 7 older ones; --limit 0 shows all" in lines
    everything = "\n".join(_lines(_runs("hb" * 12), limit=0))
    assert "--limit" not in everything
    assert "Regressions caught: 12" in everything


def test_a_regression_that_is_not_mended_is_shown_however_old() -> None:
    old = _runs("hb", experiment="forgotten")
    lines = _lines([*old, *_runs("hb" * 9 + "h")])
    begin = lines.index("Regressions caught: 10")
    section = lines[begin : lines.index("", begin)]
    assert any("forgotten" in line for line in section)
    assert "and 4 older ones; --limit 0 shows all" in section


def test_a_changed_experiment_is_told_apart() -> None:
    text = "\n".join(_lines([*_runs("h"), *_runs("bb", fingerprint="g")[1:]]))
    assert "Regressions caught" not in text
    assert "Broke when the experiment was changed, so not counted: 1" in text
    assert "◇ broke when the experiment was changed" in text


def test_a_revert_that_is_not_verified_is_told_at_once() -> None:
    assert "Not verified as reverted, a person must look: 20260811-090000" in _lines(_runs("hn"))


def test_quarters_have_counts_and_a_share_that_is_never_rounded_up() -> None:
    lines = _lines(_runs("hbnuhhhhh"))
    row = next(line for line in lines if line.startswith("2026-Q3"))
    assert row.split() == ["2026-Q3", "7", "4", "1", "0", "2", "80", "%", "1", "1"]
    assert rate_text(0.999) == "99 %"
    assert rate_text(1.0) == "100 %"


@pytest.mark.parametrize("width", [60, 70, 80, 100, 120, 200])
def test_no_line_is_longer_than_the_screen(width: int) -> None:
    runs = [
        *_runs("hbnuhbhhbh" * 3),
        *_runs("hbhb", experiment="a-name-that-is-longer-than-anybody-would-want-it-to-be"),
    ]
    assert max(map(columns, _lines(runs, width, limit=0))) <= width


def test_in_a_pipe_nothing_is_cut() -> None:
    name = "n" * 200
    assert any(name in line for line in _lines(_runs("hb", experiment=name)))


def test_what_has_expired_is_told() -> None:
    text = "\n".join(_lines([*_runs("hh"), *_runs("n", experiment="another")]))
    assert "No conclusive run for 90 days: 2" in text
    assert "passed 2026-08-11" in text
    assert "none ever" in text


def test_changes_of_recovery_times_say_which_way() -> None:
    assert change_text(None) == ""
    assert change_text(0.0) == "same"
    assert change_text(1.5) == "+1.5 s"
    assert change_text(-0.25) == "−250 ms"
    assert change_text(float("inf")) == "no longer"
    assert change_text(float("-inf")) == "again"


def test_times_are_told_in_days_where_there_are_any() -> None:
    assert days(timedelta(days=1)) == "1 day"
    assert days(timedelta(days=90)) == "90 days"
    assert days(timedelta(hours=12)) == "720 min"


def test_an_empty_history_says_what_to_do_next() -> None:
    assert "brownout run" in nothing(".brownout/runs")
    assert "--runs DIR" in nothing(".brownout/runs")
