"""The drawing of time series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from brownout_controller.report.svg import plot
from brownout_controller.report.svg.axis import of_time
from brownout_controller.report.svg.plot import HEIGHT, Plot, Stretch, Threshold
from brownout_controller.report.svg.series import Dot, Series
from brownout_core.units import SECONDS, SHARE, Unit
from tests.support.builders.journals import NASTY


def _drawn(*dots: Dot, thresholds: Sequence[Threshold] = (), unit: Unit = SECONDS, **more: Any) -> ElementTree.Element:
    base = Plot("a title", "a text", 0.0, 20.0, [Series("s", dots, marked=True)], unit, thresholds)
    return ElementTree.fromstring(plot.draw(base._replace(**more)))


def _of(root: ElementTree.Element, tag: str, look: str) -> list[ElementTree.Element]:
    return [element for element in root.iter(tag) if look in element.get("class", "").split()]


def _texts(root: ElementTree.Element, look: str) -> list[str]:
    return [element.text or "" for element in _of(root, "text", look)]


def test_it_is_named_and_told_for_who_does_not_see_it() -> None:
    root = _drawn(Dot(1, 1.0))
    assert root.get("role") == "img"
    assert [(child.tag, child.text) for child in list(root)[:2]] == [("title", "a title"), ("desc", "a text")]


def test_time_is_in_percent_and_values_go_up() -> None:
    low, high = _of(_drawn(Dot(5, 0.1), Dot(10, 0.2)), "g", "good")[0]
    assert (low.get("cx"), high.get("cx")) == ("25.00%", "50.00%")
    assert float(low.get("cy", "")) > float(high.get("cy", ""))


def test_each_look_has_a_shape_of_its_own() -> None:
    root = _drawn(
        Dot(1, 0.1), Dot(2, 0.2, "bad"), Dot(3, 0.1, "settling"), Dot(4, None, "unknown"), Dot(5, None, "bad"),
        Dot(6, 0.1, "unknown"), Dot(7, None, "gap"),
    )  # fmt: skip
    shapes = {group.get("class"): [child.tag for child in group] for group in root.iter("g")}
    assert shapes == {
        "dots settling": ["circle"],
        "dots unknown": ["line", "circle"],
        "dots good": ["circle"],
        "dots bad": ["use", "line", "use"],
    }


def test_a_sample_tells_more_under_the_mouse() -> None:
    root = _drawn(Dot(1, 0.1, "good", "1.0 s: 100ms"))
    assert [title.text for title in root.findall(".//circle/title")] == ["1.0 s: 100ms"]


def test_a_threshold_is_a_line_with_its_name_and_so_is_a_stop() -> None:
    thresholds = [Threshold(0.2, "expected < 200ms"), Threshold(0.5, "stop > 500ms", "stop")]
    root = _drawn(Dot(1, 0.1), thresholds=thresholds)
    assert _texts(root, "limit-name") == ["stop > 500ms", "expected < 200ms"]
    stop, expected = _of(root, "line", "stop"), _of(root, "line", "expected")
    assert float(stop[0].get("y1", "")) < float(expected[0].get("y1", ""))


def test_names_of_limits_that_are_close_do_not_cover_each_other() -> None:
    thresholds = [Threshold(value, str(value)) for value in (1.0, 1.001, 0.999)]
    places = sorted(
        float(text.get("y", "")) for text in _of(_drawn(Dot(1, 0.1), thresholds=thresholds), "text", "limit-name")
    )
    assert all(later - place >= 12 for place, later in pairwise(places))


def test_a_stop_that_is_far_off_flattens_nothing_and_is_told() -> None:
    root = _drawn(
        Dot(1, 0.001), thresholds=[Threshold(0.01, "expected < 1%"), Threshold(0.5, "stop > 50%", "stop")], unit=SHARE
    )
    assert "↑ stop > 50%" in _texts(root, "limit-name")
    assert not _of(root, "line", "stop")
    assert float(_of(root, "line", "expected")[0].get("y1", "")) < 40


def test_levels_have_units_and_a_logarithmic_scale_says_so() -> None:
    assert _texts(_drawn(Dot(1, 0.1), Dot(2, 0.2)), "level") == ["0", "50ms", "100ms", "150ms", "200ms"]
    assert _texts(_drawn(Dot(1, 0.1), Dot(2, 0.2)), "note") == []
    wide = _drawn(Dot(1, 0.004), Dot(2, 4.0))
    assert _texts(wide, "level") == ["10ms", "100ms", "1s"]
    assert _texts(wide, "note") == ["log scale"]


@pytest.mark.parametrize(
    ("end", "names"),
    [
        (20.0, ["0", "5 s", "10 s", "15 s", "20 s"]),
        (1.0, ["0", "0.5 s", "1 s"]),
        (600.0, ["0", "2 min", "4 min", "6 min", "8 min", "10 min"]),
        (3600.0, ["0", "15 min", "30 min", "45 min", "60 min"]),
        (18000.0, ["0", "1 h", "2 h", "3 h", "4 h", "5 h"]),
    ],
)
def test_moments_are_named_in_the_unit_of_their_steps(end: float, names: list[str]) -> None:
    time = of_time(0.0, end)
    assert [plot.moment(at, time) for at in time.ticks] == names


def test_the_time_of_the_fault_is_shaded_and_the_phases_are_named() -> None:
    root = _drawn(Dot(1, 1.0), shade=Stretch(5, 10), phases=[Stretch(0, 5, "baseline"), Stretch(5, 10, "fault")])
    (shade,) = _of(root, "rect", "fault")
    assert (shade.get("x"), shade.get("width"), shade.get("height")) == ("25.00%", "25.00%", str(HEIGHT))
    assert _texts(root, "phase-name") == ["baseline", "fault"]


@pytest.mark.parametrize(
    "values", [[], [None], [math.nan], [math.inf, -math.inf, 1e305], [0.0], [5e-324], [1e-300, 1e299]]
)
def test_odd_values_are_drawn_somewhere_inside(values: list[float | None]) -> None:
    root = _drawn(*[Dot(number, value) for number, value in enumerate(values)], begin=0.0, end=0.0)
    for circle in root.iter("circle"):
        assert 0 <= float(circle.get("cy", "")) <= HEIGHT + 20
        assert 0 <= float(circle.get("cx", "").rstrip("%")) <= 100


def test_hostile_texts_stay_texts() -> None:
    root = _drawn(Dot(1, 1.0, "bad", NASTY), title=NASTY, text=NASTY, phases=[Stretch(0, 9, NASTY)],
                  thresholds=[Threshold(2.0, NASTY), Threshold(9e9, NASTY, "stop")])  # fmt: skip
    assert {element.tag for element in root.iter()} <= {
        "svg", "title", "desc", "rect", "line", "text", "polyline", "g", "use", "circle",
    }  # fmt: skip
