"""`brownout lint`: whether files say something that can be run, without running it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from brownout_controller.catalogue.architecture import read_architecture
from brownout_controller.model.environment import read_environments
from brownout_controller.model.experiment import read_experiment
from brownout_controller.model.variables import Variables
from brownout_controller.model.verdict import USAGE
from brownout_controller.probes import KINDS
from brownout_proxy import document
from brownout_proxy.errors import BrownoutError


@click.command("lint", short_help="Check experiment and environment files.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="What ${NAME} in the files means.")
@click.pass_context
def lint(context: click.Context, files: Sequence[Path], variables: Sequence[str]) -> None:
    """Print the first mistake of each FILE with its place and what would be right; exit 2 if there is one.

    A file with `environments` is taken for a brownout.yaml, one with `services` for an architecture, any other for an
    experiment. A variable that is not set is no mistake here.
    """
    given = dict(word.partition("=")[::2] for word in variables)
    wrong = 0
    for file in files:
        try:
            _check(file, Variables(given, os.environ, lenient=True))
        except BrownoutError as error:
            wrong += 1
            click.echo(str(error))
    if wrong:
        context.exit(USAGE)


def _check(file: Path, variables: Variables) -> None:
    root = document.read(file, variables.expand, columns=True)
    keys = root.entries("a mapping") if root is not None and root.is_mapping else ()
    if "environments" in keys:
        read_environments(root)
    elif "services" in keys:
        read_architecture(root, str(file))
    else:
        read_experiment(root, str(file), KINDS)
