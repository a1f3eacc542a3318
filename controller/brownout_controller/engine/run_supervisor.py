"""Many runs at once in one process, each with its journal: starts, shows and stops them, and leaves nothing behind.

`brownout run` has one for itself; a controller has one for everybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shlex
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, cast

from brownout_controller import clock
from brownout_controller.backends.base import Backend, ProxyPlace
from brownout_controller.backends.open_backend import open_backend
from brownout_controller.engine import stop_request, store
from brownout_controller.engine.dry_run import DryRun, dry_run
from brownout_controller.engine.history import History, collect
from brownout_controller.engine.journal_file import JOURNAL, Unreadable
from brownout_controller.engine.journal_tail import Line, Tail
from brownout_controller.engine.planning import Setup
from brownout_controller.engine.recovery import close_unfinished, environment_of
from brownout_controller.engine.resolve import RequestResolver, ResolvedRun
from brownout_controller.engine.run_list import CUT_OFF, ELSEWHERE, Row, RunList, list_runs, look
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.engine.runner import Runner
from brownout_controller.engine.store import Brief, Journal, Store
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import edge_name
from brownout_controller.model.journal import Entered, Entry, Injected, Judged, LeftOut, Plan, Run, encode
from brownout_controller.model.judge import Judgement
from brownout_controller.report.sentences import recorded
from brownout_controller.report.unread_journals import sentences
from brownout_core import limits
from brownout_core.errors import Unavailable
from brownout_core.verdict import Verdict

log = logging.getLogger(__name__)

_POLL_INTERVAL: Final = 0.5
"""Seconds from one look at what another process has written to the next."""
SHUTDOWN_GRACE: Final = 25.0
"""Seconds beyond a lease that a run may take to end: then its faults are gone whatever it is waiting for."""


class NotInPlaceError(Unavailable):
    """Ad-hoc faults could not be put in place, and what was is reverted. `run` has the journal."""

    def __init__(self, run: str, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.run, self.refused = run, refused


class HeldFaults(NamedTuple):
    """Ad-hoc faults that are in place. `left` is in seconds."""

    run: str
    environment: str
    faults: Sequence[str]
    targets: Sequence[str]
    left: float


@dataclass(eq=False)
class _Live:
    """A run that goes on here."""

    setup: Setup
    journal: Journal
    runner: Runner = field(init=False)
    task: asyncio.Task[None] = field(init=False)
    plan: Plan | None = None
    targets: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    judgement: Judgement | None = None

    def observe(self, entry: Entry) -> None:
        if isinstance(entry.record, Plan):
            self.plan = entry.record
        if isinstance(entry.record, Injected):
            self.targets.append(entry.record.target)
        self.ring()

    def ring(self) -> None:
        """Wakes everybody who waits for news."""
        self.news.set()
        self.news = asyncio.Event()


class RunSupervisor:
    """To be entered in the loop that it works in."""

    def __init__(
        self,
        resolver: RequestResolver,
        runs: Store,
        *,
        locks: Path | None = None,
        make: Callable[[Environment], Backend] = open_backend,
        after: Callable[[Path], object] | None = None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`make` opens backends; `after` is called in a thread with the directory of each run that has its verdict;
        `notify` is called with what became of the runs that were cut off."""
        self._resolver = resolver
        self._store = runs
        self._locks = locks
        self._make = make
        self._after = after
        self._notify = notify
        self._live: dict[str, _Live] = {}
        self._failed: dict[str, Unavailable] = {}
        self._kept: dict[str, Sequence[Entry]] = {}
        """Runs whose journal has not taken them whole, as they were observed."""
        self._left_out: Sequence[LeftOut] = ()
        self._recovered = False
        self._recovering = asyncio.Lock()
        self._closing = False
        self._readers = asyncio.Semaphore(limits.READERS)

    async def __aenter__(self) -> RunSupervisor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.shut_down("the end of its process")

    async def recover(self, variables: Mapping[str, str] | None = None) -> list[str]:
        """Closes the runs that were cut off by the death of their process, each undone where it was injected; their
        ids. The first start does it, if nobody has. `variables` are variables of the environments. Raises InvalidSpec,
        Unavailable."""
        async with self._backends(variables or {}) as backend_of:
            closed, self._left_out = await close_unfinished(self._store.runs(), backend_of)
        self._recovered = True
        for run in closed:
            if (judged := store.brief(self._store.root / run).verdict) is not None:
                verdict = Verdict(judged.verdict)
                self._notify(f"closed {run}, which had been cut off: {verdict} ({verdict.meaning})")
        for sentence in sentences(self._left_out):
            self._notify(sentence)
        return list(closed)

    async def prepare(self, variables: Mapping[str, str] | None = None) -> Sequence[LeftOut]:
        """What is due before the first run: what killed ones have left is undone. Gives the journals of killed ones
        that cannot be read. Raises InvalidSpec, Unavailable."""
        async with self._recovering:  # nobody starts before it is done
            if not self._recovered:
                await self.recover(variables)
        return self._left_out

    async def resolve(self, run: RunRequest | FaultRequest | ResolvedRun) -> ResolvedRun:
        """What is resolved stays as it is. Else in a thread, and only a few at a time: each takes its share of the
        loop's time. Raises InvalidSpec, Unavailable."""
        if isinstance(run, ResolvedRun):
            return run
        async with self._readers:
            return await asyncio.to_thread(self._resolver.resolve, run)

    async def check(self, run: RunRequest | ResolvedRun) -> None:
        """Raises InvalidSpec for what cannot be run, Unavailable."""
        await self.resolve(run)

    async def plan(self, run: RunRequest | ResolvedRun, *, measure: bool = True) -> DryRun:
        """What a run would do, and with `measure` what its hypotheses read now. Raises InvalidSpec, Unavailable."""
        setup = self._set_up(await self.resolve(run))
        try:
            return await dry_run(setup, measure=measure)
        finally:
            await setup.backend.close()

    async def start(self, run: RunRequest | FaultRequest | ResolvedRun) -> str:
        """Starts a run; its id. Raises InvalidSpec, Unavailable."""
        request = run.request if isinstance(run, ResolvedRun) else run
        self._check_open()
        await self.prepare(request.variables)
        return await self._begin(self._set_up(await self.resolve(run)))

    async def start_faults(self, faults: FaultRequest) -> str:
        """Puts ad-hoc faults in place; the id of their run. Raises InvalidSpec, Unavailable, NotInPlaceError."""
        run = await self.start(faults)
        try:
            async for line in self.watch(run):
                match line.entry.record:
                    case Entered(state="observing"):
                        return run
                    case Judged() as judged:
                        why = f"{'; '.join(recorded(judged))} ({judged.verdict}; run {run})"
                        raise NotInPlaceError(run, why, refused=judged.verdict == Verdict.REFUSED)
        except asyncio.CancelledError:  # who asked has left, and could not end what it does not know of
            await self.stop(run, "whoever asked for it left before it was in place")
            raise
        raise Unavailable(f"run {run} broke off")

    async def watch(self, run: str, after: int = 0, *, wait: bool = True) -> AsyncIterator[Line]:
        """The records of a run until its verdict, from memory those that its journal did not take; without `wait` as
        far as it is written. Raises NotFound, and Unavailable for a run that broke off."""
        directory = self._directory(run)
        tail, seen = Tail(directory, after), after
        while True:
            live = self._live.get(directory.name)  # first, so that what is written meanwhile is read below
            going_on = live is not None or store.is_held(directory)
            try:
                lines = tail.read()
            except Unavailable:  # somebody has taken the journal away
                if live is None and directory.name not in self._kept:
                    raise
                lines = None
            for line in lines or ():
                seen = line.entry.n + 1
                yield line
                if isinstance(line.entry.record, Judged):
                    return
            if lines is not None:
                await asyncio.sleep(0)
            elif not going_on or not wait:
                break
            elif live is not None:
                await live.news.wait()
            else:
                await asyncio.sleep(_POLL_INTERVAL)
        for entry in self._kept.get(directory.name, ()):
            if entry.n >= seen:
                yield Line(entry, encode(entry))
        if directory.name in self._failed:
            raise self._failed[directory.name]

    async def stop(
        self, run: str, why: str, *, at_once: bool = False, variables: Mapping[str, str] | None = None
    ) -> None:
        """Ends a run early, with its recovery unless it is `at_once`. One of another process is asked to end at once,
        one that was cut off is closed, and one that is over stays so. `variables` are variables of the environments.
        Raises NotFound, Unavailable, InvalidSpec."""
        directory = self._directory(run)
        if (live := self._live.get(directory.name)) is not None:
            live.runner.stop(why, at_once=at_once)
        elif directory.name not in self._kept:
            await self._stop_there(directory, why, variables or {})

    async def interrupt(self, run: str, signal: str) -> None:
        """Ends a run with nothing but the revert. Raises NotFound, Unavailable, InvalidSpec."""
        directory = self._directory(run)
        if (live := self._live.get(directory.name)) is not None:
            live.runner.interrupt(signal)
        elif directory.name not in self._kept:
            await self._stop_there(directory, signal, {})

    async def ended(self, run: str) -> Judged:
        """Waits for the verdict. Raises NotFound, Unavailable."""
        async for line in self.watch(run):
            if isinstance(line.entry.record, Judged):
                return line.entry.record
        raise Unavailable(f"run {run} was cut off")

    def runs(self, limit: int = 100) -> RunList:
        """The newest runs, and all that are not over. Takes a while. Raises Unavailable."""
        return list_runs(self._store, limit, self.state)

    async def list_runs(self, limit: int = 100) -> RunList:
        """The same beside the loop."""
        return await asyncio.to_thread(self.runs, limit)

    async def history(self) -> History:
        """All runs as the history counts them. Raises NotFound."""
        return await asyncio.to_thread(collect, [self._store.root] if self._store.root.is_dir() else [])

    async def row(self, run: str) -> Row:
        """One of them, by its id, the beginning of it, or `last`. Raises NotFound, Unreadable, Unavailable."""
        directory = self._directory(run)
        brief = store.brief(directory)
        return await asyncio.to_thread(look, directory, brief, self.state(brief))

    def state(self, brief: Brief) -> str:
        """Of the lifecycle, or what became of a run that is none of ours."""
        if brief.verdict is not None:
            return "judged"
        if (live := self._live.get(brief.run_id)) is not None:
            return live.runner.state
        return ELSEWHERE if store.is_held(self._store.root / brief.run_id) else CUT_OFF

    def find(self, run: str) -> Path:
        """Its directory. Raises NotFound."""
        return self._store.named(run)

    def faults(self) -> list[HeldFaults]:
        """The ad-hoc faults that are in place."""
        return [
            HeldFaults(
                name,
                live.setup.environment_name,
                [spec.name for spec in live.setup.experiment.faults],
                list(live.targets),
                live.setup.experiment.conditions.duration - (clock.now() - live.runner.since),
            )
            for name, live in self._live.items()
            if live.runner.state == "observing" and not live.setup.experiment.hypotheses
        ]

    async def places(self, environment: str, edge: str = "") -> list[ProxyPlace]:
        """Where faults can be put: everywhere, or where the edge runs through. Raises InvalidSpec, Unavailable."""
        settings = await asyncio.to_thread(self._resolver.environment, environment)
        backend = self._make(settings)
        try:
            found = await backend.places([edge] if edge else list(settings.edges))
        finally:
            await backend.close()
        return [place for place in found if not edge or place.edges or place.trouble]

    async def shut_down(self, signal: str) -> list[Verdict]:
        """Takes nothing on any more, reverts everything and waits for it; the verdicts of what was going on."""
        self._closing = True
        live = dict(self._live)
        for each in live.values():
            each.runner.interrupt(signal)
        if not live:
            return []
        lease = max(cast(float, each.setup.experiment.conditions.lease) for each in live.values())
        await asyncio.wait([each.task for each in live.values()], timeout=lease + SHUTDOWN_GRACE)
        judged = [each.judgement for each in live.values()]
        return [Verdict.NOT_REVERTED if judgement is None else judgement.verdict for judgement in judged]

    def _check_open(self) -> None:
        if self._closing:
            raise Unavailable("the controller is shutting down")
        if len(self._live) >= limits.RUNS:
            raise Unavailable(
                f"{limits.RUNS} are going on, which is all that one controller takes; wait for one to end"
            )

    def _set_up(self, run: ResolvedRun) -> Setup:
        request, own = run.request, run.experiment.conditions.seed
        seed = next((seed for seed in (request.seed, own) if seed is not None), secrets.randbelow(2**32))
        replay = f"{request.replay} --seed {seed}" if request.replay else ""
        if not replay and isinstance(request, RunRequest):
            words = ["brownout", "run", request.file, "--env", request.environment, "--seed", str(seed)]
            replay = shlex.join(words)
        return Setup(
            run.experiment,
            run.environment,
            request.environment,
            self._make(run.environment),
            seed,
            replay,
            run.masker,
            allowed_commands=self._resolver.allowed_commands,
            locks=self._locks,
            also=tuple(map(edge_name, request.edges[1:])) if isinstance(request, FaultRequest) else (),
            part_of=request.part_of,
        )

    async def _begin(self, setup: Setup) -> str:
        try:
            self._check_open()
            journal = self._store.begin(setup.masker.text(setup.experiment.name))
        except Unavailable:
            await setup.backend.close()
            raise
        live = _Live(setup, journal)
        live.runner = Runner(setup, live.journal, live.observe)
        live.task = asyncio.create_task(self._carry(live))
        self._live[live.journal.run_id] = live
        return live.journal.run_id

    async def _carry(self, live: _Live) -> None:
        run = live.journal.run_id
        polling = asyncio.create_task(self._poll_stop_requests(live))
        try:
            live.judgement = await live.runner.run()
            self._keep(live)
            if self._after is not None:
                await asyncio.to_thread(self._after, live.journal.directory)
        except Exception as error:
            log.exception("run %s broke off; its faults end with their lease", run)
            self._failed[run] = Unavailable(f"run {run} broke off: {type(error).__name__}")
        finally:
            polling.cancel()
            del self._live[run]
            stop_request.take(live.journal.directory)  # came too late
            live.journal.close()
            live.ring()
            await live.setup.backend.close()

    def _keep(self, live: _Live) -> None:
        """What cannot be read in its journal, for those who watch."""
        try:
            whole = store.is_closed(live.journal.directory)
        except Unavailable:
            whole = False
        if not whole:
            self._kept[live.journal.run_id] = live.runner.entries

    def _directory(self, run: str) -> Path:
        """Also of a run whose journal somebody has taken away. Raises NotFound."""
        if run in self._live or run in self._kept:
            return self._store.root / run
        return self._store.named(run)

    async def _stop_there(self, directory: Path, why: str, variables: Mapping[str, str]) -> None:
        """Of a run that is not going on here."""
        if store.is_held(directory):
            stop_request.write(directory, why)
        elif not store.is_closed(directory):
            async with self._backends(variables) as backend_of:
                unread = (await close_unfinished([directory], backend_of)).left_out
            if unread:
                raise Unreadable(directory / JOURNAL, unread[0].reason, unread[0].line)

    async def _poll_stop_requests(self, live: _Live) -> None:
        """Looks for requests of other processes."""
        while True:
            await asyncio.sleep(_POLL_INTERVAL)
            if (why := stop_request.take(live.journal.directory)) is not None:
                live.runner.stop(why, at_once=True)

    @contextlib.asynccontextmanager
    async def _backends(self, variables: Mapping[str, str]) -> AsyncIterator[Callable[[Run], Backend]]:
        """One for the environment of each run, as its journal has it; what is no secret may have changed since."""
        known = await asyncio.to_thread(self._resolver.environments, variables)
        opened: list[Backend] = []

        def backend_of(run: Run) -> Backend:
            opened.append(self._make(environment_of(run, known)))
            return opened[-1]

        try:
            yield backend_of
        finally:
            for backend in opened:
                await backend.close()
