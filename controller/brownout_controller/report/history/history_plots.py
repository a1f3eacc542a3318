"""The plots of a history, as SVG: runs over time, verdicts by quarter, recovery times.

As in the plots of a run, a place along the time is a percentage and everything else is in pixels. Shapes are in
templates/history.html.j2, looks in templates/page.css.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element

from markupsafe import Markup

from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import Quarter, QuarterStats, RecoveryTrend, Transition
from brownout_controller.report.history.history_text import recovered
from brownout_controller.report.svg import axis
from brownout_controller.report.svg.dates import Dates
from brownout_controller.report.svg.plot import element, markup
from brownout_core.formatting import quantity, seconds
from brownout_core.units import SECONDS
from brownout_core.verdict import Verdict

STATES: Final = (*Verdict, "running", "unfinished")
"""In the order in which bars are stacked."""
_LATE: Final = (
    Verdict.DONE, Verdict.PASSED, "unfinished", "running", Verdict.REFUSED, Verdict.INCONCLUSIVE, Verdict.INTERNAL,
    Verdict.STOPPED, Verdict.REFUTED, Verdict.NOT_REVERTED,
)  # fmt: skip
_PLAIN: Final = (Verdict.PASSED, Verdict.REFUTED, Verdict.STOPPED, Verdict.INCONCLUSIVE, Verdict.DONE)
FILLS: Final = {state: "currentColor" if state in _PLAIN else f"url(#hatch-{state})" for state in STATES}
"""How bars are filled: what shares its colour with something graver, or more frequent, is hatched."""
_ROW: Final = 44
_FOOT: Final = 6
_EDGE: Final = 0.06
"""The share of the length where a name would stick out to the left if its moment were its middle."""
_MARKS: Final = 30
"""Below the top of a row; its name is above them."""
_BARS: Final = 160
_WIDEST: Final = 12.0
"""Percent: one bar alone should not look like a wall."""
_LETTERS: Final = 14
_RECOVERY: Final = 96
_TOP: Final = 22
"""Pixels at the top of a recovery plot for runs that did not recover."""


def runs(summaries: Sequence[RunSummary], transitions: Iterable[Transition], dates: Dates) -> Markup:
    """A row for each experiment and environment, a mark for each run, a ring around a regression."""
    rows: dict[tuple[str, str], list[RunSummary]] = {}
    for run in sorted(summaries, key=lambda run: run.place):
        rows.setdefault(run.place, []).append(run)
    caught = {
        (transition.now.run, transition.now.started) for transition in transitions if transition.kind == "regression"
    }
    height = max(1, len(rows)) * _ROW + _FOOT
    root = element(None, "svg", class_="plot wide", role="img", width="100%", height=height)
    element(root, "title", "verdicts over time")
    element(root, "desc", f"{len(summaries)} runs of {len(rows)} experiments; each is in the list of runs")
    _moments(root, dates, height)
    for number, (place, some) in enumerate(rows.items()):
        top = number * _ROW
        element(root, "line", class_="grid", x1=0, x2="100%", y1=top + _MARKS, y2=top + _MARKS)
        inside = element(root, "svg", x=0, y=top, width="100%", height=_MARKS)  # cuts off what is too long
        element(element(inside, "text", name_of(*place), class_="row-name", x=0, y=13), "title", name_of(*place))
        for run in sorted(some, key=_drawn_late):
            x, y = dates.percent(run.started), top + _MARKS
            mark = element(root, "use", href=f"#run-{run.state}", class_=f"run {run.state}", x=x, y=y)
            element(mark, "title", title_of(run))
            if (run.run, run.started) in caught:
                element(root, "use", href="#run-ring", class_="run grave", x=x, y=y)
    return markup(root)


def _drawn_late(run: RunSummary) -> int:
    """Passed runs come first, as they are many, and must hide nothing; then from the harmless to the grave."""
    return _LATE.index(run.state)


def name_of(experiment: str, environment: str) -> str:
    return f"{experiment} in {environment}" if environment else experiment


def title_of(run: RunSummary) -> str:
    """The tooltip of a run."""
    text = f"{run.started:%Y-%m-%d %H:%M}: {run.state}"
    return f"{text} ({run.run})" if run.state == Verdict.PASSED else f"{text}: {run.reason} ({run.run})"


def _moments(root: Element, dates: Dates, bottom: float) -> None:
    element(root, "line", class_="axis", x1=0, x2="100%", y1=bottom, y2=bottom)
    for moment, name in dates.ticks:
        x = dates.percent(moment)
        element(root, "line", class_="grid", x1=x, x2=x, y1=0, y2=bottom + 4)
        look = "tick first" if dates.share(moment) < _EDGE else "tick"
        element(root, "text", name, class_=look, x=x, y=bottom + 17)


def quarters(quarter_stats: Sequence[QuarterStats]) -> Markup:
    """A bar for each quarter, its runs by state; numbers where there is room for them."""
    most = max((stats.runs for stats in quarter_stats), default=0)
    scale = axis.of_values([0.0, float(most)])
    root = element(None, "svg", class_="plot bars", role="img", width="100%", height=_BARS)
    element(root, "title", "verdicts by quarter")
    element(root, "desc", "; ".join(f"{stats.quarter}: {counted(stats.states)}" for stats in quarter_stats))
    for value in scale.ticks:
        if value == int(value):
            y = _BARS * (1 - scale.share(value))
            element(root, "line", class_="grid", x1=0, x2="100%", y1=f"{y:.1f}", y2=f"{y:.1f}")
            element(root, "text", f"{value:.0f}", class_="level", x=-8, y=f"{y + 4:.1f}")
    slot = 100 / max(1, len(quarter_stats))
    for number, stats in enumerate(quarter_stats):
        _bar(root, stats, (number + 0.5) * slot, min(0.6 * slot, _WIDEST), scale)
        first = number == 0 or stats.quarter.number == 1
        _quarter_name(root, stats.quarter, (number + 0.5) * slot, with_year=first)
    return markup(root)


def _bar(root: Element, stats: QuarterStats, middle: float, width: float, scale: axis.Axis) -> None:
    below = 0
    for state in STATES:
        count = stats.states.get(state, 0)
        if not count:
            continue
        high = _BARS * (scale.share(below + count) - scale.share(below))
        top = _BARS * (1 - scale.share(below + count))
        part = element(root, "rect", class_=f"part {state}", fill=FILLS[state], x=f"{middle - width / 2:.2f}%",
                       y=f"{top:.1f}", width=f"{width:.2f}%", height=f"{high:.1f}")  # fmt: skip
        element(part, "title", f"{stats.quarter}: {count} {state}")
        if high >= _LETTERS:
            element(root, "text", str(count), class_="count", x=f"{middle:.2f}%", y=f"{top + high / 2 + 4:.1f}")
        below += count


def _quarter_name(root: Element, quarter: Quarter, middle: float, *, with_year: bool) -> None:
    """The year once, so that names have room on a small screen."""
    element(root, "text", f"Q{quarter.number}", class_="tick", x=f"{middle:.2f}%", y=_BARS + 16)
    if with_year:
        element(root, "text", str(quarter.year), class_="tick", x=f"{middle:.2f}%", y=_BARS + 31)


def counted(states: Mapping[str, int]) -> str:
    """Like `3 passed, 1 refuted`."""
    return ", ".join(f"{states[state]} {state}" for state in STATES if states.get(state)) or "no runs"


def recovery(trend: RecoveryTrend, dates: Dates) -> Markup:
    """A dot for each run, and a line for the median of each quarter. What did not recover is above everything."""
    times = [run.recovery for run in trend.runs if run.recovery is not None]
    scale = axis.of_values([0.0, *times])
    root = element(None, "svg", class_="plot", role="img", width="100%", height=_TOP + _RECOVERY)
    element(root, "title", f"recovery time of {name_of(trend.experiment, trend.environment)}")
    element(root, "desc", "; ".join(f"{item.quarter}: {_time(item.median)}" for item in trend.quarters))
    for value in scale.ticks:
        y = _y(scale, value)
        element(root, "line", class_="grid", x1=0, x2="100%", y1=y, y2=y)
        element(root, "text", quantity(value, SECONDS), class_="level", x=-8, y=f"{y + 4:.1f}")
    _moments(root, dates, _TOP + _RECOVERY)
    if any(run.unrecovered for run in trend.runs):
        element(root, "text", "not seen", class_="level", x=-8, y=10)
    for item in trend.quarters:
        _median(root, item.quarter, item.median, dates, scale)
    for run in sorted(trend.runs, key=lambda run: run.unrecovered):
        x = dates.percent(run.started)
        if run.recovery is None:
            dot = element(element(root, "g", class_="dots bad"), "use", href="#bad", x=x, y=6)
        else:
            dot = element(element(root, "g", class_="dots good"), "circle", cx=x, cy=_y(scale, run.recovery), r=3)
        element(dot, "title", f"{run.started:%Y-%m-%d %H:%M}: {recovered(run)} ({run.run})")
    return markup(root)


def _median(root: Element, quarter: Quarter, median: float, dates: Dates, scale: axis.Axis) -> None:
    """From one end of the quarter to the other, as far as the plot goes."""
    begin, end = (dates.percent(moment) for moment in bounds(quarter))
    never = math.isinf(median)
    y = 6 if never else _y(scale, median)
    line = element(root, "line", class_="median never" if never else "median", x1=begin, x2=end, y1=y, y2=y)
    element(line, "title", f"median of {quarter}: {_time(median)}")


def bounds(quarter: Quarter) -> tuple[datetime, datetime]:
    """Its first moment, and that of the next one."""
    begin, following = (
        datetime(min(item.year, 9999), item.number * 3 - 2, 1, tzinfo=UTC) for item in (quarter, quarter.next)
    )
    return begin, max(begin, following)


def _time(median: float) -> str:
    return "not recovered" if math.isinf(median) else seconds(median)


def _y(scale: axis.Axis, value: float) -> float:
    return round(_TOP + _RECOVERY * (1 - scale.share(value)), 1)
