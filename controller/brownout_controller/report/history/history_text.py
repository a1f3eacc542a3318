"""The history for people: a table of runs, a summary of each quarter, the regressions that were caught.

With a width no line is longer but for the reasons, which are wrapped; without one, as in a pipe, nothing is cut.
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
_SEASONS: Final = 4
_TURNS: Final = 5
"""How many regressions are told that are fixed."""
_INDENT: Final = " " * len("2026-11-24  ")
_COUNTED: Final = (Verdict.PASSED, Verdict.REFUTED, Verdict.STOPPED)


def render(told: Review, width: int | None, limit: int) -> str:
    """`limit` is how many runs are shown, the newest ones; 0 is all. Colours are for a terminal: click strips them."""
    return "\n".join(_lines(told, width, limit)) + "\n"


def nothing(place: str) -> str:
    """What to do when there is no run yet."""
    return (
        f"There are no runs in {place} yet. Begin one with\n"
        "  brownout run EXPERIMENT.yaml\n"
        "or name directories that hold some, such as what CI has kept:\n"
        "  brownout history --runs DIR\n"
    )


def _lines(told: Review, width: int | None, limit: int) -> Iterator[str]:
    short = short_names(told)
    yield from _runs(told, short, width, limit)
    grave = ", ".join(short[run.run] for run in told.runs if run.state == Verdict.NOT_REVERTED)
    if grave:
        yield ""
        for part in _wrapped(f"Not verified as reverted, a person must look: {grave}", width):
            yield click.style(part, fg="red", bold=True)
    yield from _seasons(told.quarter_stats, width)
    yield from _courses(told.recovery_trends, width)
    yield from _turns("Regressions caught", told.of_kind("regression"), short, width, limit)
    yield from _turns(
        "Broke when the experiment was changed, so not counted", told.of_kind("changed"), short, width, limit
    )
    yield from _expired(told, width)


def _runs(told: Review, short: Mapping[str, str], width: int | None, limit: int) -> Iterator[str]:
    shown = list(reversed(told.runs[-limit:] if limit else told.runs))
    signs = {(turn.now.run, turn.now.started): SIGNS[turn.kind] for turn in told.transitions}
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
        for run in shown
    ]  # fmt: skip
    if width is None or width >= _ROOM_FOR_REASONS:
        columns.append(Column("WHY", gives="clipped"))
        rows = [[*row, Cell(why(run))] for row, run in zip(rows, shown, strict=True)]
    yield from table(columns, rows, width)
    if any(row[2].text for row in rows):
        legend = {"▼": "regression", "▲": "fixed", "◇": "broke when the experiment was changed"}
        used = {row[2].text for row in rows}
        yield click.style(", ".join(f"{sign} {what}" for sign, what in legend.items() if sign in used), dim=True)
    if len(shown) < len(told.runs):
        yield click.style(f"{len(shown)} of {len(told.runs)} runs, the newest; --limit 0 shows all", dim=True)


def short_names(told: Review) -> dict[str, str]:
    """The time of each run, by which `brownout report` finds it; the whole name where that is not enough."""
    compared = (run for turn in told.transitions for run in (turn.before, turn.now, turn.ended) if run is not None)
    names = {run.run for run in (*told.runs, *compared)}
    stamps = Counter(name[:_STAMP] for name in names)
    return {name: name[:_STAMP] if stamps[name[:_STAMP]] == 1 else name for name in names}


def why(run: RunSummary) -> str:
    """Its first reason; of one that passed nothing, unless that proves less than usual."""
    return "" if run.state == "passed" and run.reason == Verdict.PASSED.meaning else run.reason


def recovered(run: RunSummary) -> str:
    return "not seen" if run.unrecovered else "" if run.recovery is None else seconds(run.recovery)


def _titled(title: str) -> Iterator[str]:
    yield ""
    yield click.style(title, bold=True, underline=True)


def _seasons(seasons: Sequence[QuarterStats], width: int | None) -> Iterator[str]:
    if not seasons:
        return
    yield from _titled("By quarter")
    columns = [
        Column("QUARTER"), *(Column(title, right=True) for title in ("RUNS", "PASSED", "REFUTED")),
        *(Column(title, right=True, gives="left out") for title in ("STOPPED", "OTHER")),
        Column("HELD", right=True), Column("REGRESSIONS", right=True), Column("FIXED", right=True, gives="left out"),
    ]  # fmt: skip
    rows = []
    for season in seasons:
        counts = [season.states.get(verdict, 0) for verdict in _COUNTED]
        rate = "" if season.pass_rate is None else rate_text(season.pass_rate)
        numbers = [season.runs, *counts, season.runs - sum(counts)]
        caught = Cell(str(season.regressions), "red" if season.regressions else None)
        cells = [Cell(str(season.quarter)), *(Cell(str(number)) for number in numbers), Cell(rate), caught]
        rows.append([*cells, Cell(str(season.fixed))])
    yield from table(columns, rows, width)


def rate_text(rate: float) -> str:
    """100 % is said only of all."""
    return f"{math.floor(rate * 100)} %"


def _courses(courses: Sequence[RecoveryTrend], width: int | None) -> Iterator[str]:
    if not courses:
        return
    quarters = sorted({item.quarter for course in courses for item in course.quarters})[-_SEASONS:]
    yield from _titled("Recovery time, the median of a quarter")
    columns = [
        Column("EXPERIMENT", gives="clipped"), Column("ENV", gives="clipped"),
        *(Column(str(quarter), right=True, gives="left out") for quarter in quarters),
        Column("CHANGE", right=True),
    ]  # fmt: skip
    rows = []
    for course in courses:
        medians = {item.quarter: median_text(item.median) for item in course.quarters}
        cells = [Cell(medians.get(quarter, "")) for quarter in quarters]
        rows.append([Cell(course.experiment), Cell(course.environment), *cells, _change(course)])
    yield from table(columns, rows, width)


def median_text(value: float) -> str:
    return "not seen" if math.isinf(value) else seconds(value)


def change_text(change: float | None) -> str:
    """More is worse."""
    if change is None or change == 0:
        return "" if change is None else "same"
    if math.isinf(change):
        return "no longer" if change > 0 else "again"
    return f"{'+' if change > 0 else '−'}{seconds(abs(change))}"


def _change(course: RecoveryTrend) -> Cell:
    return Cell(change_text(course.change))


def _turns(
    title: str, turned: Sequence[Transition], short: Mapping[str, str], width: int | None, limit: int
) -> Iterator[str]:
    """The newest ones; and what is not mended, however old."""
    if not turned:
        return
    yield from _titled(f"{title}: {len(turned)}")
    shown = [turn for n, turn in enumerate(reversed(turned)) if not limit or n < _TURNS or _is_open(turn)]
    for turn in shown:
        now, before = turn.now, turn.before
        where = f" ({now.environment})" if now.environment else ""
        yield from _wrapped(f"{now.started:%Y-%m-%d}  {now.experiment}{where}: {now.reason}", width)
        told = f"{before.verdict} in {short[before.run]}, {now.verdict} in {short[now.run]}"
        if turn.kind == "regression":
            told += "; not fixed yet" if turn.ended is None else f"; fixed in {short[turn.ended.run]}"
        yield from _wrapped(f"{_INDENT}{told}", width)
    if len(shown) < len(turned):
        yield click.style(f"and {len(turned) - len(shown)} older ones; --limit 0 shows all", dim=True)


def _is_open(turn: Transition) -> bool:
    return turn.kind == "regression" and turn.ended is None


def _wrapped(text: str, width: int | None) -> Iterator[str]:
    if width is None:
        yield text
        return
    first = text[: len(text) - len(text.lstrip())]
    lines = textwrap.wrap(text.strip(), width, initial_indent=first, subsequent_indent=_INDENT, break_on_hyphens=False)
    yield from map(printable, lines)  # where a long word is cut, its end comes to stand at the beginning of a line


def _expired(told: Review, width: int | None) -> Iterator[str]:
    if not told.expired:
        return
    yield from _titled(f"No conclusive run for {days(told.lasting)}: {len(told.expired)}")
    columns = [Column("EXPERIMENT", gives="clipped"), Column("ENV", gives="clipped"), Column("LAST RESULT")]
    rows = [
        [
            Cell(run.experiment),
            Cell(run.environment),
            Cell(f"{run.state} {run.started:%Y-%m-%d}" if ever else "none ever"),
        ]
        for run, ever in told.expired
    ]
    yield from table(columns, rows, width)


def days(time: timedelta) -> str:
    return f"{time.days} day{'' if time.days == 1 else 's'}" if time.days else seconds(time.total_seconds())
