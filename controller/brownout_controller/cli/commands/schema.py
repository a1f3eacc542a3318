"""`brownout schema`: what editors need to complete and check our files."""

from __future__ import annotations

import click

from brownout_catalogue.architecture import Architecture
from brownout_controller.model import schema as schemas
from brownout_controller.probes import KINDS
from brownout_core.safe_text import json_text


@click.command("schema", short_help="Print the JSON schema of a file.")
@click.argument("file", type=click.Choice(["experiment", "environment", "architecture"]), default="experiment")
def schema(file: str) -> None:
    """Print the JSON schema (draft 2020-12) of experiments, of brownout.yaml (environment), or of an architecture.

    \b
    brownout schema > experiment.schema.json

    An editor with a YAML language server completes and checks a file that begins with

    \b
    # yaml-language-server: $schema=experiment.schema.json
    """
    if file == "architecture":
        content = schemas.of(Architecture, "Brownout architecture")
    else:
        content = schemas.experiment(KINDS) if file == "experiment" else schemas.environments()
    click.echo(json_text(content))
