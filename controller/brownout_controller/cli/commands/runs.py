"""`brownout runs`: the current and past runs, here or at a controller."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from brownout_controller.cli.client.run_client import ClientOptions, place_options
from brownout_controller.cli.console import output
from brownout_controller.cli.console.progress import notice
from brownout_controller.engine.run_list import CUT_OFF, Row, RunList
from brownout_controller.model.run_summary import utc
from brownout_controller.report import unread_journals
from brownout_controller.report.history.history_text import COLOURS
from brownout_core.formatting import line
from brownout_core.tables import Cell, Column, table
from brownout_core.terminal import coloured

_NEWEST: Final = 20
_ALL: Final = 10_000
_COLUMNS: Final = (
    Column("run", gives="last"),
    Column("state"),
    Column("left", right=True),
    Column("age", right=True),
    Column("env", gives="left out"),
    Column("experiment", gives="left out"),
    Column("targets", gives="left out"),
)


@click.command("runs", short_help="List the runs that go on, and those that are over.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help=f"Show the newest N [{_NEWEST}; --json: all].")
@click.option("--all", "everything", is_flag=True, help="Show all of them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@place_options
def runs(limit: int | None, everything: bool, as_json: bool, where: ClientOptions) -> None:
    """List runs, newest first: what goes on, for how long its phase still lasts, and the verdict of what is over.

    Runs that are not over are listed whatever the limit is. One that is `cut off` was killed; `brownout stop` or the
    next start undoes what it has left.

    \b
    brownout runs
    brownout runs --controller 127.0.0.1:8480
    """
    most = _ALL if everything or (limit is None and as_json) else _NEWEST if limit is None else limit
    found = asyncio.run(_found(where, most))
    for sentence in unread_journals.sentences(found.left_out):
        notice(f"warning: {sentence}")
    now = datetime.now(UTC)
    if as_json:
        rows = [as_content(row, now) for row in found.rows]
        output.echo(json.dumps({"runs": rows, "left_out": unread_journals.content(found.left_out)}, indent=2))
    elif not found.rows:
        output.echo(f"There are no runs {where.place} yet. Begin one with\n  brownout run EXPERIMENT.yaml")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for text in table_lines(found.rows, now, width):
            output.echo(text if coloured(sys.stdout) else click.unstyle(text))


async def _found(where: ClientOptions, limit: int) -> RunList:
    async with where.open(notice) as client:
        return await client.list_runs(limit)


def table_lines(rows: Sequence[Row], now: datetime, width: int | None) -> Sequence[str]:
    """A line for each, under a heading; no wider than `width`."""
    return list(table(_COLUMNS, [_cells(row, now) for row in rows], width))


def _cells(row: Row, now: datetime) -> Sequence[Cell]:
    state = state_of(row)
    age = _age(row, now)
    return [
        Cell(line(row.brief.run_id)),
        Cell(state, COLOURS.get(state, "cyan" if not row.is_over and row.state != CUT_OFF else None)),
        Cell("" if row.left is None else f"{math.ceil(row.left)}s"),
        Cell("" if age is None else _length(age)),
        Cell(line(row.brief.environment)),
        Cell(line(row.brief.name)),
        Cell(line(", ".join(row.targets))),
    ]


def state_of(row: Row) -> str:
    """The verdict of a run that is over, else its phase or state."""
    if row.brief.verdict is not None:
        return line(row.brief.verdict.verdict)
    return CUT_OFF if row.state == CUT_OFF else row.phase or row.state


def _age(row: Row, now: datetime) -> float | None:
    try:
        return max(0.0, (now - utc(row.brief.started)).total_seconds())
    except ValueError:
        return None


def _length(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f}{unit}"
    return f"{seconds:.0f}s"


def as_content(row: Row, now: datetime) -> dict[str, Any]:
    verdict = row.brief.verdict
    return {
        "run": row.brief.run_id,
        "experiment": row.brief.name,
        "environment": row.brief.environment,
        "started": row.brief.started,
        "age_seconds": _age(row, now),
        "state": row.state,
        "phase": row.phase or None,
        "left_seconds": row.left,
        "targets": list(row.targets),
        "verdict": None if verdict is None else verdict.verdict,
        "exit": None if verdict is None else verdict.exit,
        "ad_hoc": not row.brief.claims,
    }
