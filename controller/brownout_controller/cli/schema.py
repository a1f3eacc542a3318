"""`brownout schema`: what editors need to complete and check our files."""

from __future__ import annotations

import json

import click

from brownout_controller.model import schema as schemas
from brownout_controller.probes import KINDS


@click.command("schema", short_help="Print the JSON schema of a file.")
@click.argument("file", type=click.Choice(["experiment", "environment"]), default="experiment")
def schema(file: str) -> None:
    """Print the JSON schema (draft 2020-12) of experiment files, or of brownout.yaml (environment)."""
    content = schemas.experiment(KINDS) if file == "experiment" else schemas.environments()
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
