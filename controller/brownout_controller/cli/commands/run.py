"""`brownout run`: experiment files in, a verdict and an exit status out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from brownout_controller.cli.client.follow import Finished, Signals, follow
from brownout_controller.cli.client.requests import read_files, resolve_files
from brownout_controller.cli.client.run_client import ClientOptions, RunClient, Seed, run_options
from brownout_controller.cli.client.variables import VariableFlags, variable_options
from brownout_controller.cli.commands.report import checked
from brownout_controller.cli.console import dry_run_text, output
from brownout_controller.cli.console.progress import Progress, notice
from brownout_controller.cli.console.run_output import leave, print_verdict, report, run_content, status
from brownout_controller.engine.dry_run import DryRun
from brownout_controller.engine.resolve import ResolvedRun
from brownout_controller.engine.run_request import RunRequest
from brownout_controller.model.journal import LeftOut, Stop
from brownout_controller.model.judge import Judgement
from brownout_controller.model.reasons import TEXT, Reason
from brownout_controller.report import unread_journals
from brownout_core.errors import Unavailable
from brownout_core.safe_text import json_text
from brownout_core.verdict import Verdict, status_of


@click.command("run", short_help="Run experiments and give a verdict.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="EXPERIMENT...")
@variable_options
@click.option("--seed", type=Seed(), metavar="N", help="Chooses targets; the file's, or random, if not variables.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    callback=checked,
    metavar="FILE",
    help="Write a report of the runs: .html, .md, .xml (JUnit) or .json; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Touch nothing: print the plan and what the hypotheses read now.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON and nothing else.")
@run_options
@click.pass_context
def run(
    context: click.Context,
    files: Sequence[Path],
    variables: VariableFlags,
    seed: int | None,
    reports: Sequence[Path],
    dry_run: bool,
    as_json: bool,
    where: ClientOptions,
) -> None:
    """Run experiments one after another, here or at a controller; the worst verdict wins.

    \b
    brownout run experiments/*.yaml --env staging
    brownout run pay.yaml --var GATEWAY=http://127.0.0.1:8080 --dry-run

    Exit status: 0 passed, 1 refuted, 2 a file or flag is wrong and nothing was run, 3 inconclusive (also where a
    controller was lost), 4 refused, 5 stopped, 6 not reverted (a person must look), 7 a bug of brownout; 130 and 143
    for signals.
    """
    runs = resolve_files(read_files(files, variables), variables, seed, where, warn=not as_json)
    if dry_run:
        context.exit(dry_run_text.print_dry_runs(asyncio.run(_dry(runs, where)), where.environment, as_json=as_json))
    finished: list[Finished] = []
    context.call_on_close(lambda: report(finished, reports, quiet=as_json))  # also when a later run cannot begin
    unread: list[LeftOut] = []
    signal = asyncio.run(_all(runs, variables, where, finished, unread, as_json=as_json))
    if as_json:
        output.echo(
            json_text([{**run_content(each), "left_out": unread_journals.content(unread)} for each in finished])
        )
    if signal is not None and not finished:
        context.exit(status_of(signal))
    context.exit(status(finished))


async def _all(
    runs: Sequence[RunRequest | ResolvedRun],
    variables: VariableFlags,
    where: ClientOptions,
    finished: list[Finished],
    unread: list[LeftOut],
    *,
    as_json: bool,
) -> str | None:
    """Adds the runs to `finished`, and unreadable journals to `unread`. Returns the signal that ended it."""
    signals = Signals()

    async def work() -> None:
        async with where.open(notice) as client:
            for run in runs:  # all of them before the first is started
                await client.check(run)
            unread.extend(await client.prepare(variables.values))
            for number, run in enumerate(runs, 1):
                finished.append(await _one(client, run, where, signals, as_json=as_json))
                if signals.came is not None:
                    return
                if number < len(runs) and _asked_to_stop(finished[-1]):
                    notice(f"stopped on request; {len(runs) - number} of {len(runs)} experiments were not run")
                    return

    await signals.during(work())
    return signals.came


def _asked_to_stop(finished: Finished) -> bool:
    return any(isinstance(entry.record, Stop) and entry.record.cause == "asked" for entry in finished.entries)


async def _one(
    client: RunClient, run: RunRequest | ResolvedRun, where: ClientOptions, signals: Signals, *, as_json: bool
) -> Finished:
    progress = Progress(quiet=as_json)
    remote = where.controller is not None
    try:
        finished = await follow(client, lambda: client.start(run), signals, progress, remote=remote)
    except Unavailable as error:  # the run could not even begin, which must not read as `refuted`
        notice(f"{run.file}: {error}")
        return Finished(
            "",
            (),
            Judgement(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE.exit, (Reason(TEXT, words={"text": str(error)}),)),
        )
    finally:
        with suppress(OSError):
            progress.end()
    if not as_json:
        print_verdict(finished, where)
    leave(finished, where, quiet=as_json)
    return finished


async def _dry(runs: Sequence[RunRequest | ResolvedRun], where: ClientOptions) -> Sequence[DryRun]:
    async with where.open(notice) as client:
        for run in runs:
            await client.check(run)
        return [await client.plan(run) for run in runs]
