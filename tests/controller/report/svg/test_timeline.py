"""The run at a glance."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from brownout_controller.report.run.run_report import Event, RunReport
from brownout_controller.report.svg import axis, timeline
from brownout_controller.report.svg.timeline import Numbered
from tests.support.builders import journals


def _drawn(report: RunReport) -> ElementTree.Element:
    return ElementTree.fromstring(timeline.draw(report, timeline.numbered(report.events)))


def _texts(root: ElementTree.Element, look: str) -> list[str]:
    return [text.text or "" for text in root.iter("text") if look in text.get("class", "").split()]


def test_states_are_side_by_side_and_the_fault_is_shaded() -> None:
    root = _drawn(journals.passed().report())
    assert _texts(root, "phase-name") == ["baseline", "fault", "recovery"], "20 ms have no room"
    assert "reverting" in [title.text for title in root.iter("title")]
    (shade,) = [rect for rect in root.iter("rect") if rect.get("class") == "fault"]
    assert (shade.get("x"), shade.get("width")) == ("24.75%", "24.80%")


def test_what_happened_has_numbers_and_states_have_none() -> None:
    events = timeline.numbered(journals.stopped().report().events)
    assert [item.number for item in events if item.event.state] == [None] * sum(item.event.state for item in events)
    assert [item.number for item in events if item.number] == [1, 2, 3, 4, 5]


def test_grave_events_get_numbers_first() -> None:
    many = [Event(float(number), "x") for number in range(timeline.MAX_NUMBERED + 10)]
    numbered = timeline.numbered([*many, Event(999.0, "bad", grave=True)])
    assert numbered[-1].number == timeline.MAX_NUMBERED
    assert sum(item.number is not None for item in numbered) == timeline.MAX_NUMBERED


def test_a_grave_flag_has_other_corners_and_tells_more_under_the_mouse() -> None:
    flags = [rect for rect in _drawn(journals.stopped().report()).iter("rect") if "flag" in rect.get("class", "")]
    assert {rect.get("rx") for rect in flags if "grave" in rect.get("class", "")} == {"2"}
    assert {rect.get("rx") for rect in flags if "grave" not in rect.get("class", "")} == {"9"}
    assert any("p99 stays low was 900ms" in (title.text or "") for rect in flags for title in rect)


def _flags(*moments: float, end: float = 100.0) -> list[tuple[str, int]]:
    events = [Numbered(number, Event(at, "x")) for number, at in enumerate(moments, 1)]
    return [(flag.label, flag.row) for flag in timeline.flagged(axis.of_time(0.0, end), events)]


def test_events_at_the_same_time_are_one_flag() -> None:
    assert _flags(10.0, 10.5, 11.0, 60.0) == [("1–3", 0), ("4", 0)]


def test_flags_that_would_cover_each_other_are_in_rows() -> None:
    assert _flags(10.0, 13.0, 16.0, 60.0) == [("1", 0), ("2", 1), ("3", 2), ("4", 0)]


def test_many_events_take_few_rows() -> None:
    assert max(row for _, row in _flags(*[number / 3 for number in range(60)])) < 14


@pytest.mark.parametrize(
    "report",
    [journals.killed().report(), journals.refused().report(), RunReport([], journals.killed().report().judgement)],
)
def test_a_run_that_hardly_began_is_drawn_too(report: RunReport) -> None:
    assert _drawn(report).tag == "svg"
