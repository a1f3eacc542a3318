"""The history as text: a table of runs, a summary of each quarter, and the regressions.

With a width, tables are cut and reasons wrapped to it; without one, as in a pipe, nothing is cut.
"""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

import click

from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import QuarterStats, RecoveryTrend, Review, Transition
from brownout_core.formatting import seconds
from brownout_core.safe_text import printable
from brownout_core.tables import Cell, Column, table
from brownout_core.verdict import Verdict

COLOURS: Final[Mapping[str, str]] = {
    Verdict.PASSED: "green",
    Verdict.REFUTED: "red",
    Verdict.INCONCLUSIVE: "magenta",
    Verdict.REFUSED: "yellow",
    Verdict.STOPPED: "yellow",
    Verdict.NOT_REVERTED: "red",
    Verdict.INTERNAL: "red",
    Verdict.DONE: "blue",
    "running": "cyan",
    "unfinished": "magenta",
}
SIGNS: Final = {"regression": "▼", "fixed": "▲", "changed": "◇"}
_STAMP: Final = len("20261124-100000")
_ROOM_FOR_REASONS: Final = 120
"""Columns of a terminal that is wide enough for them."""
MAX_QUARTERS: Final = 4
MAX_FIXED: Final = 5
"""Fixed regressions that are listed."""
_INDENT: Final = " " * len("2026-11-24  ")
_COUNTED: Final = (Verdict.PASSED, Verdict.REFUTED, Verdict.STOPPED)


def render(review: Review, width: int | None, limit: int) -> str:
    """`limit` is the number of runs that are listed, the newest; 0 lists all. click strips the colours for a file."""
    return "\n".join(_lines(review, width, limit)) + "\n"


def nothing(place: str) -> str:
    """The text for a history without runs."""
    return (
        f"There are no runs in {place} yet. Begin one with\n"
        "  brownout run EXPERIMENT.yaml\n"
        "or name directories that hold some, such as what CI has kept:\n"
        "  brownout history --runs DIR\n"
    )


def _lines(review: Review, width: int | None, limit: int) -> Iterator[str]:
    short = short_names(review)
    yield from _run_table(review, short, width, limit)
    grave = ", ".join(short[run.run] for run in review.runs if run.state == Verdict.NOT_REVERTED)
    if grave:
        yield ""
        for part in _wrapped(f"Not verified as reverted, a person must look: {grave}", width):
            yield click.style(part, fg="red", bold=True)
    yield from _quarters_table(review.quarter_stats, width)
    yield from _recovery_table(review.recovery_trends, width)
    yield from _transition_list("Regressions caught", review.of_kind("regression"), short, width, limit)
    yield from _transition_list(
        "Broke when the experiment was changed, so not counted", review.of_kind("changed"), short, width, limit
    )
    yield from _expired_table(review, width)


def _run_table(review: Review, short: Mapping[str, str], width: int | None, limit: int) -> Iterator[str]:
    listed = list(reversed(review.runs[-limit:] if limit else review.runs))
    signs = {(transition.now.run, transition.now.started): SIGNS[transition.kind] for transition in review.transitions}
    columns = [
        Column("RUN"), Column("VERDICT"), Column(""), Column("EXPERIMENT", gives="clipped"),
        Column("ENV", gives="clipped"), Column("TOOK", right=True, gives="left out"),
        Column("RECOVERED", right=True, gives="left out"),
    ]  # fmt: skip
    rows = [
        [
            Cell(short[run.run]), Cell(run.state, COLOURS.get(run.state)), Cell(signs.get((run.run, run.started), "")),
            Cell(run.experiment), Cell(run.environment), Cell(seconds(run.duration)), Cell(recovered(run)),
        ]
        for run in listed
    ]  # fmt: skip
    if width is None or width >= _ROOM_FOR_REASONS:
        columns.append(Column("WHY", gives="clipped"))
        rows = [[*row, Cell(why(run))] for row, run in zip(rows, listed, strict=True)]
    yield from table(columns, rows, width)
    if any(row[2].text for row in rows):
        legend = {"▼": "regression", "▲": "fixed", "◇": "broke when the experiment was changed"}
        used = {row[2].text for row in rows}
        yield click.style(", ".join(f"{sign} {what}" for sign, what in legend.items() if sign in used), dim=True)
    if len(listed) < len(review.runs):
        yield click.style(f"{len(listed)} of {len(review.runs)} runs, the newest; --limit 0 shows all", dim=True)


def short_names(review: Review) -> dict[str, str]:
    """The time of each run, by which `brownout report` finds it; the whole name where that is not enough."""
    compared = (
        run
        for transition in review.transitions
        for run in (transition.before, transition.now, transition.ended)
        if run is not None
    )
    names = {run.run for run in (*review.runs, *compared)}
    stamps = Counter(name[:_STAMP] for name in names)
    return {name: name[:_STAMP] if stamps[name[:_STAMP]] == 1 else name for name in names}


def why(run: RunSummary) -> str:
    """The first reason of a run; "" for a run that passed without any reservation."""
    return "" if run.state == "passed" and run.reason == Verdict.PASSED.meaning else run.reason


def recovered(run: RunSummary) -> str:
    return "not seen" if run.unrecovered else "" if run.recovery is None else seconds(run.recovery)


def _titled(title: str) -> Iterator[str]:
    yield ""
    yield click.style(title, bold=True, underline=True)


def _quarters_table(quarter_stats: Sequence[QuarterStats], width: int | None) -> Iterator[str]:
    if not quarter_stats:
        return
    yield from _titled("By quarter")
    columns = [
        Column("QUARTER"), *(Column(title, right=True) for title in ("RUNS", "PASSED", "REFUTED")),
        *(Column(title, right=True, gives="left out") for title in ("STOPPED", "OTHER")),
        Column("HELD", right=True), Column("REGRESSIONS", right=True), Column("FIXED", right=True, gives="left out"),
    ]  # fmt: skip
    rows = []
    for stats in quarter_stats:
        counts = [stats.states.get(verdict, 0) for verdict in _COUNTED]
        rate = "" if stats.pass_rate is None else rate_text(stats.pass_rate)
        numbers = [stats.runs, *counts, stats.runs - sum(counts)]
        caught = Cell(str(stats.regressions), "red" if stats.regressions else None)
        cells = [Cell(str(stats.quarter)), *(Cell(str(number)) for number in numbers), Cell(rate), caught]
        rows.append([*cells, Cell(str(stats.fixed))])
    yield from table(columns, rows, width)


def rate_text(rate: float) -> str:
    """Rounded down, so that 100 % means all."""
    return f"{math.floor(rate * 100)} %"


def _recovery_table(trends: Sequence[RecoveryTrend], width: int | None) -> Iterator[str]:
    if not trends:
        return
    quarters = sorted({item.quarter for trend in trends for item in trend.quarters})[-MAX_QUARTERS:]
    yield from _titled("Recovery time, the median of a quarter")
    columns = [
        Column("EXPERIMENT", gives="clipped"), Column("ENV", gives="clipped"),
        *(Column(str(quarter), right=True, gives="left out") for quarter in quarters),
        Column("CHANGE", right=True),
    ]  # fmt: skip
    rows = []
    for trend in trends:
        medians = {item.quarter: median_text(item.median) for item in trend.quarters}
        cells = [Cell(medians.get(quarter, "")) for quarter in quarters]
        rows.append([Cell(trend.experiment), Cell(trend.environment), *cells, _change(trend)])
    yield from table(columns, rows, width)


def median_text(value: float) -> str:
    return "not seen" if math.isinf(value) else seconds(value)


def change_text(change: float | None) -> str:
    """The change of a recovery time; an increase is worse."""
    if change is None or change == 0:
        return "" if change is None else "same"
    if math.isinf(change):
        return "no longer" if change > 0 else "again"
    return f"{'+' if change > 0 else '−'}{seconds(abs(change))}"


def _change(trend: RecoveryTrend) -> Cell:
    return Cell(change_text(trend.change))


def _transition_list(
    title: str, transitions: Sequence[Transition], short: Mapping[str, str], width: int | None, limit: int
) -> Iterator[str]:
    """The newest transitions, and every regression that is not fixed."""
    if not transitions:
        return
    yield from _titled(f"{title}: {len(transitions)}")
    listed = [
        transition
        for n, transition in enumerate(reversed(transitions))
        if not limit or n < MAX_FIXED or _is_open(transition)
    ]
    for transition in listed:
        now, before = transition.now, transition.before
        where = f" ({now.environment})" if now.environment else ""
        yield from _wrapped(f"{now.started:%Y-%m-%d}  {now.experiment}{where}: {now.reason}", width)
        text = f"{before.verdict} in {short[before.run]}, {now.verdict} in {short[now.run]}"
        if transition.kind == "regression":
            text += "; not fixed yet" if transition.ended is None else f"; fixed in {short[transition.ended.run]}"
        yield from _wrapped(f"{_INDENT}{text}", width)
    if len(listed) < len(transitions):
        yield click.style(f"and {len(transitions) - len(listed)} older ones; --limit 0 shows all", dim=True)


def _is_open(transition: Transition) -> bool:
    return transition.kind == "regression" and transition.ended is None


def _wrapped(text: str, width: int | None) -> Iterator[str]:
    if width is None:
        yield text
        return
    first = text[: len(text) - len(text.lstrip())]
    lines = textwrap.wrap(text.strip(), width, initial_indent=first, subsequent_indent=_INDENT, break_on_hyphens=False)
    yield from map(printable, lines)  # where a long word is cut, its end comes to stand at the beginning of a line


def _expired_table(review: Review, width: int | None) -> Iterator[str]:
    if not review.expired:
        return
    yield from _titled(f"No conclusive run for {days(review.lasting)}: {len(review.expired)}")
    columns = [Column("EXPERIMENT", gives="clipped"), Column("ENV", gives="clipped"), Column("LAST RESULT")]
    rows = [
        [
            Cell(run.experiment),
            Cell(run.environment),
            Cell(f"{run.state} {run.started:%Y-%m-%d}" if ever else "none ever"),
        ]
        for run, ever in review.expired
    ]
    yield from table(columns, rows, width)


def days(time: timedelta) -> str:
    return f"{time.days} day{'' if time.days == 1 else 's'}" if time.days else seconds(time.total_seconds())
