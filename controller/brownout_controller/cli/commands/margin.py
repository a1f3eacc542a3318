"""`brownout margin`: searches the size of a fault at which an experiment breaks.

Each trial is a run like any other: its own journal, safety nets, lease, verified revert, recovery and verdict.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from brownout_catalogue.architecture import read_architecture
from brownout_controller.cli.client.follow import Signals
from brownout_controller.cli.client.requests import read_files, resolve_files
from brownout_controller.cli.client.run_client import ClientOptions, Seed, Time, run_options
from brownout_controller.cli.client.variables import VariableFlags, variable_options
from brownout_controller.cli.console import output
from brownout_controller.cli.console.progress import notice
from brownout_controller.cli.console.run_output import run_content
from brownout_controller.cli.margin_search import SearchOutcome, TrialRun, explain_trial, limit_of, search
from brownout_controller.engine.resolve import ResolvedRun
from brownout_controller.engine.run_request import RunRequest
from brownout_controller.engine.settings_file import unreadable
from brownout_controller.model.experiment import Experiment
from brownout_controller.model.fault_parameter import FaultParameter, find_parameter
from brownout_controller.model.journal import LeftOut
from brownout_controller.model.margin_search import Answer, Resolution, SearchPlan
from brownout_controller.model.secrets import Masker, secrets_of
from brownout_controller.report import unread_journals
from brownout_controller.report.margin import timeouts as words
from brownout_controller.report.margin.timeouts import Timeout
from brownout_controller.report.sentences import sentence as reason_in_words
from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.formatting import line, moment
from brownout_core.safe_text import json_text
from brownout_core.strict_model import gathered
from brownout_core.units import SHARE
from brownout_core.verdict import Verdict, status_of

ARCHITECTURE: Final = Path("architecture.yaml")
_MILDER: Final = 16.0
_WORSE: Final = 4.0
"""How far from the experiment's own value the search goes where no flag gives another value."""
_RESOLUTION: Final = "10%"
MAX_SWEPT: Final = 50
_BETWEEN: Final = 0.5
"""Seconds from one run to the next, with its revert."""
_ANSWER_WORDS: Final[dict[Answer, str]] = {"held": "held", "broke": "broke", "unknown": "inconclusive"}
_PATH: Final = click.Path(path_type=Path)


@click.command("margin", short_help="Search how far an experiment is from breaking.")
@click.argument("file", type=_PATH, metavar="EXPERIMENT")
@click.option("--attribute", metavar="NAME", help="The size of the fault that is varied [the one that makes it worse].")
@click.option("--from", "mildest", metavar="VALUE", help="The mildest value [a 16th of the experiment's].")
@click.option("--to", "worst", metavar="VALUE", help="The worst value [4 times the experiment's].")
@click.option(
    "--resolution",
    default=_RESOLUTION,
    metavar="SHARE|STEP",
    help=f"How near the two ends of the answer must come: 5%, or a step like 10ms [{_RESOLUTION}].",
)
@click.option(
    "--sweep",
    type=click.IntRange(0, MAX_SWEPT),
    default=0,
    metavar="N",
    help="Try N values over the whole range first, for what breaks in the middle and not at the end.",
)
@click.option("--confirm", is_flag=True, help="Run both ends of the answer once more.")
@click.option("--timeout", type=Time(), metavar="TIME", help="The caller's timeout, to which the margin is compared.")
@click.option("--architecture", type=_PATH, metavar="FILE", help=f"Where the timeout is declared [{ARCHITECTURE}].")
@variable_options
@click.option("--seed", type=Seed(), metavar="N", help="Chooses targets, the same in each run.")
@click.option("--dry-run", is_flag=True, help="Run nothing: print what would be searched and how long it takes.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON and nothing else.")
@run_options
@click.pass_context
def margin(
    context: click.Context,
    file: Path,
    attribute: str | None,
    mildest: str | None,
    worst: str | None,
    resolution: str,
    sweep: int,
    confirm: bool,
    timeout: float | None,
    architecture: Path | None,
    variables: VariableFlags,
    seed: int | None,
    dry_run: bool,
    as_json: bool,
    where: ClientOptions,
) -> None:
    """Search by bisection how bad the fault of an experiment may get until its hypotheses do not hold.

    \b
    brownout margin pay.yaml --timeout 2s
    brownout margin pay.yaml --from 50ms --to 5s --resolution 5% --confirm

    The experiment has one fault with a size, such as a latency or a bandwidth. Each trial is a whole run with its own
    journal; `brownout history` leaves them out. Ctrl-C ends the current one and prints what is known so far.

    Exit status: 0 found, or larger than the range, 1 the experiment is broken as it is written, 2 a file or flag is
    wrong, 3 not found, as a run was inconclusive twice, 4 refused, 5 stopped, 6 not reverted (a person must look), 7 a
    bug of brownout; 130 and 143 for signals.
    """
    written, request, parameter, experiment, masker = _read(file, attribute, variables, seed, where)
    flags = {"--attribute": attribute, "--from": mildest, "--to": worst, "--resolution": resolution}
    changed = [word for flag, text in flags.items() if text is not None for word in (flag, text)]
    request = replace(request, replay=shlex.join(["brownout", "margin", str(file), *changed, *where.words]))
    plan = _plan(parameter, mildest, worst, resolution, sweep, confirm)
    declared = _declared(architecture, experiment.conditions.edge) if timeout is None else Timeout(timeout, "--timeout")
    outcome = SearchOutcome(parameter, experiment, request, plan, declared, masker)
    if not as_json:
        notice(_announcement(outcome))
    if not dry_run:
        context.exit(_searched(written, outcome, where, as_json=as_json))
    if as_json:
        output.echo(json_text(_planned(outcome)))


def _searched(written: RunRequest | ResolvedRun, outcome: SearchOutcome, where: ClientOptions, *, as_json: bool) -> int:
    """Runs the search and prints the answer; the exit status. Raises BrownoutError for a run that cannot begin."""
    signals = Signals()
    unread: list[LeftOut] = []
    try:
        asyncio.run(signals.during(_run(written, outcome, where, signals, unread, as_json=as_json)))
    finally:  # also when a run could not begin: the trials before it count
        if as_json and (outcome.tried or signals.came is not None):
            output.echo(json_text({**_content(outcome), "left_out": unread_journals.content(unread)}))
        elif outcome.tried:
            _print_answer(outcome, where)
    if signals.came is not None and outcome.ended is not Verdict.NOT_REVERTED:
        return status_of(signals.came)
    return outcome.status


def _read(
    path: Path, attribute: str | None, variables: VariableFlags, seed: int | None, where: ClientOptions
) -> tuple[RunRequest | ResolvedRun, RunRequest, FaultParameter, Experiment, Masker]:
    """The experiment as it is written, and the parts of its trials. Raises InvalidSpec, Unavailable."""
    (file,) = read_files([path], variables)
    (run,) = resolve_files([file], variables, seed, where)
    if file.root is None or file.experiment is None:  # for want of a variable that only the controller has
        raise gathered([*file.errors, *file.variables.unset.values()])
    request = run.request if isinstance(run, ResolvedRun) else run
    assert isinstance(request, RunRequest), "a file is an experiment"
    parameter = find_parameter(file.text, file.root, file.experiment, attribute)
    # One seed for all of them: a trial on another target would be another experiment.
    own = file.experiment.conditions.seed
    chosen = next((one for one in (seed, own) if one is not None), secrets.randbelow(2**32))
    request = replace(request, seed=chosen, part_of=f"margin-{secrets.token_hex(4)}")
    masker = Masker([*file.variables.used.values(), *secrets_of(file.experiment.content)])
    return run, request, parameter, file.experiment, masker


def _plan(
    parameter: FaultParameter, mildest: str | None, worst: str | None, resolution: str, sweep: int, confirm: bool
) -> SearchPlan:
    """Raises InvalidSpec."""
    more = parameter.worse == "more"
    mild = _value("--from", parameter, mildest, parameter.own / _MILDER if more else parameter.own * _MILDER)
    severe = _value("--to", parameter, worst, parameter.own * _WORSE if more else parameter.own / _WORSE)
    if mild == severe or (severe > mild) is not more:
        flag = "--from" if worst is None else "--to"
        raise InvalidSpec(
            flag,
            f"{parameter.formatted(severe)} is no worse than {parameter.formatted(mild)}, where the search begins; "
            f"{parameter.worse} is worse",
        )
    try:
        return SearchPlan(mild, severe, _resolution(parameter, resolution), parameter.own, sweep, confirm)
    except ValueError as error:
        raise InvalidSpec("--resolution", str(error)) from None


def _value(flag: str, parameter: FaultParameter, text: str | None, otherwise: float) -> float:
    if text is None:
        return parameter.fitting(float(f"{otherwise:.3g}"))
    try:
        return parameter.parse(text)
    except ValueError as error:
        raise InvalidSpec(flag, str(error)) from None


def _resolution(parameter: FaultParameter, text: str) -> Resolution:
    """Raises ValueError."""
    if text.strip().endswith("%") and parameter.unit is not SHARE:
        share = SHARE.parse(text)
        if not 0.01 <= share <= 10:
            raise ValueError(f"{text!r}: a share is from 1% to 1000%")
        return Resolution(factor=1 + share)
    if text == _RESOLUTION:
        return Resolution(factor=1 + SHARE.parse(text))
    if text.strip().replace(".", "", 1).isdigit():
        raise ValueError(f"{text!r} has no unit; write a share like 5%, or a step like {parameter.unit.example}")
    return Resolution(step=parameter.unit.parse(text))


def _declared(file: Path | None, edge: str) -> Timeout | None:
    """The timeout that the architecture has for the edge. Raises InvalidSpec."""
    if file is None and not ARCHITECTURE.exists():
        return None
    place = file or ARCHITECTURE
    with unreadable():
        root = document.read(place, columns=True)
    architecture = read_architecture(root, str(place))
    found = next((each for each in architecture.edges if each.name == edge), None)
    if root is not None and found is not None and found.call.timeout is not None:
        section = "services" if found.source in architecture.services else "external"
        return Timeout(found.call.timeout, root.at((section, found.source, "calls", found.sink, "timeout")).exact_place)
    if file is not None:
        raise InvalidSpec(str(file), f"has no timeout of {edge}; give --timeout")
    return None


def _announcement(outcome: SearchOutcome) -> str:
    plan, parameter = outcome.plan, outcome.parameter
    mild, severe, own = map(parameter.formatted, (plan.mild, plan.severe, parameter.own))
    each = outcome.experiment.longest
    whole = moment(plan.most * (each + _BETWEEN))
    return (
        f"{outcome.name}: {parameter.name} from {mild} to {severe}, and the file has {own}; at most {plan.most} runs "
        f"of {moment(each)}, {whole} in all; one that is inconclusive is repeated once"
    )


async def _run(
    written: RunRequest | ResolvedRun,
    outcome: SearchOutcome,
    where: ClientOptions,
    signals: Signals,
    unread: list[LeftOut],
    *,
    as_json: bool,
) -> None:
    def begins(number: int, value: float) -> None:
        if not as_json:
            notice(f"run {number}: {outcome.parameter.name} {outcome.parameter.formatted(value)} ...")

    def ended(number: int, tried: TrialRun) -> None:
        if not as_json:
            output.echo(_row(outcome.parameter, number, tried))

    async with where.open(notice) as client:
        unread.extend(await client.prepare(outcome.request.variables))
        await client.check(written)
        await search(outcome, client, where, signals, begins=begins, ended=ended)


def _row(parameter: FaultParameter, number: int, tried: TrialRun) -> str:
    answer, verdict = _ANSWER_WORDS[tried.answer], tried.finished.judgement.verdict.value
    value = parameter.formatted(tried.value)
    return f"{number:3}  {value:>9}  {answer:<12}  {verdict:<12}  {explain_trial(tried)}".rstrip()


def _print_answer(outcome: SearchOutcome, where: ClientOptions) -> None:
    """The answer, for people."""
    finding = outcome.search.finding()
    limit = limit_of(outcome)
    lines = list(
        words.sentences(outcome.parameter, outcome.plan, finding, outcome.search.holds_at(outcome.parameter.own), limit)
    )
    if outcome.stuck is not None:
        lines.append(
            "its baseline was not met: the system has not come back from "
            f"{outcome.parameter.formatted(outcome.stuck)}; restart it, "
            "and begin below that (--to)"
        )
    if outcome.timeout is not None:
        comparison = words.compared(outcome.parameter, finding, outcome.timeout, limit)
        lines += [] if comparison is None else [comparison.sentence]
    if outcome.ended is not None:
        verdict = outcome.ended
        lines.append(f"ended by run {len(outcome.tried)}: {verdict.value}, {verdict.meaning}")
        lines += map(reason_in_words, outcome.tried[-1].finished.judgement.reasons)
    output.echo("\n" + lines[0])
    for sentence in lines[1:]:
        output.echo(f"  {line(sentence)}")
    place = f"at {where.controller}" if where.controller is not None else f"in {where.directory}"
    output.echo(f"journals {place}:")
    for number, tried in enumerate(outcome.tried, 1):
        output.echo(f"{number:3}  {outcome.parameter.formatted(tried.value):>9}  {tried.finished.run}")


def _planned(outcome: SearchOutcome) -> dict[str, Any]:
    plan, parameter = outcome.plan, outcome.parameter
    return {
        "experiment": outcome.name,
        "edge": outcome.edge,
        "attribute": parameter.name,
        "from": parameter.formatted(plan.mild),
        "to": parameter.formatted(plan.severe),
        "own": parameter.formatted(parameter.own),
        "runs_at_most": plan.most,
        "seconds_at_most": plan.most * (outcome.experiment.longest + _BETWEEN),
    }


def _content(outcome: SearchOutcome) -> dict[str, Any]:
    """The same for programs."""
    finding, holds = outcome.search.finding(), outcome.search.holds_at(outcome.parameter.own)
    return {
        **_planned(outcome),
        **words.as_json(outcome.parameter, finding, holds, outcome.timeout, limit_of(outcome)),
        "exit": outcome.status,
        "part_of": outcome.request.part_of,
        "trials": [
            {
                "value": outcome.parameter.formatted(tried.value),
                "answer": tried.answer,
                "telling": explain_trial(tried),
                **run_content(tried.finished),
            }
            for tried in outcome.tried
        ],
    }
