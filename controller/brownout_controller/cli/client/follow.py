"""Stays with a run until its verdict: passes its records to an observer, and signals to the run."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from brownout_controller.cli.client.run_client import RunClient
from brownout_controller.model.journal import Entry, Judged
from brownout_controller.model.judge import Judgement, judge
from brownout_controller.model.reasons import TEXT, Reason
from brownout_core.errors import Unavailable
from brownout_core.verdict import SIGNALS, Verdict

log = logging.getLogger(__name__)

_RETRY: Final = 0.25  # seconds

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Finished:
    """A run as far as it is known: its journal, and the verdict that it gives."""

    run: str
    entries: tuple[Entry, ...]
    judgement: Judgement


def heeded() -> Sequence[signal.Signals]:
    """The signals that end a command in order: Ctrl-C, SIGTERM, and the terminal's end unless nohup ignores it."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if ignored else [signal.SIGHUP])]


class Signals:
    """SIGINT, SIGTERM and SIGHUP while a command works. Without a run they end the work; a run is interrupted, and
    waited for. The second one does not wait any more where the first was not heard, and may never be."""

    def __init__(self) -> None:
        self.came: str | None = None
        self._passing: asyncio.Task[None] | None = None
        self._interrupt: Callable[[str], Awaitable[None]] | None = None
        self._waits = False
        self._work: asyncio.Task[Any] | None = None

    async def during(self, work: Coroutine[Any, Any, Result]) -> Result | None:
        """What the work gives; None if a signal ended it."""
        loop = asyncio.get_running_loop()
        working: asyncio.Task[Result] = asyncio.create_task(work)
        self._work = working
        numbers = heeded()
        for number in numbers:
            loop.add_signal_handler(number, self.arrive, number.name)
        try:
            return await working
        except asyncio.CancelledError:
            if self.came is None:
                raise
            return None
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A run that is just being started could not be interrupted: the signal waits for it."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False

    @contextmanager
    def passed_to(self, interrupt: Callable[[str], Awaitable[None]], *, patient: bool) -> Iterator[None]:
        """`patient` for a run that surely hears it; one that has heard it ends within its lease."""
        self._interrupt, self._waits = interrupt, patient
        if self.came is not None:
            self._pass_on(self.came)
        try:
            yield
        finally:
            self._interrupt, self._waits = None, False
            if self._passing is not None:
                self._passing.cancel()

    def arrive(self, name: str) -> None:
        first, self.came = self.came is None, self.came or name
        if first and self._interrupt is not None:
            self._pass_on(name)
        elif not self._waits and self._work is not None:
            self._work.cancel()

    def _pass_on(self, name: str) -> None:
        self._passing = asyncio.create_task(self._until_heard(name))

    async def _until_heard(self, name: str) -> None:
        while self._interrupt is not None:
            try:
                await self._interrupt(name)
            except Unavailable:
                await asyncio.sleep(_RETRY)  # the connection is lost; it may come back
            else:
                self._waits = True
                return


def _observed(observe: Callable[[Entry], None], entry: Entry) -> Callable[[Entry], None]:
    """Who observes from now on: nobody, once that has failed. A closed terminal, or a pipe without a reader, does not
    decide what becomes of a run."""
    try:
        observe(entry)
    except Exception as error:
        if not isinstance(error, OSError):
            log.exception("the observer of the run failed, and is not called again")
        return lambda _: None
    return observe


async def follow(
    client: RunClient,
    start: Callable[[], Awaitable[str]],
    signals: Signals,
    observe: Callable[[Entry], None],
    *,
    remote: bool = False,
) -> Finished:
    """Raises what `start` raises."""
    with signals.waiting():
        run = await start()
    return await follow_started(client, run, signals, observe, remote=remote)


async def follow_started(
    client: RunClient, run: str, signals: Signals, observe: Callable[[Entry], None], *, remote: bool = False
) -> Finished:
    """The same for a run that has been started. Raises Unavailable for one of this process that broke off."""
    entries: list[Entry] = []
    unknown = "the run was cut off; the next start of brownout there closes it"
    try:
        with signals.passed_to(lambda name: client.interrupt(run, name), patient=not remote):
            async for line in client.watch(run):
                entries.append(line.entry)
                observe = _observed(observe, line.entry)
    except Unavailable as error:
        if not remote:
            raise
        unknown = str(error)
    except asyncio.CancelledError:
        if signals.came is None:
            raise
        unknown = f"the verdict on run {run} was not waited for: it may still go on"
    if not any(isinstance(entry.record, Judged) for entry in entries):
        why = Reason(TEXT, words={"text": unknown})
        # Not judged from what we have: that a revert is missing there does not mean that it was not done.
        return Finished(run, tuple(entries), Judgement(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE.exit, (why,)))
    judgement = judge(entries)
    if judgement.exit in SIGNALS.values() and signals.came is None:
        judgement = replace(judgement, exit=judgement.verdict.exit)  # the signal was the controller's, not ours
    return Finished(run, tuple(entries), judgement)
