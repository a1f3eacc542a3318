"""Time series as SVG for our pages: drawn here, without a script, with nothing to load.

A place along the time is a percentage and everything else is in pixels, so that a plot fills any width while its
letters stay as large as the text around it. Looks are in templates/page.css.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup

from brownout_controller.report.svg import axis
from brownout_controller.report.svg.axis import Axis
from brownout_controller.report.svg.series import Dot, Series, known, pieces, thinned
from brownout_core.formatting import clipped, line, quantity
from brownout_core.units import COUNT, Unit

Style = Literal["expected", "stop"]

HEIGHT: Final = 170
_STRIP: Final = 20
"""The phases are named above the plot."""
_APART: Final = 15
"""Letters are so high."""
_WIDTH: Final = 1000
"""Of the coordinates of lines, which are stretched to whatever there is."""
_COLUMN: Final = 920
"""Pixels that a plot has on a large screen, where letters of names are about _LETTER pixels wide."""
_LETTER: Final = 6.0
_LONGEST: Final = 200
"""Characters of one text."""


class Threshold(NamedTuple):
    """A line at a value, with its label."""

    value: float
    label: str
    style: Style = "expected"


class Stretch(NamedTuple):
    """A phase or the time of the fault."""

    begin: float
    end: float
    label: str = ""


class Plot(NamedTuple):
    """A plot; `title` and `text` are for who cannot see it."""

    title: str
    text: str
    begin: float
    end: float
    series: Sequence[Series]
    unit: Unit = COUNT
    thresholds: Sequence[Threshold] = ()
    shade: Stretch | None = None
    phases: Sequence[Stretch] = ()


def draw(plot: Plot) -> Markup:
    """The picture."""
    time = axis.of_time(plot.begin, plot.end)
    values = [value for series in plot.series for dot in series.dots if known(value := dot.value)]
    near, far = _sorted(plot.thresholds, values)
    scale = axis.of_values(values, (threshold.value for threshold in near))
    root = element(None, "svg", class_="plot", role="img", width="100%", height=_STRIP + HEIGHT)
    element(root, "title", plot.title)
    element(root, "desc", plot.text)
    if plot.shade is not None:
        shade(root, time, plot.shade, _STRIP, HEIGHT)
    strip(root, time, plot.phases, 0, _STRIP)
    moments(root, time, _STRIP + HEIGHT)
    _levels(root, scale, plot.unit)
    for threshold in near:
        y = _y(scale, threshold.value)
        element(root, "line", class_=f"limit {threshold.style}", x1=0, x2="100%", y1=y, y2=y)
    drawn = [(series, thinned(series.dots)) for series in plot.series]
    for series, dots in drawn:
        _line(root, series, dots, time, scale)
    _names(root, near, scale)
    _beyond(root, far, scale)
    for series, dots in drawn:  # over the names, which may not hide what was measured
        if series.marked:
            _marks(root, dots, time, scale)
    return markup(root)


# What timelines draw as well.


def element(parent: Element | None, tag: str, text: str = "", **attributes: object) -> Element:
    """An element of SVG; `class_` is class, and other underscores are dashes. Its texts may be anybody's."""
    named = {key.rstrip("_").replace("_", "-"): line(item) for key, item in attributes.items()}
    made = Element(tag, named) if parent is None else ElementTree.SubElement(parent, tag, named)
    made.text = clipped(line(text), _LONGEST) or None
    return made


def markup(root: Element) -> Markup:
    """The element as a page takes it: texts in it are escaped."""
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def percent(time: Axis, at: float) -> str:
    return f"{100 * time.share(at):.2f}%"


def shade(root: Element, time: Axis, stretch: Stretch, top: float, height: float) -> None:
    """The time of the fault, from edge to edge."""
    begin, end = time.share(stretch.begin), time.share(stretch.end)
    element(
        root, "rect", class_="fault", x=f"{100 * begin:.2f}%", y=top, width=f"{100 * (end - begin):.2f}%", height=height
    )
    for share in (begin, end):
        element(root, "line", class_="fault-edge", x1=f"{100 * share:.2f}%", x2=f"{100 * share:.2f}%", y1=top,
                y2=top + height)  # fmt: skip


def strip(root: Element, time: Axis, phases: Iterable[Stretch], top: float, height: float) -> None:
    """Names of phases, each inside its own: one that fits no screen is in the tooltip alone."""
    for phase in phases:
        begin, end = time.share(phase.begin), time.share(phase.end)
        if end <= begin:
            continue
        inside = element(
            root, "svg", x=f"{100 * begin:.2f}%", y=top, width=f"{100 * (end - begin):.2f}%", height=height
        )
        element(element(inside, "rect", class_="phase", width="100%", height=height), "title", phase.label)
        if (end - begin) * _COLUMN >= _LETTER * len(phase.label):
            element(inside, "text", phase.label, class_="phase-name", x="50%", y=height - 6)
        element(inside, "line", class_="phase-edge", x1=0, x2=0, y1=0, y2=height)


def moments(root: Element, time: Axis, bottom: float) -> None:
    """The axis of time."""
    element(root, "line", class_="axis", x1=0, x2="100%", y1=bottom, y2=bottom)
    for at in time.ticks:
        x = percent(time, at)
        element(root, "line", class_="axis", x1=x, x2=x, y1=bottom, y2=bottom + 4)
        element(root, "text", moment(at, time), class_="tick", x=x, y=bottom + 17)


def moment(at: float, time: Axis) -> str:
    """A time on an axis, in the unit that its steps are in."""
    step = time.ticks[1] - time.ticks[0] if len(time.ticks) > 1 else time.high - time.low
    unit, length = next((item for item in (("h", 3600), ("min", 60)) if step % item[1] == 0), ("s", 1))
    return f"{at / length:.4g} {unit}" if at else "0"


# Of a plot alone.


def _sorted(thresholds: Sequence[Threshold], values: Sequence[float]) -> tuple[list[Threshold], list[Threshold]]:
    """Those to draw, and those that are so far off that they would flatten everything else."""
    expected = [threshold.value for threshold in thresholds if threshold.style == "expected"]
    most = max((abs(value) for value in (*values, *expected)), default=0.0)
    near = [each for each in thresholds if each.style == "expected" or abs(each.value) <= 4 * most or not most]
    return near, [threshold for threshold in thresholds if threshold not in near]


def _levels(root: Element, scale: Axis, unit: Unit) -> None:
    for value in scale.ticks:
        y = _y(scale, value)
        element(root, "line", class_="grid", x1=0, x2="100%", y1=y, y2=y)
        element(root, "text", quantity(value, unit), class_="level", x=-8, y=f"{y + 4:.1f}")
    if scale.log:
        element(root, "text", "log scale", class_="note", x=-8, y=_STRIP - 6)


def _line(root: Element, series: Series, dots: Sequence[Dot], time: Axis, scale: Axis) -> None:
    inside = element(root, "svg", class_="lines", x=0, y=_STRIP, width="100%", height=HEIGHT,
                     viewBox=f"0 0 {_WIDTH} {HEIGHT}", preserveAspectRatio="none")  # fmt: skip
    for piece in pieces(dots):
        if len(piece) > 1:
            points = (f"{_WIDTH * time.share(dot.at):.1f},{_y(scale, dot.value) - _STRIP:.1f}" for dot in piece)
            element(inside, "polyline", class_=f"line {series.style}", points=" ".join(points))
        elif not series.marked:  # no line goes through one point
            x, y = percent(time, piece[0].at), _y(scale, piece[0].value)
            element(root, "circle", class_=f"lone {series.style}", cx=x, cy=y, r=2.5)


def _marks(root: Element, dots: Sequence[Dot], time: Axis, scale: Axis) -> None:
    """Each look has a shape of its own; the bad ones come last, so that nothing hides them."""
    for look in ("settling", "unknown", "good", "bad"):
        alike = [dot for dot in dots if dot.look == look]
        group = element(root, "g", class_=f"dots {look}") if alike else root
        for dot in alike:
            x = percent(time, dot.at)
            y = _y(scale, dot.value) if known(dot.value) else _STRIP + HEIGHT - 14
            shape = None
            if not known(dot.value):
                shape = element(group, "line", class_="no-value", x1=x, x2=x, y1=y + 3, y2=_STRIP + HEIGHT)
            if look == "bad":
                shape = element(group, "use", href="#bad", x=x, y=y)
            elif shape is None:
                shape = element(group, "circle", cx=x, cy=y, r=3)
            if dot.title:
                element(shape, "title", dot.title)


def _names(root: Element, thresholds: Sequence[Threshold], scale: Axis) -> None:
    """Over the lines of the limits, or under them where something is in the way."""
    top, bottom = _STRIP + _APART - 4, _STRIP + HEIGHT - 4
    taken: list[float] = []
    for threshold in sorted(thresholds, key=lambda threshold: -threshold.value):
        y = _y(scale, threshold.value)
        steps = [_APART * number for number in range(8)]
        places = sorted(
            [y - 7 - step for step in steps] + [y + 16 + step for step in steps], key=lambda at: abs(at - y)
        )
        beside = next((at for at in places if top <= at <= bottom and _free(at, taken)), places[0])
        taken.append(beside)
        element(
            root, "text", threshold.label, class_=f"limit-name {threshold.style}", x="100%", dx=-4, y=f"{beside:.1f}"
        )


def _free(at: float, taken: Sequence[float]) -> bool:
    return all(abs(at - other) >= _APART - 0.5 for other in taken)


def _beyond(root: Element, thresholds: Sequence[Threshold], scale: Axis) -> None:
    for number, threshold in enumerate(thresholds):
        above = threshold.value > scale.low
        y = _STRIP + _APART + number * _APART if above else _STRIP + HEIGHT - 6 - number * _APART
        arrow = "↑" if above else "↓"
        element(root, "text", f"{arrow} {threshold.label}", class_=f"limit-name far {threshold.style}", x=0, dx=4, y=y)


def _y(scale: Axis, value: float | None) -> float:
    assert value is not None
    return round(_STRIP + HEIGHT * (1 - scale.share(value)), 1)
