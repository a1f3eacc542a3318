"""`brownout lint`: whether files say something that can be run, without running it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from brownout_controller.cli.files import mistakes_in
from brownout_controller.model.variables import Variables
from brownout_controller.model.verdict import USAGE
from brownout_controller.report.text import line
from brownout_proxy.errors import InvalidSpec

_PLACE: Final = re.compile(r":(\d+)(?::(\d+))?(?:: (.*))?")


@click.command("lint", short_help="Check experiment and environment files.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="What ${NAME} in the files means.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of mistakes: file, line, column, path, reason.")
@click.pass_context
def lint(context: click.Context, files: Sequence[Path], variables: Sequence[str], as_json: bool) -> None:
    """Print every mistake of each FILE with its place and what would be right.

    \b
    brownout lint brownout.yaml experiments/*.yaml

    A file with `environments` is taken for a brownout.yaml, one with `services` for an architecture (unless it is a
    compose file, of which one can be made), any other for an experiment. The `proxies` of a brownout.yaml are checked
    by `brownout proxy`, which reads them. A variable that is not set is no mistake here, and what depends on it is not
    looked at.

    Exit status: 0 nothing is wrong, 2 something is.
    """
    given = dict(word.partition("=")[::2] for word in variables)
    found = [
        (file, mistake) for file in files for mistake in mistakes_in(file, Variables(given, os.environ, lenient=True))
    ]
    if as_json:
        click.echo(json.dumps([_shown(file, mistake) for file, mistake in found], indent=2, ensure_ascii=False))
    else:
        for _, mistake in found:
            click.echo(line(mistake))
    if found:
        context.exit(USAGE)


def _shown(file: Path, mistake: InvalidSpec) -> dict[str, Any]:
    """As editors and code reviews want it; without a line where the whole file is wrong."""
    match = _PLACE.fullmatch(mistake.path.removeprefix(str(file)))
    row, column, path = match.groups() if match is not None else (None, None, None)
    return {
        "file": str(file),
        "line": row and int(row),
        "column": column and int(column),
        "path": path or "",
        "reason": mistake.reason,
    }
