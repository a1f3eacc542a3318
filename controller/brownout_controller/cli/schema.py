"""`brownout schema`: what editors need to complete and check our files."""

from __future__ import annotations

import json

import click

from brownout_controller.model import schema as schemas
from brownout_controller.probes import KINDS


@click.command("schema", short_help="Print the JSON schema of a file.")
@click.argument("file", type=click.Choice(["experiment", "environment"]), default="experiment")
def schema(file: str) -> None:
    """Print the JSON schema (draft 2020-12) of experiment files, or of brownout.yaml (environment).

    \b
    brownout schema > experiment.schema.json

    An editor with a YAML language server completes and checks a file that begins with

    \b
    # yaml-language-server: $schema=experiment.schema.json
    """
    content = schemas.experiment(KINDS) if file == "experiment" else schemas.environments()
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
