"""`brownout report`: what a run has shown, for a step summary, for CI or for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click

from brownout_controller.engine import store
from brownout_controller.engine.store import Store
from brownout_controller.report import as_json, junit, markdown
from brownout_controller.report.account import Account, account
from brownout_proxy.errors import Unavailable

RUNS: Final = Path(".brownout/runs")
FORMATS: Final[Mapping[str, Callable[[Account], str]]] = {
    "markdown": markdown.render,
    "junit": junit.render,
    "json": as_json.render,
}
_BY_SUFFIX: Final = {".md": "markdown", ".xml": "junit", ".json": "json"}


@click.command("report", short_help="Tell what a run has shown.")
@click.argument("run", default="last")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="[default: by the file's name, else markdown]")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to; - is stdout.")
@click.option("--runs", type=click.Path(path_type=Path), default=RUNS, metavar="DIR", help=f"The journals [{RUNS}].")
def report(run: str, form: str | None, output: Path | None, runs: Path) -> None:
    """Report on RUN: its id, the beginning of it, `last`, or its directory.

    Computed from the run's journal alone.
    """
    directory = Store(runs).find(run)
    if form is None:
        form = _BY_SUFFIX.get(output.suffix.lower(), "markdown") if output is not None else "markdown"
    text = FORMATS[form](account(store.read(directory), directory.name))
    if output is None or str(output) == "-":
        click.echo(text, nl=False)
    else:
        write(output, text)


def write(path: Path, text: str, *, err: bool = False) -> None:
    """Says where to, on stderr if `err`. Raises Unavailable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{path}: {(error.strerror or str(error)).lower()}") from None
    click.echo(str(path), err=err)
