"""`brownout fault`: faults on several edges at once, for a while, without an experiment."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import click

from brownout_controller.cli.client.follow import Finished, Signals, follow_started
from brownout_controller.cli.client.run_client import ClientOptions, Seed, Time, run_options
from brownout_controller.cli.client.variables import VariableFlags, variable_options
from brownout_controller.cli.console import output
from brownout_controller.cli.console.progress import Progress, notice
from brownout_controller.cli.console.run_output import leave, print_verdict, run_content, status
from brownout_controller.engine.run_request import FaultRequest
from brownout_controller.engine.run_supervisor import NotInPlaceError
from brownout_controller.model.journal import LeftOut
from brownout_controller.report import unread_journals
from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.experiment_terms import LEASE
from brownout_core.faults import KINDS
from brownout_core.faults.fault_yaml import SELECTION, read_fault
from brownout_core.faults.spec import FaultSpec
from brownout_core.safe_text import json_text
from brownout_core.verdict import status_of

_OF_THE_FAULT: Final = ("name", "direction", *SELECTION)
_RADIUS: Final = re.compile(r"(\d+)(%?)")


@click.command("fault", short_help="Put faults on several edges at once, for a while.")
@click.argument("faults", nargs=-1, required=True, metavar="FAULT...")
@click.option("--edge", "edges", multiple=True, required=True, metavar="'A -> B'", help="Where; may be repeated.")
@click.option("--for", "duration", type=Time(), required=True, metavar="TIME", help="How long.")
@click.option(
    "--lease", type=Time(), default=LEASE, metavar="TIME", help="How long it outlives this process [default: 10s]."
)
@click.option("--blast-radius", "radius", default="one", metavar="N", help="Targets of each edge: one, all, 2 or 50%.")
@click.option("--seed", type=Seed(), metavar="N", help="Chooses targets [random].")
@click.option("--because", default="", metavar="TEXT", help="The reason, for the journal.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON and nothing else.")
@variable_options
@run_options
@click.pass_context
def fault(
    context: click.Context,
    faults: Sequence[str],
    edges: Sequence[str],
    duration: float,
    lease: float,
    radius: str,
    seed: int | None,
    because: str,
    as_json: bool,
    variables: VariableFlags,
    where: ClientOptions,
) -> None:
    """Put each FAULT on all of the edges, hold them until the time is over or Ctrl-C, and revert them: all or none.

    FAULT is KIND=VALUE with further attributes after commas. It is a run without hypotheses: the limits and the safety
    nets of its environment hold, and its journal is kept. Exit status: 0 done, 2 a flag is wrong, 3 not in place or
    vanished, 4 refused, 5 stopped, 6 not reverted (a person must look); 130 and 143 for signals.

    \b
    brownout fault latency=3s --edge 'shop -> db' --edge 'shop -> redis' --for 60s
    brownout fault latency=300ms,jitter=50ms,toxicity=25% refuse --edge 'shop -> db' --for 5m --blast-radius all
    """
    if variables.values and where.controller is not None:
        raise InvalidSpec("--var", "is for environments of this machine, and a controller has its own; leave it out")
    mode, value = read_radius(radius)
    words = [*faults, *(word for edge in edges for word in ("--edge", edge)), "--for", f"{duration:g}s"]
    request = FaultRequest(
        edges,
        [read_word(word) for word in faults],
        duration,
        lease,
        where.environment,
        mode,
        value,
        seed,
        because,
        shlex.join(["brownout", "fault", *words, "--lease", f"{lease:g}s", "--blast-radius", radius, *where.words])
        + "".join(f" {word}" for word in variables.again(variables.values)),
        variables.values,
    )
    signals = Signals()
    unread: list[LeftOut] = []
    finished = asyncio.run(_hold(request, where, signals, unread, as_json=as_json))
    if finished is None:
        context.exit(status_of(signals.came or "SIGINT"))
    if as_json:
        output.echo(json_text({**run_content(finished), "left_out": unread_journals.content(unread)}))
    context.exit(status([finished]))


async def _hold(
    request: FaultRequest, where: ClientOptions, signals: Signals, unread: list[LeftOut], *, as_json: bool
) -> Finished | None:
    """None if a signal came before anything was done. Adds to `unread` the journals that could not be read."""

    async def work() -> Finished:
        progress = Progress(quiet=as_json)
        async with where.open(notice) as client:
            unread.extend(await client.prepare(request.variables))
            try:
                with signals.waiting():
                    run = await client.start_faults(request)
            except NotInPlaceError as error:
                run = error.run  # its journal has the reason
            try:
                finished = await follow_started(client, run, signals, progress, remote=where.controller is not None)
            finally:
                with suppress(OSError):
                    progress.end()
        if not as_json:
            print_verdict(finished, where)
        leave(finished, where, quiet=as_json)
        return finished

    return await signals.during(work())


def read_word(word: str) -> FaultSpec:
    """`latency=300ms,jitter=50ms,toxicity=25%`, or `refuse`. Raises InvalidSpec."""
    first, *others = word.split(",")
    kind, equals, value = first.partition("=")
    attributes: dict[str, str] = {_first_of(kind): value} if equals else {}
    chosen: dict[str, object] = {}
    for other in others:
        name, equals, text = other.partition("=")
        if not name or not equals:
            raise InvalidSpec(word, f"{other!r} is not NAME=VALUE; write it like latency=300ms,jitter=50ms")
        if name in _OF_THE_FAULT:
            chosen[name] = text.split("+") if name == "clients" else text
        else:
            attributes[name] = text
    root = document.parse(json.dumps({kind: attributes or None, **chosen}), word)
    assert root is not None, "it is a mapping"
    try:
        return read_fault(root)
    except InvalidSpec as error:
        raise InvalidSpec(word, error.reason) from None


def _first_of(kind: str) -> str:
    """The attribute that is meant where there is only a value."""
    return next(iter(KINDS[kind].fields()), "value") if kind in KINDS else "value"


def read_radius(text: str) -> tuple[str, int | None]:
    """Mode and value. Raises InvalidSpec."""
    if text in ("one", "all"):
        return text, None
    match = _RADIUS.fullmatch(text)
    if match is None:
        raise InvalidSpec("--blast-radius", f"{text!r}: write one, all, a number like 2 or a share like 50%")
    return "fixed-percent" if match[2] else "fixed", int(match[1])
