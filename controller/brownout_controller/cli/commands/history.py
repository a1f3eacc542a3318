"""`brownout history`: all runs as a table, as JSON, or as a page with plots."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import click

from brownout_controller.cli.client.run_client import RUNS, ClientOptions, controller_options
from brownout_controller.cli.commands.report import write
from brownout_controller.cli.console.output import echo
from brownout_controller.engine import history as past
from brownout_controller.model.run_summary import RunSummary, utc
from brownout_controller.model.trend import LASTING, Review, review
from brownout_controller.report.history import history_json, history_page, history_text
from brownout_controller.report.unread_journals import sentences
from brownout_core.errors import InvalidSpec, NotFound
from brownout_core.spelling import unknown
from brownout_core.terminal import coloured

_NEWEST: Final = 20
_SPAN: Final = re.compile(r"(\d{1,5})\s*([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_QUARTER: Final = re.compile(r"(\d{4})-?[qQ]([1-4])")


@click.command("history", short_help="List runs, trends and regressions.")
@click.option("--experiment", metavar="NAME", help="Only this experiment; * and ? stand for any letters.")
@click.option("--env", "environment", metavar="NAME", help="Only this environment; likewise.")
@click.option("--since", metavar="TIME", help="Only runs since then: 90d, 2w, 12h, 2026-01-01 or 2026-Q3.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help=f"Show N runs [{_NEWEST}; --json, --html: all].")
@click.option("--expires", metavar="TIME", help=f"After how long a result is out of date [{LASTING.days}d].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with plots; - is stdout.")
@click.option("--runs", "roots", type=click.Path(path_type=Path), multiple=True, metavar="DIR",
              help=f"Where the journals are, at any depth; repeatable [{RUNS}].")  # fmt: skip
@controller_options
def history(
    experiment: str | None,
    environment: str | None,
    since: str | None,
    limit: int | None,
    expires: str | None,
    as_json: bool,
    html: Path | None,
    roots: Sequence[Path],
    where: ClientOptions,
) -> None:
    """List runs, count verdicts by quarter, and find regressions: hypotheses that held before and broke now.

    Everything is computed from the journals. A regression is found between runs of the same, unchanged experiment in
    the same environment.
    """
    now = datetime.now(UTC)
    begin = None if since is None else moment(since, now)
    lasting = LASTING if expires is None else span("--expires", expires)
    if as_json and html is not None:
        raise InvalidSpec("--json", "cannot be combined with --html; run the command twice")
    found = _collected(roots, where)
    warn(found)
    runs = _chosen(found.runs, "experiment", experiment, lambda run: run.experiment)
    runs = _chosen(runs, "environment", environment, lambda run: run.environment)
    reviewed = review(runs, begin, now, lasting)
    if html is not None:
        _page(html, history_page.render(reviewed, found.warnings, limit or 0))
    elif as_json:
        click.echo(history_json.render(_limited(reviewed, limit or 0), found.warnings, found.left_out), nl=False)
    elif not found.runs:
        click.echo(history_text.nothing(where.controller or ", ".join(map(str, roots or [RUNS]))), nl=False)
    elif not reviewed.runs:
        click.echo(f"There are {len(runs)} runs, and none since {begin:%Y-%m-%d %H:%M} UTC.")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        text = history_text.render(reviewed, width, _NEWEST if limit is None else limit)
        click.echo(text, nl=False, color=coloured(sys.stdout))


def _collected(roots: Sequence[Path], where: ClientOptions) -> past.History:
    """Raises NotFound, Unavailable, InvalidSpec."""
    if where.controller is None:
        return past.collect(roots or ([RUNS] if RUNS.is_dir() else []))
    if roots:
        raise InvalidSpec("--runs", "is the controller's own: start it with it, not this command")

    async def fetched() -> past.History:
        async with where.open(lambda text: echo(text, err=True)) as venue:
            return await venue.history()

    return asyncio.run(fetched())


def warn(found: past.History) -> None:
    """Warns on stderr about journals that could not be read."""
    for warning in (*found.closed_to_us, *sentences(found.left_out)):
        echo(f"warning: {warning}", err=True)


def _page(file: Path, text: str) -> None:
    """Writes the page and prints its path, or writes it to stdout for `-`. Raises Unavailable."""
    if str(file) == "-":
        click.echo(text, nl=False)
    else:
        write(file, text)
        click.echo(str(file))


def _limited(reviewed: Review, limit: int) -> Review:
    """The review with its newest runs only; counts and trends stay as they are."""
    return reviewed._replace(runs=reviewed.runs[-limit:]) if limit else reviewed


def _chosen(
    runs: Sequence[RunSummary], what: str, pattern: str | None, name: Callable[[RunSummary], str]
) -> Sequence[RunSummary]:
    """Raises NotFound for a name that no run has, as it may be mistyped."""
    if pattern is None:
        return runs
    chosen = [run for run in runs if name(run) == pattern or fnmatchcase(name(run), pattern)]
    if runs and not chosen:
        raise NotFound(f"{pattern!r}: {unknown(what, pattern, sorted({name(run) for run in runs}))}")
    return chosen


def moment(text: str, now: datetime) -> datetime:
    """The time that --since names. Raises InvalidSpec."""
    quarter = _QUARTER.fullmatch(text.strip())
    try:
        if quarter is not None:
            return datetime(int(quarter[1]), int(quarter[2]) * 3 - 2, 1, tzinfo=UTC)
        if _SPAN.fullmatch(text.strip()) is not None:
            return now - span("--since", text)
        return utc(text.strip())
    except (ValueError, OverflowError):
        raise InvalidSpec(
            "--since", f"{text!r} is not a time; write it like 90d, 2w, 12h, 2026-01-01 or 2026-Q3"
        ) from None


def span(option: str, text: str) -> timedelta:
    """Raises InvalidSpec."""
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise InvalidSpec(option, f"{text!r} is not a duration; write it like 90d, 2w or 12h")
    return int(match[1]) * _UNITS[match[2]]
