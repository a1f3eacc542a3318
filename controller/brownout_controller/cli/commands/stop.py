"""`brownout stop`: ends runs, wherever their process is, and prints their verdicts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import click

from brownout_controller.cli.client.run_client import ClientOptions, RunRegistry, Time, run_options
from brownout_controller.cli.client.variables import VariableFlags, variable_options
from brownout_controller.cli.commands.runs import state_of
from brownout_controller.cli.console import output
from brownout_controller.cli.console.progress import notice
from brownout_controller.engine.run_list import CUT_OFF, Row
from brownout_controller.model.journal import Judged
from brownout_controller.report import unread_journals
from brownout_controller.report.run.run_report import run_report
from brownout_core.errors import BrownoutError, InvalidSpec
from brownout_core.formatting import line
from brownout_core.verdict import Verdict

_TIMEOUT: Final = 60.0
_TRIES: Final = 2
"""A process that is killed while it is asked leaves a run that is cut off, which is closed at the second try."""


class Request(NamedTuple):
    """The request for each run. `timeout` is in seconds, `variables` are those of the environments."""

    why: str
    variables: Mapping[str, str]
    timeout: float
    wait: bool


class Stopped(NamedTuple):
    """The outcome of a run. `verdict` is empty while it is unknown; `trouble` then has the reason."""

    row: Row
    verdict: str = ""
    exit: int = 0
    reasons: Sequence[str] = ()
    trouble: str = ""


@click.command("stop", short_help="End runs, with their revert done.")
@click.argument("names", nargs=-1, metavar="[RUN]...")
@click.option("--all", "everything", is_flag=True, help="End every run that is not over.")
@click.option("--because", default="", metavar="TEXT", help="The reason, for the journal.")
@click.option("--no-wait", is_flag=True, help="Ask, and do not wait for the verdicts.")
@click.option(
    "--timeout", type=Time(), default=_TIMEOUT, metavar="TIME", help=f"How long to wait [default: {_TIMEOUT:g}s]."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@variable_options
@run_options
@click.pass_context
def stop(
    context: click.Context,
    names: Sequence[str],
    everything: bool,
    because: str,
    no_wait: bool,
    timeout: float,
    as_json: bool,
    variables: VariableFlags,
    where: ClientOptions,
) -> None:
    """End each RUN (an id, the beginning of one, or `last`) at once: its faults are reverted, and nothing waits for the
    recovery. Prints the verdict, which is `stopped`.

    A run of another process of this machine is asked to end. One that was cut off is closed, with what it has left
    undone. One that is over stays as it is, and that is no error.

    Exit status: 0 ended and reverted, or over already, 1 there is no such run, 2 a flag is wrong, 3 it has not ended in
    time or nobody can know, 6 not reverted (a person must look).

    \b
    brownout stop last
    brownout stop --all --controller 127.0.0.1:8480
    """
    if everything == bool(names):
        raise InvalidSpec("RUN", "name runs to end, or give --all; `brownout runs` lists them")
    request = Request(because or "brownout stop asked for it", variables.values, timeout, wait=not no_wait)
    ended = asyncio.run(_all(where, names, request))
    if as_json:
        output.echo(json.dumps([_content(one) for one in ended], indent=2))
    else:
        for one in ended:
            output.echo(_line(one))
        if not ended:
            output.echo(f"Nothing goes on {where.place}.")
    context.exit(_status(ended))


async def _all(where: ClientOptions, names: Sequence[str], request: Request) -> Sequence[Stopped]:
    async with where.open(notice) as client:
        if names:
            rows = list({row.brief.run_id: row for row in [await client.row(name) for name in names]}.values())
        else:
            found = await client.list_runs(0)
            rows = [row for row in found.rows if not row.is_over]
            for sentence in unread_journals.sentences(found.left_out):
                notice(f"warning: {sentence}")
        return await asyncio.gather(*(_ended(client, row, request) for row in rows))


async def _ended(client: RunRegistry, row: Row, request: Request) -> Stopped:
    """Never raises a BrownoutError, so that the other runs are ended as well."""
    run = row.brief.run_id
    if row.brief.verdict is not None:
        return Stopped(row, row.brief.verdict.verdict, row.brief.verdict.exit)
    try:
        async with asyncio.timeout(request.timeout):
            for _ in range(_TRIES):
                await client.stop(run, request.why, at_once=True, variables=request.variables)
                if not request.wait and row.state != CUT_OFF:
                    return Stopped(row)
                entries = [found.entry async for found in client.watch(run)]
                if entries and isinstance(entries[-1].record, Judged):
                    judged = entries[-1].record
                    return Stopped(row, judged.verdict, judged.exit, run_report(entries, run).reasons)
        return Stopped(row, trouble="it was cut off, and could not be closed")
    except TimeoutError:
        why = "it is asked to end, and goes on until its faults are reverted; see `brownout runs`"
        return Stopped(row, trouble=f"has not ended within {request.timeout:g} s: {why}")
    except BrownoutError as error:
        return Stopped(row, trouble=str(error))


def _line(one: Stopped) -> str:
    run = one.row.brief.run_id
    if one.trouble:
        return f"{run}: {line(one.trouble)}"
    if one.row.is_over:
        return f"{run}: is over already: {line(one.verdict)}"
    if not one.verdict:
        return f"{run}: is asked to end ({state_of(one.row)})"
    cut_off = "was cut off, and is closed: " if one.row.state == CUT_OFF else ""
    return f"{run}: {cut_off}{line(one.verdict)}: {line('; '.join(one.reasons))}"


def _content(one: Stopped) -> Mapping[str, Any]:
    return {
        "run": one.row.brief.run_id,
        "before": state_of(one.row),
        "verdict": one.verdict or None,
        "exit": one.exit if one.verdict else None,
        "reasons": list(one.reasons),
        "trouble": one.trouble,
    }


def _status(ended: Sequence[Stopped]) -> int:
    """The exit status. A run that was over before does not count."""
    if any(one.exit == Verdict.NOT_REVERTED.exit and not one.row.is_over for one in ended):
        return Verdict.NOT_REVERTED.exit
    return Verdict.INCONCLUSIVE.exit if any(one.trouble for one in ended) else 0
