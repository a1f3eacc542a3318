"""`brownout run`: experiment files in, a verdict and an exit status out."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shlex
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from brownout_controller.backends.base import Backend, BackendError
from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.backends.proxy import Credentials, ProxyBackend
from brownout_controller.cli.output import say
from brownout_controller.cli.progress import Progress
from brownout_controller.cli.report import PAGE, attempt_reports, checked
from brownout_controller.engine.planning import Setup, plan
from brownout_controller.engine.recovery import close_unfinished, environment_of
from brownout_controller.engine.runner import Runner
from brownout_controller.engine.sampling import Sampler
from brownout_controller.engine.store import Store, read
from brownout_controller.model.environment import Environment, read_environment, read_environments
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.journal import Run
from brownout_controller.model.judge import Judgement, judge
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
    written = _document(config, known)
    settings, others = read_environment(written, environment, str(place)), read_environments(written)
    experiments = [read_experiment(document.read(file, known.expand, columns=True), str(file), KINDS) for file in files]
    masker = Masker([*known.used.values(), *([settings.token] if settings.token else [])])
    chosen = secrets.randbelow(2**32) if seed is None else seed
    if dry_run:
        context.exit(asyncio.run(_dry(experiments, settings, environment, chosen, masker)))
    store = Store(runs)
    judged: list[tuple[str, Judgement]] = []
    directories: list[Path] = []
    context.call_on_close(lambda: _report(directories, reports, as_json))  # also when a later run cannot begin
    for experiment in experiments:
        replay = _replay(experiment, environment, config, chosen, known)

        def set_up(experiment: Experiment = experiment, replay: str = replay) -> Setup:
            return Setup(experiment, settings, environment, _backend(settings), chosen, replay, masker)

        try:
            judged.append(asyncio.run(_run(set_up, store, others, as_json=as_json)))
        except Unavailable as error:  # the run could not even begin, which must not read as `refuted`
            say(f"{experiment.name}: {error}", err=True)
            judged.append(("", Judgement(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE.exit, (str(error),))))
            continue
        directories.append(store.root / judged[-1][0])
        _report(directories[-1:], [directories[-1] / PAGE], as_json)
        if judged[-1][1].exit in (130, 143):
            break
    if as_json:
        say(json.dumps([_shown(run_id, judgement) for run_id, judgement in judged], indent=2))
    context.exit(_status([judgement for _, judgement in judged]))


def _report(directories: Sequence[Path], outputs: Sequence[Path], as_json: bool) -> None:
    for output in outputs if directories else ():
        if attempt_reports(directories, [output]) and not as_json:
            say(f"report in {output}")


def _status(judgements: Sequence[Judgement]) -> int:
    verdict = worst(judgement.verdict for judgement in judgements)
    signals = [judgement.exit for judgement in judgements if judgement.exit in (130, 143)]
    if signals and verdict is not Verdict.NOT_REVERTED:
        return signals[0]
    return verdict.exit


async def _run(
    set_up: Callable[[], Setup], store: Store, others: Mapping[str, Environment], *, as_json: bool
) -> tuple[str, Judgement]:
    """Raises Unavailable if nothing could be begun."""
    setup = set_up()  # here, as gRPC's channels belong to the loop that runs
    with _signals() as pending:
        try:
            await pending.unless(_close_unfinished(store, others))
            journal = store.begin(setup.experiment.name)
            progress = Progress(setup.experiment)
            if not as_json:
                say(f"{setup.experiment.name}: run {journal.run_id}", err=True)
            runner = Runner(setup, journal, (lambda _: None) if as_json else progress)
            pending.tell(runner.interrupt)
            try:
                judgement = await runner.run()
            finally:
                with suppress(OSError):
                    progress.end()
                journal.close()
        finally:
            await setup.backend.close()
    if not as_json:
        _tell(setup, journal.run_id, journal.directory, judgement)
    return journal.run_id, judgement


async def _close_unfinished(store: Store, others: Mapping[str, Environment]) -> None:
    """Undoes what killed runs have left, each where it was injected."""
    backends: list[Backend] = []

    def backend_of(run: Run) -> Backend:
        backends.append(_backend(environment_of(run, others)))
        return backends[-1]

    try:
        for run_id in await close_unfinished(store, backend_of):
            verdict = judge(read(store.root / run_id)).verdict
            say(f"closed {run_id}, which had been cut off: {verdict} ({verdict.meaning})", err=True)
    finally:
        for backend in backends:
            await backend.close()


class _Pending:
    """What a signal does: at first it ends what is waited for, later it interrupts the run."""

    def __init__(self) -> None:
        self._received: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._interrupt: Callable[[str], None] | None = None

    def receive(self, name: str) -> None:
        self._received = self._received or name
        if self._interrupt is not None:
            self._interrupt(name)
        elif self._task is not None:
            self._task.cancel()

    async def unless(self, work: Coroutine[Any, Any, None]) -> None:
        """Waits for the work, or until a signal has ended it."""
        self._task = asyncio.create_task(work)
        try:
            await asyncio.wait({self._task})
        finally:
            self._task.cancel()
        if not self._task.cancelled():
            self._task.result()

    def tell(self, interrupt: Callable[[str], None]) -> None:
        self._interrupt = interrupt
        if self._received is not None:
            interrupt(self._received)


@contextmanager
def _signals() -> Iterator[_Pending]:
    """Ctrl-C, SIGTERM and the terminal's end are no end of the process until the block is over."""
    loop, pending = asyncio.get_running_loop(), _Pending()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup wants it
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, pending.receive, number.name)
    try:
        yield pending
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _tell(setup: Setup, run_id: str, directory: Path, judgement: Judgement) -> None:
    for result in judgement.results:
        say(f"  {result.outcome:<8} {result.sentence}")
    if judgement.recovery is not None:
        say(f"  recovered {judgement.recovery:.1f} s after the revert")
    for reason in judgement.reasons:
        say(f"  {reason}")
    say(f"verdict: {judgement.verdict} ({judgement.verdict.meaning}); exit {judgement.exit}")
    say(f"run {run_id} in {directory}; again with: {setup.replay}")


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
    """Prints the plans; 4 if one would be refused, 3 if its targets cannot be asked."""
    refused = False
    for experiment in experiments:
        backend = _backend(settings)
        try:
            planned = await plan(Setup(experiment, settings, environment, backend, seed, ""))
        except BackendError as error:
            click.echo(f"{experiment.name}: the targets cannot be asked: {masker.text(str(error))}", err=True)
            return Verdict.INCONCLUSIVE.exit
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
