"""The history as a page: regressions first, then runs over time, quarters, recovery times, and the list of runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from markupsafe import Markup

from brownout_controller.model.trend import RecoveryTrend, Review
from brownout_controller.report.history import history_plots
from brownout_controller.report.history.history_text import (
    change_text,
    days,
    median_text,
    rate_text,
    recovered,
    short_names,
    why,
)
from brownout_controller.report.svg.dates import of_dates
from brownout_core.html import page
from brownout_core.verdict import Verdict

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
        states=[state for state in history_plots.STATES if any(run.state == state for run in told.runs)],
        undrawn=len(told.runs) - len(shown),
        runs_drawn=history_plots.runs(shown, told.transitions, dates),
        quarters_drawn=history_plots.quarters(told.quarter_stats[-_SEASONS:]),
        trends=[
            Trend(history_plots.name_of(course.experiment, course.environment), sentence(course), drawn)
            for course in told.recovery_trends
            if (drawn := history_plots.recovery(course, dates))
        ],
        listed=list(reversed(told.runs))[:rows],
        most=_ROWS,
        lasting=days(told.lasting),
        name_of=history_plots.name_of,
        rate=rate_text,
        recovered=recovered,
        counted=history_plots.counted,
        fills=history_plots.FILLS,
    )


def tiles(told: Review) -> Sequence[Tile]:
    """Over all quarters that are told of."""
    caught = told.of_kind("regression")
    unmended = sum(turn.ended is None for turn in caught)
    mended = f"{unmended} not fixed yet" if unmended else "all fixed"
    held, broke = (sum(getattr(season, name) for season in told.quarter_stats) for name in ("held", "broke"))
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


def sentence(course: RecoveryTrend) -> str:
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
