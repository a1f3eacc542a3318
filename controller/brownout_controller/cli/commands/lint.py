"""`brownout lint`: checks, without running them, that experiments can run and can prove something."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from brownout_catalogue.architecture import read_architecture
from brownout_controller.cli.client.variables import VariableFlags, variable_options
from brownout_controller.engine.experiment_file import known_errors, masker_of
from brownout_controller.engine.resolve import RunEnvironment, read_run_environment
from brownout_controller.engine.settings_file import CONFIG, SettingsFile, unreadable
from brownout_controller.lint import secrets_in
from brownout_controller.lint.reading import lint_value
from brownout_controller.lint.rule import Finding
from brownout_controller.model.environment import read_environments
from brownout_controller.model.experiment import read_experiment
from brownout_controller.model.variables import Variables
from brownout_controller.probes import KINDS
from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.formatting import line
from brownout_core.safe_text import json_text
from brownout_core.strict_model import ErrorCollector
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
    variables: VariableFlags,
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
    accepts a finding with `lint: {CODE: REASON}`. In the other files it looks for secrets.

    Exit status: 0 nothing is wrong, or there are only warnings, 2 there are errors.
    """
    place = None
    if config is not None and environment is None:
        raise InvalidSpec("--config", "is for --env NAME; give that too")
    if environment is not None:
        place = read_run_environment(
            SettingsFile(config), environment, Variables(variables.values, os.environ, lenient=True)
        )
    found: list[dict[str, Any]] = []
    for file in files:
        mistakes, findings = check(file, Variables(variables.values, os.environ, lenient=True), place)
        found += [_mistake(file, one) for one in mistakes]
        found += [_finding(file, one._replace(severity="error") if strict else one) for one in findings]
        if not as_json:
            for one in (*mistakes, *findings):
                click.echo(line(one._replace(severity="error") if strict and isinstance(one, Finding) else one))
    if as_json:
        click.echo(json_text(found))
    if any(one["severity"] == "error" for one in found):
        context.exit(USAGE)


class Checked(NamedTuple):
    """What is wrong with a file, and, if nothing is, what lint finds in it."""

    mistakes: Sequence[InvalidSpec]
    findings: Sequence[Finding] = ()


def check(file: Path, variables: Variables, place: RunEnvironment | None = None) -> Checked:
    """A file of any kind, read and parsed once; `variables` must be lenient: what depends on one that is not set is not
    judged."""
    errors, text, root, is_experiment = ErrorCollector(), "", None, False
    with errors.noting():
        with unreadable():
            text = document.read_text(file)
        root = document.parse(text, str(file), variables.expand, columns=True)
        keys = root.entries("a mapping") if root is not None and root.is_mapping else ()
        if "environments" in keys or "proxies" in keys:
            read_environments(root)
        elif "services" in keys:
            read_architecture(root, str(file))
        else:
            is_experiment = True
            read_experiment(root, str(file), KINDS)
    masked = masker_of(root, text, variables).text
    known = known_errors(errors.found, variables)
    if known:
        return Checked([InvalidSpec(masked(one.path), masked(one.reason)) for one in known])
    if is_experiment:
        found = lint_value(root, variables, *(place or (None, None)))
    else:
        found = secrets_in(root, variables.used.values()) if root is not None else ()
    return Checked((), [one._replace(place=masked(one.place), sentence=masked(one.sentence)) for one in found])


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
