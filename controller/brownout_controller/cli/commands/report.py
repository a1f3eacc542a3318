"""`brownout report`: reports on runs as Markdown, HTML, JUnit XML or JSON."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

import click

from brownout_controller.cli.client.run_client import ClientOptions, place_options
from brownout_controller.cli.console.output import echo
from brownout_controller.engine import store
from brownout_controller.engine.store import Store
from brownout_controller.model.journal import Run
from brownout_controller.report.run import junit, run_json, run_markdown, run_page
from brownout_controller.report.run.run_report import RunReport, run_report
from brownout_core import limits
from brownout_core.errors import BrownoutError, InvalidSpec, Unavailable, os_error_text

log = logging.getLogger(__name__)

PAGE: Final = "report.html"
"""The page that a run leaves in its own directory."""
FORMATS: Final[Mapping[str, Callable[..., str]]] = {
    "markdown": run_markdown.render,
    "html": run_page.render,
    "junit": junit.render,
    "json": run_json.render,
}
"""Each renders any number of run reports."""
BY_SUFFIX: Final = {".html": "html", ".md": "markdown", ".xml": "junit", ".json": "json"}


@click.command("report", short_help="Report on a run.")
@click.argument("run", default="last")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="[default: by the file's name, else markdown]")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to; - is stdout.")
@place_options
def report(run: str, form: str | None, output: Path | None, where: ClientOptions) -> None:
    """Report on RUN: its id, the beginning of it, `last`, or its directory; here or at a controller.

    The report is computed from the run's journal, as far as it is written. FILE may end in .html, .md, .xml (JUnit) or
    .json."""
    content = asyncio.run(_fetched(run, where)) if where.controller is not None else _read(run, where)
    if form is None:
        form = BY_SUFFIX.get(output.suffix.lower(), "markdown") if output is not None else "markdown"
    text = FORMATS[form](content)
    if output is None or str(output) == "-":
        click.echo(text, nl=False)
    else:
        write(output, text)
        click.echo(str(output))


def _read(run: str, where: ClientOptions) -> RunReport:
    directory = Store(where.directory).find(run)
    return run_report(store.read(directory), directory.name)


async def _fetched(run: str, where: ClientOptions) -> RunReport:
    """Raises NotFound, Unavailable, InvalidSpec."""
    entries, size = [], 0
    async with where.open(lambda text: echo(text, err=True)) as venue:
        async for line in venue.watch(run, wait=False):
            entries.append(line.entry)
            size += len(line.text)
            if size > limits.JOURNAL:
                raise Unavailable(f"the journal of run {run} has more than {limits.JOURNAL}")
    named = next((entry.record.run_id for entry in entries if isinstance(entry.record, Run)), run)
    return run_report(entries, named)


def write_reports(runs: Sequence[Path | RunReport], outputs: Sequence[Path]) -> None:
    """Writes a report of all `runs` into each of `outputs`, in the format of its suffix. A run is its directory or its
    report. Raises InvalidSpec, Unavailable."""
    reports = [run if isinstance(run, RunReport) else run_report(store.read(run), run.name) for run in runs]
    for output in outputs:
        write(output, FORMATS[_form(output)](*reports))


def attempt_reports(runs: Sequence[Path | RunReport], outputs: Sequence[Path]) -> bool:
    """Like `write_reports`, but reports errors on stderr and returns False instead of raising."""
    good = True
    for output in outputs:
        try:
            write_reports(runs, [output])
        except BrownoutError as error:
            good = _missing(str(error))
        except (Exception, KeyboardInterrupt) as error:
            log.debug("a report failed", exc_info=True)
            good = _missing(f"{output}: {type(error).__name__}: {error}")
    return good


def checked(_: click.Context, __: click.Parameter, outputs: Sequence[Path]) -> Sequence[Path]:
    """The callback of an option for report files: checks now that they can be written later. Raises InvalidSpec."""
    for output in outputs:
        _form(output)
        if output.is_dir():
            raise InvalidSpec(f"--report {output}", "is a directory; name a file in it")
        folder = next(place for place in output.resolve().parents if place.exists())
        try:
            with tempfile.TemporaryFile(dir=folder):  # permission bits do not suffice: root ignores them
                pass
        except OSError as error:
            why = f"cannot be written in {folder}: {os_error_text(error)}; name a file elsewhere"
            raise InvalidSpec(f"--report {output}", why) from None
    return outputs


def write(path: Path, text: str) -> None:
    """Writes a file; one that exists is replaced once the new one is complete. Raises Unavailable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() and (owner := path.lstat().st_uid) not in (0, os.geteuid()):
            raise Unavailable(f"{path}: is a symbolic link of user {owner}; name another file")
        if path.exists() and not path.is_file():  # a pipe or a terminal
            path.write_text(text, encoding="utf-8")
            return
        with _beside(path.resolve()) as temporary:
            temporary.write(text)
    except Unavailable:
        raise
    except OSError as error:
        raise Unavailable(f"{path}: {os_error_text(error)}") from None


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[TextIO]:
    """A new file that replaces `path` at the end of the block. It is created exclusively, so no link can redirect
    it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with temporary.open("x", encoding="utf-8") as file:
        try:
            yield file
            file.flush()
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _form(output: Path) -> str:
    form = BY_SUFFIX.get(output.suffix.lower())
    if form is None:
        raise InvalidSpec(
            f"--report {output}", f"has no suffix of a format; end the name in one of: {', '.join(BY_SUFFIX)}"
        )
    return form


def _missing(why: str) -> bool:
    echo(f"brownout: no report in {why}; the verdict stands", err=True)
    return False
