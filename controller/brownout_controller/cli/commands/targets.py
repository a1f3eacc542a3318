"""`brownout targets`: the proxies that can take faults."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from brownout_controller.backends.base import ProxyPlace
from brownout_controller.cli.client.run_client import ClientOptions, run_options
from brownout_controller.cli.console import output
from brownout_controller.cli.console.progress import notice
from brownout_controller.model.experiment import edge_name
from brownout_core.errors import InvalidSpec
from brownout_core.safe_text import json_text, printable


@click.command("targets", short_help="List where faults can be put.")
@click.option("--edge", default="", metavar="'A -> B'", help="Only where this edge runs through.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@run_options
@click.pass_context
def targets(context: click.Context, edge: str, as_json: bool, where: ClientOptions) -> None:
    """List the proxies of an environment: their edges, the faults that are on them, and who does not answer.

    Exit status: 0, or 3 if a proxy did not answer.
    """
    if edge:
        try:
            edge = edge_name(edge)
        except ValueError as error:
            raise InvalidSpec("--edge", str(error)) from None
    places = asyncio.run(_places(where, edge))
    if as_json:
        output.echo(json_text([_content(place) for place in places]))
    else:
        for line in _table(places):
            output.echo(line)
    context.exit(3 if any(place.trouble for place in places) else 0)


async def _places(where: ClientOptions, edge: str) -> list[ProxyPlace]:
    async with where.open(notice) as client:
        return await client.places(where.environment, edge)


def _content(place: ProxyPlace) -> dict[str, object]:
    return {**place._asdict(), "edges": list(place.edges), "faults": list(place.faults)}


def _table(places: Sequence[ProxyPlace]) -> list[str]:
    if not places:
        return ["nothing: name control addresses in brownout.yaml, or start a proxy (brownout proxy)"]
    rows = []
    for place in places:
        faults = f"has {', '.join(place.faults)}" if place.faults else "no faults"
        edges = f"; {', '.join(place.edges)}" if place.edges else ""
        state = f"not reachable: {place.trouble}" if place.trouble else faults + edges
        rows.append([printable(cell) for cell in (place.where, place.proxy, state)])
    width, names = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{where:{width}}  {proxy:{names}}  {state}" for where, proxy, state in rows]
