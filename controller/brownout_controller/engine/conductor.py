"""Many runs at once in one process, each with its journal: starts, shows and stops them, and leaves nothing behind.

`brownout run` has one for itself; a controller has one for everybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shlex
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, cast

from brownout_controller.backends.base import Backend, Place
from brownout_controller.backends.opening import open_backend
from brownout_controller.engine import store
from brownout_controller.engine.orders import Desk, Order, Ready, Wish
from brownout_controller.engine.outlook import Outlook, look_ahead
from brownout_controller.engine.planning import Setup
from brownout_controller.engine.recovery import close_unfinished
from brownout_controller.engine.runner import Runner
from brownout_controller.engine.store import Brief, Journal, Store
from brownout_controller.engine.tail import Line, Tail
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import edge_name
from brownout_controller.model.journal import Entered, Entry, Injected, Judged, Plan, Run
from brownout_controller.model.verdict import Verdict
from brownout_proxy.errors import Conflict, InvalidSpec, Unavailable

log = logging.getLogger(__name__)

_MOST: Final = 64
"""Runs at once: each has its probes, its load and its keepers on this one loop."""
_LOOK: Final = 0.5
"""Seconds from one look at the journal of another process to the next."""
_GOODBYE: Final = 15.0
"""Seconds beyond a lease that a run may take to end: then its faults are gone whatever it is waiting for."""


class NotInPlaceError(Unavailable):
    """Ad-hoc faults could not be put in place, and what was is reverted. `run` has the journal."""

    def __init__(self, run: str, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.run, self.refused = run, refused


class Held(NamedTuple):
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


class Conductor:
    """To be entered in the loop that it works in."""

    def __init__(
        self,
        desk: Desk,
        runs: Store,
        *,
        locks: Path | None = None,
        make: Callable[[Environment], Backend] = open_backend,
        after: Callable[[Path], object] | None = None,
    ) -> None:
        """`make` opens backends; `after` is called in a thread with the directory of each run that has its verdict."""
        self._desk = desk
        self._store = runs
        self._locks = locks
        self._make = make
        self._after = after
        self._live: dict[str, _Live] = {}
        self._failed: dict[str, Unavailable] = {}
        self._recovered = False
        self._closing = False

    async def __aenter__(self) -> Conductor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.shut_down("the end of its process")

    async def recover(self) -> list[str]:
        """Closes the runs that were cut off by the death of their process, with nothing of them left; their ids. The
        first start does it, if nobody has."""
        self._recovered = True
        async with self._backends() as backend_of:
            return await close_unfinished(self._store, backend_of)

    # What others ask for.

    async def check(self, order: Order) -> None:
        """Whether it can be understood. Raises InvalidSpec, Unavailable."""
        await asyncio.to_thread(self._desk.read, order)

    async def plan(self, order: Order, *, measure: bool = True) -> Outlook:
        """What a run would do, and with `measure` what its hypotheses read now. Raises InvalidSpec, Unavailable."""
        setup = self._set_up(await asyncio.to_thread(self._desk.read, order), order)
        try:
            return await look_ahead(setup, measure=measure)
        finally:
            await setup.backend.close()

    async def start(self, order: Order) -> str:
        """Starts a run; its id. Raises InvalidSpec, Unavailable."""
        await self._open_up()
        return await self._begin(self._set_up(await asyncio.to_thread(self._desk.read, order), order))

    async def start_faults(self, wish: Wish) -> str:
        """Puts ad-hoc faults in place; the id of their run. Raises InvalidSpec, Unavailable, NotInPlaceError."""
        await self._open_up()
        run = await self._begin(self._set_up(self._desk.grant(wish), wish))
        try:
            async for line in self.watch(run):
                match line.entry.record:
                    case Entered(state="observing"):
                        return run
                    case Judged(verdict=verdict, reasons=reasons):
                        told = f"{'; '.join(reasons)} ({verdict}; run {run})"
                        raise NotInPlaceError(run, told, refused=verdict == Verdict.REFUSED)
        except asyncio.CancelledError:  # who asked has left, and could not end what it does not know of
            await self.stop(run, "whoever asked for it left before it was in place")
            raise
        raise Unavailable(f"run {run} broke off")

    async def watch(self, run: str, after: int = 0) -> AsyncIterator[Line]:
        """The records of a run until its verdict. Raises NotFound, and Unavailable for a journal that could not be
        written."""
        directory = self._store.named(run)
        tail = Tail(directory, after)
        while True:
            live = self._live.get(directory.name)  # first, so that what is written meanwhile is read below
            going_on = live is not None or store.is_held(directory)
            lines = tail.read()
            for line in lines or ():
                yield line
                if isinstance(line.entry.record, Judged):
                    return
            if lines is not None:
                await asyncio.sleep(0)
            elif not going_on:
                break
            elif live is not None:
                await live.news.wait()
            else:
                await asyncio.sleep(_LOOK)
        if directory.name in self._failed:
            raise self._failed[directory.name]

    async def stop(self, run: str, why: str) -> None:
        """Ends a run early, with its recovery. Raises NotFound, Conflict."""
        if (live := self._found(run)) is not None:
            live.runner.stop(why)

    async def interrupt(self, run: str, signal: str) -> None:
        """Ends a run with nothing but the revert. Raises NotFound, Conflict."""
        if (live := self._found(run)) is not None:
            live.runner.interrupt(signal)

    async def ended(self, run: str) -> Judged:
        """Waits for the verdict. Raises NotFound, Unavailable."""
        async for line in self.watch(run):
            if isinstance(line.entry.record, Judged):
                return line.entry.record
        raise Unavailable(f"run {run} was cut off")

    def runs(self, limit: int = 100) -> list[tuple[Brief, str]]:
        """The newest runs, and the state of each."""
        found = list(self._store.runs())[-limit:] if limit > 0 else []
        return [(told := store.brief(path), self.state(told)) for path in reversed(found)]

    def state(self, told: Brief) -> str:
        """Of the lifecycle, or what became of a run that is none of ours."""
        if told.verdict is not None:
            return "judged"
        if (live := self._live.get(told.run_id)) is not None:
            return live.runner.state
        return "in another process" if store.is_held(self._store.root / told.run_id) else "cut off"

    def find(self, run: str) -> Path:
        """Its directory. Raises NotFound."""
        return self._store.named(run)

    def faults(self) -> list[Held]:
        """The ad-hoc faults that are in place."""
        return [
            Held(
                name,
                live.setup.environment_name,
                [spec.name for spec in live.setup.experiment.faults],
                list(live.targets),
                live.setup.experiment.conditions.duration - (time.monotonic() - live.runner.since),
            )
            for name, live in self._live.items()
            if live.runner.state == "observing" and not live.setup.experiment.hypotheses
        ]

    async def places(self, environment: str, edge: str = "") -> list[Place]:
        """Where faults can be put: everywhere, or where the edge runs through. Raises InvalidSpec, Unavailable."""
        settings = self._desk.environment(environment)
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
        await asyncio.wait([each.task for each in live.values()], timeout=lease + _GOODBYE)
        told = [store.brief(each.journal.directory).verdict for each in live.values()]
        return [Verdict.NOT_REVERTED if verdict is None else Verdict(verdict.verdict) for verdict in told]

    # How it is done.

    async def _open_up(self) -> None:
        self._check_open()
        if not self._recovered:
            await self.recover()

    def _check_open(self) -> None:
        if self._closing:
            raise Unavailable("the controller is shutting down")
        if len(self._live) >= _MOST:
            raise Unavailable(f"{_MOST} runs are going on, which is all that one controller takes; wait for one to end")

    def _set_up(self, ready: Ready, asked: Order | Wish) -> Setup:
        conditions = ready.experiment.conditions
        seed = next((seed for seed in (asked.seed, conditions.seed) if seed is not None), secrets.randbelow(2**32))
        return Setup(
            ready.experiment,
            ready.environment,
            asked.environment,
            self._make(ready.environment),
            seed,
            _replay(asked, seed),
            ready.masker,
            allowed_commands=self._desk.allowed_commands,
            locks=self._locks,
            also=tuple(map(edge_name, asked.edges[1:])) if isinstance(asked, Wish) else (),
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
        try:
            await live.runner.run()
            if self._after is not None:
                await asyncio.to_thread(self._after, live.journal.directory)
        except Unavailable as error:
            log.error("run %s ends without a verdict, and its faults with their lease: %s", run, error)
            self._failed[run] = error
        except Exception as error:
            log.exception("run %s broke off; its faults end with their lease", run)
            self._failed[run] = Unavailable(f"run {run} broke off: {type(error).__name__}")
        finally:
            del self._live[run]
            live.journal.close()
            live.ring()
            await live.setup.backend.close()

    def _found(self, run: str) -> _Live | None:
        """None for a run that is over."""
        directory = self._store.named(run)
        if directory.name in self._live:
            return self._live[directory.name]
        if store.brief(directory).verdict is None and store.is_held(directory):
            raise Conflict(f"run {directory.name} is in another process; stop it there")
        return None

    @contextlib.asynccontextmanager
    async def _backends(self) -> AsyncIterator[Callable[[Run], Backend]]:
        """One for each environment that a journal names."""
        opened: dict[str, Backend] = {}

        def backend_of(run: Run) -> Backend:
            name = str(run.environment.get("name", ""))
            if name not in opened:
                opened[name] = self._make(self._environment_of(run, name))
            return opened[name]

        try:
            yield backend_of
        finally:
            for backend in opened.values():
                await backend.close()

    def _environment_of(self, run: Run, name: str) -> Environment:
        """As it is now; as the journal has it, without its secrets, if it is there no longer."""
        try:
            return self._desk.environment(name)
        except InvalidSpec:
            known = {key: item for key, item in run.environment.items() if key in Environment.model_fields}
            return Environment.model_validate(known)


def _replay(asked: Order | Wish, seed: int) -> str:
    if asked.replay:
        return f"{asked.replay} --seed {seed}"
    if isinstance(asked, Order):
        return shlex.join(["brownout", "run", asked.file, "--env", asked.environment, "--seed", str(seed)])
    return ""
