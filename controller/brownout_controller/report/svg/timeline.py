"""The run at a glance, as SVG: its states side by side, the time of the fault, and numbers where something happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

from markupsafe import Markup

from brownout_controller.model.lifecycle import PHASE_OF, State
from brownout_controller.report.run import figures
from brownout_controller.report.run.run_report import Event, RunReport
from brownout_controller.report.svg import axis
from brownout_controller.report.svg.axis import Axis
from brownout_controller.report.svg.plot import Stretch, element, markup, moments, percent, shade, strip
from brownout_core.formatting import moment

MAX_NUMBERED: Final = 60
"""Events that get a number."""
_STATES: Final = 26
_ROW: Final = 24
_RADIUS: Final = 9
_TOGETHER: Final = 0.015
"""Events within this share of the time are one flag."""
_NEAR: Final = 0.04
"""The share of the time that a flag takes on a small screen, and again for each of its letters."""


class Numbered(NamedTuple):
    """An event, with a number if it is on the timeline."""

    number: int | None
    event: Event


def numbered(events: Sequence[Event]) -> Sequence[Numbered]:
    """The first ones of those that are more than a change of state; grave ones have precedence."""
    candidates = [event for event in events if not event.state]
    chosen = {id(event) for event in sorted(candidates, key=lambda event: not event.grave)[:MAX_NUMBERED]}
    numbers = {id(event): number for number, event in enumerate((item for item in candidates if id(item) in chosen), 1)}
    return [Numbered(numbers.get(id(event)), event) for event in events]


class Flag(NamedTuple):
    """Events at about the same time, in a row of the timeline where nothing is in their way."""

    items: Sequence[Numbered]
    row: int

    @property
    def at(self) -> float:
        return self.items[0].event.at

    @property
    def label(self) -> str:
        first, last = self.items[0].number, self.items[-1].number
        return f"{first}" if first == last else f"{first}–{last}"

    @property
    def grave(self) -> bool:
        return any(item.event.grave for item in self.items)


def draw(report: RunReport, events: Sequence[Numbered]) -> Markup:
    """The picture; what the numbers mean is for a list below it."""
    time = axis.of_time(0.0, report.ends)
    flags = flagged(time, events)
    height = _STATES + 8 + _ROW * (1 + max((flag.row for flag in flags), default=-1)) + 4
    root = element(None, "svg", class_="plot timeline", role="img", width="100%", height=height)
    element(root, "title", "timeline")
    element(
        root,
        "desc",
        "; ".join(f"{span.state} from {moment(span.begin)} to {moment(span.end)}" for span in report.spans),
    )
    window = figures.fault_stretch(report)
    if window is not None:
        shade(root, time, window, 0, height)
    strip(root, time, [Stretch(span.begin, span.end, _state_name(span.state)) for span in report.spans], 0, _STATES)
    for flag in flags:
        x, look = percent(time, flag.at), _css_class(flag)
        element(root, "line", class_=look, x1=x, x2=x, y1=_STATES, y2=_STATES + 8 + _ROW * flag.row)
    for flag in flags:
        _draw_flag(root, time, flag)
    moments(root, time, height)
    return markup(root)


def flagged(time: Axis, events: Sequence[Numbered]) -> Sequence[Flag]:
    """The numbered events: what is close together is one flag, and flags do not cover each other."""
    groups: list[list[Numbered]] = []
    for item in events:
        if item.number is None:
            continue
        if groups and time.share(item.event.at) - time.share(groups[-1][0].event.at) < _TOGETHER:
            groups[-1].append(item)
        else:
            groups.append([item])
    ends: list[float] = []
    flags = []
    for group in groups:
        flag = Flag(group, 0)
        share = time.share(flag.at)
        half = _NEAR * (1 + len(flag.label)) / 2
        row = next((number for number, end in enumerate(ends) if share - half >= end), len(ends))
        ends[row : row + 1] = [share + half]
        flags.append(flag._replace(row=row))
    return flags


def _state_name(state: State) -> str:
    return figures.SHORT_NAMES[PHASE_OF[state]] if state in PHASE_OF else state


def _css_class(flag: Flag) -> str:
    return "flag grave" if flag.grave else "flag"


def _draw_flag(root: Element, time: Axis, flag: Flag) -> None:
    """Draws a flag; a grave one has corners, for readers who see no colours."""
    x, y = percent(time, flag.at), _STATES + 8 + _ROW * flag.row
    width = 2 * _RADIUS + 7 * (len(flag.label) - 1)
    shape = element(root, "rect", class_=_css_class(flag), x=x, y=y, width=width, height=2 * _RADIUS,
                    rx=2 if flag.grave else _RADIUS, transform=f"translate({-width / 2} 0)")  # fmt: skip
    element(shape, "title", "; ".join(f"{moment(item.event.at)}: {item.event.what}" for item in flag.items))
    element(root, "text", flag.label, class_=_css_class(flag), x=x, y=y + _RADIUS + 4)
