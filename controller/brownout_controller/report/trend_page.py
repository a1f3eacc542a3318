"""The history as a page: regressions first, then runs over time, quarters, recovery times, and the list of runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from markupsafe import Markup

from brownout_controller.model.trend import Course, Review
from brownout_controller.model.verdict import Verdict
from brownout_controller.report import page, trend_plot
from brownout_controller.report.dates import of_dates
from brownout_controller.report.trend_text import change_text, days, median_text, rate_text, recovered, short_names, why

_MARKS: Final = 3000
"""Runs that are drawn, the newest ones: a browser should scroll the page with ease."""
_ROWS: Final = 500
"""Of one table."""
_SEASONS: Final = 12
_TURNS: Final = 8
"""Regressions that are shown at once although they are fixed."""


class Tile(NamedTuple):
    """A figure that people look for first."""

    name: str
    value: str
    note: str = ""
    grave: bool = False


class Trend(NamedTuple):
    """The recovery times of an experiment, drawn and in a sentence."""

    name: str
    told: str
    drawn: Markup


def render(told: Review, warnings: Sequence[str] = (), limit: int = 0) -> str:
    """`limit` is how many runs are listed; 0 is as many as a page should have."""
    shown = told.runs[-_MARKS:]
    now = datetime.min.replace(tzinfo=UTC)
    dates = of_dates(*((shown[0].started, shown[-1].started) if shown else (now, now)))
    caught = told.of_kind("regression")[::-1]
    prominent = [turn for number, turn in enumerate(caught) if number < _TURNS or turn.ended is None]
    rows = min(limit or _ROWS, _ROWS)
    return page.render(
        "history.html.j2",
        told=told,
        why=why,
        warnings=warnings,
        short=short_names(told),
        caught=caught,
        prominent=prominent,
        others=[turn for turn in caught if turn not in prominent],
        changed=told.of_kind("changed")[::-1],
        tiles=tiles(told),
        not_reverted=[run for run in told.runs if run.state == Verdict.NOT_REVERTED],
        states=[state for state in trend_plot.STATES if any(run.state == state for run in told.runs)],
        undrawn=len(told.runs) - len(shown),
        runs_drawn=trend_plot.runs(shown, told.turns, dates),
        quarters_drawn=trend_plot.quarters(told.seasons[-_SEASONS:]),
        trends=[
            Trend(trend_plot.name_of(course.experiment, course.environment), sentence(course), drawn)
            for course in told.courses
            if (drawn := trend_plot.recovery(course, dates))
        ],
        listed=list(reversed(told.runs))[:rows],
        most=_ROWS,
        lasting=days(told.lasting),
        name_of=trend_plot.name_of,
        rate=rate_text,
        recovered=recovered,
        counted=trend_plot.counted,
        fills=trend_plot.FILLS,
    )


def tiles(told: Review) -> Sequence[Tile]:
    """Over all quarters that are told of."""
    caught = told.of_kind("regression")
    unmended = sum(turn.ended is None for turn in caught)
    mended = f"{unmended} not fixed yet" if unmended else "all fixed"
    held, broke = (sum(getattr(season, name) for season in told.seasons) for name in ("held", "broke"))
    return [
        Tile("regressions caught", str(len(caught)), mended if caught else "", grave=unmended > 0),
        Tile("held", rate_text(held / (held + broke)) if held + broke else "nothing yet",
             f"{held} of {held + broke} conclusive runs"),
        Tile("runs", str(len(told.runs)), _places(told)),
        Tile("out of date", str(len(told.expired)), f"no conclusive run for {days(told.lasting)}"),
    ]  # fmt: skip


def _places(told: Review) -> str:
    experiments, environments = ({run.place[n] for run in told.runs} for n in (0, 1))
    return f"of {_count(len(experiments), 'experiment')} in {_count(len(environments), 'environment')}"


def sentence(course: Course) -> str:
    """How the last quarter compares with the one before."""
    last = course.quarters[-1]
    told = f"{median_text(last.median)} in {last.quarter}, the median of {_count(last.runs, 'run')}"
    if course.change is not None:
        before = course.quarters[-2]
        change = {"same": "as before", "no longer": "before it recovered", "again": "before it did not"}.get(
            change_text(course.change), change_text(course.change)
        )
        told += f"; {median_text(before.median)} in {before.quarter}: {change}"
    if last.unrecovered:
        told += f"; {_count(last.unrecovered, 'run')} did not recover while watched"
    return told


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
