"""The plots of a history: every run has its mark, every verdict its shape, every bar its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import Quarter, QuarterStats, recovery_trends, review, transitions
from brownout_controller.report.history import history_plots
from brownout_controller.report.history.history_plots import FILLS, STATES, bounds, counted
from brownout_controller.report.svg.dates import Dates, of_dates
from brownout_core.html import page
from tests.controller.model.test_run_summary import past_run
from tests.support.builders.journals import NASTY

BEGIN = datetime(2026, 1, 20, tzinfo=UTC)
YEAR = of_dates(BEGIN, BEGIN + timedelta(days=300))
TEMPLATES = Path(page.__file__).parent / "templates"


def _run(day: int, verdict: str = "passed", **changes: Any) -> RunSummary:
    finding = {"passed": "held", "refuted": "broke"}.get(verdict, "nothing")
    return past_run(
        run=f"r{day}", started=BEGIN + timedelta(days=day), verdict=verdict, **{"finding": finding, **changes}
    )


def _of(drawn: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(drawn).iter(tag))


def _marks(drawn: str) -> Iterator[tuple[str, str]]:
    for use in _of(drawn, "use"):
        yield use.attrib["href"], use.attrib["y"]


def test_each_run_has_a_mark_in_the_row_of_its_experiment_and_environment() -> None:
    runs = [_run(0), _run(1, "refuted"), _run(2, environment="staging"), _run(3, experiment="another")]
    drawn = history_plots.runs(runs, [], YEAR)
    names = [text.text for text in _of(drawn, "text") if text.get("class") == "row-name"]
    assert names == ["another in local", "database-latency in local", "database-latency in staging"]
    assert sorted(_marks(drawn)) == [
        ("#run-passed", "118"),
        ("#run-passed", "30"),
        ("#run-passed", "74"),
        ("#run-refuted", "74"),
    ]


def test_a_regression_has_a_ring_and_what_is_grave_is_drawn_last() -> None:
    runs = [_run(0), _run(1, "refuted"), _run(2), _run(3, "inconclusive"), _run(4, "not-reverted")]
    marks = [href for href, _ in _marks(history_plots.runs(runs, transitions(runs), YEAR))]
    assert marks == [
        "#run-passed",
        "#run-passed",
        "#run-inconclusive",
        "#run-refuted",
        "#run-ring",
        "#run-not-reverted",
    ]


def test_a_mark_says_when_and_why() -> None:
    titles = [
        title.text for title in _of(history_plots.runs([_run(1, "refuted", reason="too slow")], [], YEAR), "title")
    ]
    assert "2026-01-21 00:00: refuted: too slow (r1)" in titles


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_shape_a_colour_and_a_filling(state: str) -> None:
    template = (TEMPLATES / "history.html.j2").read_text()
    assert template.count(f'id="run-{state}"') == 1
    assert f".{state}" in (TEMPLATES / "page.css").read_text()
    assert FILLS[state] in ("currentColor", f"url(#hatch-{state})")


def test_states_of_one_colour_are_told_apart_by_their_fillings() -> None:
    plain = [state for state in STATES if FILLS[state] == "currentColor"]
    assert plain == ["passed", "refuted", "inconclusive", "stopped", "done"]


def _season(number: int, **states: int) -> QuarterStats:
    return QuarterStats(Quarter(2026, number), states, states.get("passed", 0), states.get("refuted", 0), 0, 0)


def test_bars_are_as_high_as_their_runs_are_many_and_stand_on_each_other() -> None:
    drawn = history_plots.quarters([_season(1, passed=30, refuted=10), _season(2), _season(3, passed=10)])
    first, second, third = _of(drawn, "rect")
    assert float(first.attrib["height"]) == pytest.approx(3 * float(second.attrib["height"]), abs=0.3)
    assert float(third.attrib["height"]) == pytest.approx(float(second.attrib["height"]), abs=0.3)
    assert float(second.attrib["y"]) + float(second.attrib["height"]) == pytest.approx(
        float(first.attrib["y"]), abs=0.2
    )
    assert {text.text for text in _of(drawn, "text") if text.get("class") == "count"} == {"30", "10"}
    assert [text.text for text in _of(drawn, "text") if text.get("class") == "tick"] == ["Q1", "2026", "Q2", "Q3"]


def test_bars_are_told_in_words_as_well() -> None:
    (report,) = _of(history_plots.quarters([_season(1, passed=3, refuted=1), _season(2)]), "desc")
    assert report.text == "2026-Q1: 3 passed, 1 refuted; 2026-Q2: no runs"
    assert counted({"unfinished": 2, "passed": 1}) == "1 passed, 2 unfinished"


def test_nothing_is_drawn_of_nothing() -> None:
    assert _of(history_plots.quarters([]), "rect") == []
    assert _of(history_plots.runs([], [], YEAR), "use") == []


def test_recoveries_are_dots_and_a_line_for_each_quarter() -> None:
    (course,) = recovery_trends([_run(0, recovery=2.0), _run(1, recovery=4.0), _run(100, recovery=8.0)])
    drawn = history_plots.recovery(course, YEAR)
    low, middle, high = (float(dot.attrib["cy"]) for dot in _of(drawn, "circle"))
    assert low > middle > high
    medians = [line for line in _of(drawn, "line") if line.get("class") == "median"]
    assert float(medians[0].attrib["y1"]) == pytest.approx((low + middle) / 2, abs=0.2)
    assert medians[1].attrib["x1"] == YEAR.percent(datetime(2026, 4, 1, tzinfo=UTC))


def test_what_did_not_recover_is_above_everything_and_has_another_shape() -> None:
    runs = [
        _run(0, recovery=2.0),
        _run(1, "refuted", recovery=None, unrecovered=True),
        _run(2, "refuted", recovery=None, unrecovered=True),
    ]
    (course,) = recovery_trends(runs)
    assert math.isinf(course.quarters[0].median)
    drawn = history_plots.recovery(course, YEAR)
    (dot,) = _of(drawn, "circle")
    assert [float(y) < float(dot.attrib["cy"]) for href, y in _marks(drawn) if href == "#bad"] == [True, True]
    assert [line.attrib["y1"] for line in _of(drawn, "line") if line.get("class") == "median never"] == ["6"]
    assert "not seen" in [text.text for text in _of(drawn, "text")]


@pytest.mark.parametrize("quarter", [Quarter(1, 1), Quarter(2026, 4), Quarter(9999, 4)])
def test_a_quarter_has_bounds_up_to_the_end_of_the_calendar(quarter: Quarter) -> None:
    begin, end = bounds(quarter)
    assert begin <= end


def test_texts_of_strangers_are_escaped() -> None:
    run = _run(0, "refuted", experiment=NASTY, environment=NASTY, reason=NASTY)
    report = review([run], None, BEGIN)
    dates: Dates = of_dates(run.started, run.started)
    for drawn in (
        history_plots.runs([run], report.transitions, dates),
        history_plots.recovery(report.recovery_trends[0], dates),
    ):
        assert "<script" not in drawn
        assert not set("\x00\x1b\ud800\u202e") & set(drawn)
        ElementTree.fromstring(drawn)
