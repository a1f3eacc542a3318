"""`brownout run`: experiment files in, a verdict and an exit status out."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from brownout_controller.backends.base import Backend
from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.backends.proxy import Credentials, ProxyBackend
from brownout_controller.cli.progress import Progress
from brownout_controller.cli.report import PAGE, attempt_reports, checked
from brownout_controller.engine.recovery import close_unfinished
from brownout_controller.engine.runner import Runner, Setup, plan
from brownout_controller.engine.sampling import Sampler
from brownout_controller.engine.store import Store
from brownout_controller.model.environment import Environment, read_environment
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.judge import Judgement
from brownout_controller.model.probe import Surroundings
from brownout_controller.model.variables import Masker, Variables
from brownout_controller.model.verdict import Verdict, worst
from brownout_controller.probes import KINDS
from brownout_proxy import document
from brownout_proxy.errors import InvalidSpec, Unavailable

RUNS = Path(".brownout/runs")
CONFIG = Path("brownout.yaml")


@click.command("run", short_help="Run experiments and give a verdict.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="EXPERIMENT...")
@click.option("--env", "environment", default="local", metavar="NAME", help="The environment [default: local].")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The environments [brownout.yaml].")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="What ${NAME} in the files means.")
@click.option("--seed", type=int, metavar="N", help="Chooses targets; random if not given.")
@click.option("--runs", type=click.Path(path_type=Path), default=RUNS, metavar="DIR", help=f"The journals [{RUNS}].")
@click.option("--report", "reports", multiple=True, type=click.Path(path_type=Path), callback=checked, metavar="FILE",
              help="Write what the runs have shown: .html, .md, .xml (JUnit) or .json; may be repeated.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print what would be done and what the hypotheses read now.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON and nothing else.")
@click.pass_context
def run(
    context: click.Context,
    files: Sequence[Path],
    environment: str,
    config: Path | None,
    variables: Sequence[str],
    seed: int | None,
    runs: Path,
    reports: Sequence[Path],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run experiments one after another; the worst verdict wins.

    Exit status: 0 passed, 1 refuted, 2 a file or flag is wrong and nothing was run, 3 inconclusive, 4 refused,
    5 stopped, 6 not reverted (a person must look), 7 a bug of brownout; 130 and 143 for signals.
    """
    # Everything is read before anything is started.
    known = Variables(_pairs(variables), os.environ)
    place = config or CONFIG
    settings = read_environment(_document(config, known), environment, str(place))
    experiments = [read_experiment(document.read(file, known.expand, columns=True), str(file), KINDS) for file in files]
    masker = Masker([*known.used.values(), *([settings.token] if settings.token else [])])
    chosen = secrets.randbelow(2**32) if seed is None else seed
    if dry_run:
        context.exit(asyncio.run(_dry(experiments, settings, environment, chosen, masker)))
    store = Store(runs)
    judged = []
    directories: list[Path] = []
    context.call_on_close(lambda: _report(directories, reports, as_json))  # also when a later run cannot begin
    for experiment in experiments:
        replay = _replay(experiment, environment, config, chosen, known)

        def set_up(experiment: Experiment = experiment, replay: str = replay) -> Setup:
            return Setup(experiment, settings, environment, _backend(settings), chosen, replay, masker)

        judged.append(asyncio.run(_run(set_up, store, as_json=as_json)))
        directories.append(store.root / judged[-1][0])
        _report(directories[-1:], [directories[-1] / PAGE], as_json)
        if judged[-1][1].exit in (130, 143):
            break
    if as_json:
        click.echo(json.dumps([_shown(run_id, judgement) for run_id, judgement in judged], indent=2))
    context.exit(_status([judgement for _, judgement in judged]))


def _report(directories: Sequence[Path], outputs: Sequence[Path], as_json: bool) -> None:
    for output in outputs if directories else ():
        if attempt_reports(directories, [output]) and not as_json:
            click.echo(f"report in {output}")


def _status(judgements: Sequence[Judgement]) -> int:
    verdict = worst(judgement.verdict for judgement in judgements)
    signals = [judgement.exit for judgement in judgements if judgement.exit in (130, 143)]
    if signals and verdict is not Verdict.NOT_REVERTED:
        return signals[0]
    return verdict.exit


async def _run(set_up: Callable[[], Setup], store: Store, *, as_json: bool) -> tuple[str, Judgement]:
    setup = set_up()  # here, as gRPC's channels belong to the loop that runs
    await close_unfinished(store, lambda _: setup.backend)
    journal = store.begin(setup.experiment.name)
    progress = Progress(setup.experiment)
    if not as_json:
        click.echo(f"{setup.experiment.name}: run {journal.run_id}", err=True)
    runner = Runner(setup, journal, (lambda _: None) if as_json else progress)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runner.interrupt, number.name)
    try:
        judgement = await runner.run()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        progress.end()
        journal.close()
        await setup.backend.close()
    if not as_json:
        _tell(setup, journal.run_id, journal.directory, judgement)
    return journal.run_id, judgement


def _tell(setup: Setup, run_id: str, directory: Path, judgement: Judgement) -> None:
    for result in judgement.results:
        click.echo(f"  {result.outcome:<8} {result.sentence}")
    if judgement.recovery is not None:
        click.echo(f"  recovered {judgement.recovery:.1f} s after the revert")
    for reason in judgement.reasons:
        click.echo(f"  {reason}")
    click.echo(f"verdict: {judgement.verdict} ({judgement.verdict.meaning}); exit {judgement.exit}")
    click.echo(f"run {run_id} in {directory}; again with: {setup.replay}")


def _shown(run_id: str, judgement: Judgement) -> Mapping[str, Any]:
    return {
        "run": run_id,
        "verdict": judgement.verdict.value,
        "exit": judgement.exit,
        "reasons": list(judgement.reasons),
        "recovery_seconds": judgement.recovery,
        "stopping_seconds": judgement.stopping,
        "hits": dict(judgement.hits),
        "hypotheses": [result._asdict() for result in judgement.results],
    }


async def _dry(
    experiments: Sequence[Experiment], settings: Environment, environment: str, seed: int, masker: Masker
) -> int:
    """Prints the plans; 4 if one would be refused."""
    refused = False
    for experiment in experiments:
        backend = _backend(settings)
        try:
            planned = await plan(Setup(experiment, settings, environment, backend, seed, ""))
        finally:
            await backend.close()
        conditions = experiment.conditions
        click.echo(f"{experiment.name}: {conditions.edge} in {environment}")
        for target in planned.chosen:
            click.echo(f"  target     {target.id}")
        for spec in experiment.faults:
            attributes = ", ".join(f"{key}={value}" for key, value in spec.fault.attributes().items())
            click.echo(f"  inject     {spec.kind} {spec.direction} ({attributes}) for {conditions.duration:g} s")
        click.echo(f"  undo       releasing the lease, or its lapse after {conditions.lease} s")
        surroundings = Surroundings(prometheus=settings.prometheus)
        for hypothesis in experiment.hypotheses:
            sampler = Sampler(hypothesis, surroundings, _NoPhase(), lambda _: None, lambda *_: None)
            reading = await sampler.measure()
            now = reading.why if reading.value is None else f"{reading.value:.4g}"
            click.echo(masker.text(f"  hypothesis {hypothesis.name}: {hypothesis.terms.expect}; now {now}"))
            await sampler.close()
        for refusal in planned.refused:
            refused = True
            click.echo(f"  refused    {refusal.reason} ({refusal.net}); {refusal.remedy}")
    return Verdict.REFUSED.exit if refused else 0


class _NoPhase:
    phase = None
    since = 0.0


def _document(config: Path | None, known: Variables) -> document.Value | None:
    if config is None and not CONFIG.exists():
        return None
    return document.read(config or CONFIG, known.expand, columns=True)


def _pairs(words: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise InvalidSpec(f"--var {word}", "is not NAME=VALUE")
        pairs[name] = value
    return pairs


def _backend(settings: Environment) -> Backend:
    """Raises InvalidSpec, Unavailable."""
    if settings.backend == "memory":
        return MemoryBackend({edge: [place.proxy] for edge, place in settings.edges.items()})
    if settings.backend == "chaos-mesh":
        raise InvalidSpec("backend", "chaos-mesh is not there yet; use proxy")
    credentials = Credentials(token=settings.token)
    if settings.tls is not None:
        files = (settings.tls.ca, settings.tls.cert, settings.tls.key)
        root, certificate, key = (None if name is None else _bytes(name) for name in files)
        credentials = replace(credentials, root=root, certificate=certificate, key=key)
    return ProxyBackend(settings.control, {edge: place.proxy for edge, place in settings.edges.items()}, credentials)


def _bytes(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Unavailable(f"{name}: {(error.strerror or str(error)).lower()}") from None


def _replay(experiment: Experiment, environment: str, config: Path | None, seed: int, known: Variables) -> str:
    """The command that runs it once more, without the values of variables."""
    words = ["brownout", "run", experiment.source, "--env", environment, "--seed", str(seed)]
    if config is not None:
        words += ["--config", str(config)]
    return shlex.join(words)
