"""The run at a glance, as SVG: its states side by side, the time of the fault, and numbers where something happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

from markupsafe import Markup

from brownout_controller.report import axis, figures
from brownout_controller.report.account import Account, Event
from brownout_controller.report.axis import Axis
from brownout_controller.report.plot import Stretch, element, markup, moments, percent, shade, strip
from brownout_controller.report.text import moment

MOST: Final = 30
"""Events that get a number."""
_STATES: Final = 26
_ROW: Final = 24
_RADIUS: Final = 9
_NEAR: Final = 0.075
"""Numbers that are closer together than this share of the time would cover each other on a small screen."""


class Numbered(NamedTuple):
    """An event, with a number if it is on the timeline."""

    number: int | None
    event: Event


def numbered(events: Sequence[Event]) -> Sequence[Numbered]:
    """The first ones of those that are more than a change of state; grave ones have precedence."""
    telling = [event for event in events if not event.state]
    chosen = sorted(telling, key=lambda event: not event.grave)[:MOST]
    numbers = {id(event): number for number, event in enumerate((item for item in telling if item in chosen), 1)}
    return [Numbered(numbers.get(id(event)), event) for event in events]


def draw(told: Account, events: Sequence[Numbered]) -> Markup:
    """The picture; what the numbers mean is for a list below it."""
    time = axis.of_time(0.0, told.ends)
    rows = _rows(time, events)
    height = _STATES + 8 + _ROW * (1 + max((row for _, row in rows), default=-1)) + 4
    root = element(None, "svg", class_="plot timeline", role="img", width="100%", height=height)
    element(root, "title", "timeline")
    element(
        root, "desc", "; ".join(f"{span.state} from {moment(span.begin)} to {moment(span.end)}" for span in told.spans)
    )
    window = figures.window(told)
    if window is not None:
        shade(root, time, window, 0, height)
    strip(root, time, [Stretch(span.begin, span.end, span.state) for span in told.spans], 0, _STATES)
    for item, row in rows:
        _flag(root, time, item, _STATES + 8 + _ROW * row + _RADIUS)
    moments(root, time, height)
    return markup(root)


def _rows(time: Axis, events: Sequence[Numbered]) -> Sequence[tuple[Numbered, int]]:
    """The numbered events, each in the first row where nothing is in its way."""
    ends: list[float] = []
    placed = []
    for item in events:
        if item.number is None:
            continue
        share = time.share(item.event.at)
        row = next((number for number, end in enumerate(ends) if share >= end), len(ends))
        ends[row : row + 1] = [share + _NEAR]
        placed.append((item, row))
    return placed


def _flag(root: Element, time: Axis, item: Numbered, y: float) -> None:
    x = percent(time, item.event.at)
    look = "flag grave" if item.event.grave else "flag"
    element(root, "line", class_=look, x1=x, x2=x, y1=_STATES, y2=y)
    if item.event.grave:  # told by its shape as well
        shape = element(root, "rect", class_=look, x=x, y=y - _RADIUS, width=2 * _RADIUS, height=2 * _RADIUS, rx=2,
                        transform=f"translate(-{_RADIUS} 0)")  # fmt: skip
    else:
        shape = element(root, "circle", class_=look, cx=x, cy=y, r=_RADIUS)
    element(shape, "title", f"{moment(item.event.at)}: {item.event.what}")
    element(root, "text", str(item.number), class_=look, x=x, y=y + 4)
