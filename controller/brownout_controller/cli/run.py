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
from brownout_controller.cli import dry, outcome
from brownout_controller.cli.files import read_all
from brownout_controller.cli.progress import Progress
from brownout_controller.engine.recovery import close_unfinished
from brownout_controller.engine.runner import Runner, Setup
from brownout_controller.engine.store import Store
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import Experiment
from brownout_controller.model.judge import Judgement
from brownout_controller.model.variables import Masker, Variables
from brownout_controller.model.verdict import Verdict, worst
from brownout_proxy.errors import InvalidSpec, Unavailable

RUNS = Path(".brownout/runs")


@click.command("run", short_help="Run experiments and give a verdict.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="EXPERIMENT...")
@click.option("--env", "environment", default="local", metavar="NAME", help="The environment [default: local].")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The environments [brownout.yaml].")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="What ${NAME} in the files means.")
@click.option("--seed", type=int, metavar="N", help="Chooses targets; random if not given.")
@click.option("--runs", type=click.Path(path_type=Path), default=RUNS, metavar="DIR", help=f"The journals [{RUNS}].")
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
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run experiments one after another; the worst verdict wins.

    Exit status: 0 passed, 1 refuted, 2 a file or flag is wrong and nothing was run, 3 inconclusive, 4 refused,
    5 stopped, 6 not reverted (a person must look), 7 a bug of brownout; 130 and 143 for signals.
    """
    # Everything is read before anything is started.
    known = Variables(_pairs(variables), os.environ, lenient=True)
    settings, experiments = read_all(files, config, environment, known)
    masker = Masker([*known.used.values(), *([settings.token] if settings.token else [])])
    chosen = secrets.randbelow(2**32) if seed is None else seed
    if dry_run:
        rehearsals = asyncio.run(_dry(experiments, settings, environment, chosen, masker))
        context.exit(dry.tell(rehearsals, as_json=as_json))
    store = Store(runs)
    judged = []
    for experiment in experiments:
        replay = _replay(experiment, environment, config, chosen, known)

        def set_up(experiment: Experiment = experiment, replay: str = replay) -> Setup:
            return Setup(experiment, settings, environment, _backend(settings), chosen, replay, masker)

        judged.append(asyncio.run(_run(set_up, store, as_json=as_json)))
        if judged[-1][1].exit in (130, 143):
            break
    if as_json:
        click.echo(json.dumps([_shown(run_id, judgement) for run_id, judgement in judged], indent=2))
    context.exit(_status([judgement for _, judgement in judged]))


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
    if not as_json:
        click.echo(f"{setup.experiment.name}: run {journal.run_id}", err=True)
    progress = None if as_json else Progress(setup.experiment)
    runner = Runner(setup, journal, progress or (lambda _: None))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runner.interrupt, number.name)
    try:
        judgement = await runner.run()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        if progress is not None:
            progress.end()
        journal.close()
        await setup.backend.close()
    if not as_json:
        _tell(setup, journal.run_id, journal.directory, judgement)
    return journal.run_id, judgement


def _tell(setup: Setup, run_id: str, directory: Path, judgement: Judgement) -> None:
    click.echo(outcome.told(setup.experiment, judgement, outcome.fitting()), nl=False)
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
) -> Sequence[dry.Rehearsal]:
    told = []
    for experiment in experiments:
        backend = _backend(settings)
        try:
            told.append(await dry.rehearse(Setup(experiment, settings, environment, backend, seed, "", masker)))
        finally:
            await backend.close()
    return told


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
