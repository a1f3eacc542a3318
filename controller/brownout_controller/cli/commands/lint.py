"""`brownout lint`: whether files say something that can be run and that proves something, without running it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from brownout_controller.cli.client.files import check, read_setting
from brownout_controller.cli.client.variables import Given, variable_options
from brownout_controller.engine.settings_file import CONFIG, SettingsFile
from brownout_controller.lint.rule import Finding
from brownout_controller.model.variables import Variables
from brownout_core.errors import InvalidSpec
from brownout_core.formatting import line
from brownout_core.safe_text import json_text
from brownout_core.verdict import USAGE

MISTAKE: Final = "mistake"
"""The code of what cannot be read at all."""
_PLACE: Final = re.compile(r":(\d+)(?::(\d+))?(?:: (.*))?")


@click.command("lint", short_help="Check experiment and environment files.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@variable_options
@click.option("--env", "environment", metavar="NAME", help="Also look at what depends on this environment.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help=f"The environments [{CONFIG}].")
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@click.option("--json", "as_json", is_flag=True, help="Print a list: file, line, column, path, severity, code, reason, "
              "remedy.")  # fmt: skip
@click.pass_context
def lint(
    context: click.Context,
    files: Sequence[Path],
    given: Given,
    environment: str | None,
    config: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Print what is wrong with each FILE, with its place and what would be right.

    \b
    brownout lint brownout.yaml experiments/*.yaml
    brownout lint experiments/*.yaml --env staging --strict

    A file with `environments` is taken for a brownout.yaml, one with `services` for an architecture (unless it is a
    compose file, of which one can be made), any other for an experiment. The `proxies` of a brownout.yaml are checked
    by `brownout proxy`, which reads them. A variable that is not set is no mistake here, and what depends on it is not
    looked at.

    In an experiment without mistakes lint also looks for claims that cannot fail and faults that cannot act, which are
    errors, and for what makes a verdict worth less, which are warnings; each has a code, in brackets. An experiment
    accepts a finding with `lint: {CODE: REASON}`.

    Exit status: 0 nothing is wrong, or there are only warnings, 2 there are errors.
    """
    setting = None
    if config is not None and environment is None:
        raise InvalidSpec("--config", "is for --env NAME; give that too")
    if environment is not None:
        setting = read_setting(SettingsFile(config), environment, Variables(given.values, os.environ, lenient=True))
    found: list[dict[str, Any]] = []
    for file in files:
        mistakes, findings = check(file, Variables(given.values, os.environ, lenient=True), setting)
        found += [_mistake(file, one) for one in mistakes]
        found += [_finding(file, one._replace(severity="error") if strict else one) for one in findings]
        if not as_json:
            for one in (*mistakes, *findings):
                click.echo(line(one._replace(severity="error") if strict and isinstance(one, Finding) else one))
    if as_json:
        click.echo(json_text(found))
    if any(one["severity"] == "error" for one in found):
        context.exit(USAGE)


def _mistake(file: Path, mistake: InvalidSpec) -> dict[str, Any]:
    """What cannot be read; its reason has the remedy in it."""
    return {**_place(file, mistake.path), "severity": "error", "code": MISTAKE, "reason": mistake.reason, "remedy": ""}


def _finding(file: Path, finding: Finding) -> dict[str, Any]:
    return {
        **_place(file, finding.place),
        "severity": finding.severity,
        "code": finding.code,
        "reason": finding.sentence,
        "remedy": finding.remedy,
    }


def _place(file: Path, place: str) -> dict[str, Any]:
    """As editors and code reviews want it; without a line where the whole file is wrong."""
    match = _PLACE.fullmatch(place.removeprefix(str(file)))
    row, column, path = match.groups() if match is not None else (None, None, None)
    return {"file": str(file), "line": row and int(row), "column": column and int(column), "path": path or ""}
