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
from brownout_core.html.page import Tile
from brownout_core.verdict import Verdict

MAX_MARKS: Final = 3000
"""Runs that are drawn, the newest ones: a browser should scroll the page with ease."""
MAX_ROWS: Final = 500
"""Of one table."""
MAX_QUARTERS: Final = 12
MAX_PROMINENT: Final = 8
"""Fixed regressions that the page lists without a click."""


class Trend(NamedTuple):
    """The recovery times of an experiment, drawn and in a sentence."""

    name: str
    sentence: str
    drawn: Markup


def render(review: Review, warnings: Sequence[str] = (), limit: int = 0) -> str:
    """`limit` is how many runs are listed; 0 lists as many as the page takes."""
    newest = review.runs[-MAX_MARKS:]
    now = datetime.min.replace(tzinfo=UTC)
    dates = of_dates(*((newest[0].started, newest[-1].started) if newest else (now, now)))
    caught = review.of_kind("regression")[::-1]
    prominent = [
        transition for number, transition in enumerate(caught) if number < MAX_PROMINENT or transition.ended is None
    ]
    rows = min(limit or MAX_ROWS, MAX_ROWS)
    return page.render(
        "history.html.j2",
        review=review,
        why=why,
        warnings=warnings,
        short=short_names(review),
        caught=caught,
        prominent=prominent,
        others=[transition for transition in caught if transition not in prominent],
        changed=review.of_kind("changed")[::-1],
        tiles=tiles(review),
        not_reverted=[run for run in review.runs if run.state == Verdict.NOT_REVERTED],
        states=[state for state in history_plots.STATES if any(run.state == state for run in review.runs)],
        undrawn=len(review.runs) - len(newest),
        runs_drawn=history_plots.runs(newest, review.transitions, dates),
        quarters_drawn=history_plots.quarters(review.quarter_stats[-MAX_QUARTERS:]),
        trends=[
            Trend(history_plots.name_of(trend.experiment, trend.environment), sentence(trend), drawn)
            for trend in review.recovery_trends
            if (drawn := history_plots.recovery(trend, dates))
        ],
        listed=list(reversed(review.runs))[:rows],
        most=MAX_ROWS,
        lasting=days(review.lasting),
        name_of=history_plots.name_of,
        rate=rate_text,
        recovered=recovered,
        counted=history_plots.counted,
        fills=history_plots.FILLS,
    )


def tiles(review: Review) -> Sequence[Tile]:
    """The figures over all quarters of the review."""
    caught = review.of_kind("regression")
    unfixed = sum(transition.ended is None for transition in caught)
    fixed = f"{unfixed} not fixed yet" if unfixed else "all fixed"
    held, broke = (sum(getattr(stats, name) for stats in review.quarter_stats) for name in ("held", "broke"))
    return [
        Tile("regressions caught", str(len(caught)), fixed if caught else "", grave=unfixed > 0),
        Tile("held", rate_text(held / (held + broke)) if held + broke else "nothing yet",
             f"{held} of {held + broke} conclusive runs"),
        Tile("runs", str(len(review.runs)), _scope(review)),
        Tile("out of date", str(len(review.expired)), f"no conclusive run for {days(review.lasting)}"),
    ]  # fmt: skip


def _scope(review: Review) -> str:
    experiments, environments = ({run.place[n] for run in review.runs} for n in (0, 1))
    return f"of {_count(len(experiments), 'experiment')} in {_count(len(environments), 'environment')}"


def sentence(trend: RecoveryTrend) -> str:
    """How the last quarter compares with the one before."""
    last = trend.quarters[-1]
    text = f"{median_text(last.median)} in {last.quarter}, the median of {_count(last.runs, 'run')}"
    if trend.change is not None:
        before = trend.quarters[-2]
        change = {"same": "as before", "no longer": "before it recovered", "again": "before it did not"}.get(
            change_text(trend.change), change_text(trend.change)
        )
        text += f"; {median_text(before.median)} in {before.quarter}: {change}"
    if last.unrecovered:
        text += f"; {_count(last.unrecovered, 'run')} did not recover while watched"
    return text


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
