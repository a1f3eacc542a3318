"""A run is followed to its verdict, and hears of signals; the venue does what the test says."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, cast

import pytest

from brownout_controller.cli.client.follow import Finished, Signals, follow, heeded
from brownout_controller.cli.client.run_client import RunClient
from brownout_controller.engine.journal_tail import Line
from brownout_controller.model.journal import Entry, Interrupted, Judged, Record, Run, Undo
from brownout_controller.report.sentences import sentence
from brownout_core.errors import Unavailable
from brownout_core.verdict import Verdict
from tests.support.running import SECONDS

_RUN = Run("r", "1", "2026-01-01T00:00:00+00:00", {}, [], {}, 7, "", 0.0)


class _Place:
    """Gives the records that the test puts in; None ends the stream, an error breaks it."""

    def __init__(self, *records: Record | Exception | None) -> None:
        self.records: asyncio.Queue[Record | Exception | None] = asyncio.Queue()
        for record in records:
            self.records.put_nowait(record)
        self.heard: list[str] = []
        self.lost = 0
        self.answers = True
        self.open = asyncio.Event()
        self.open.set()

    async def start(self) -> str:
        await self.open.wait()
        return "r"

    async def watch(self, run: str, after: int = 0) -> AsyncIterator[Line]:
        for number in range(100):
            record = await self.records.get()
            if record is None:
                return
            if isinstance(record, Exception):
                raise record
            yield Line(Entry(number, float(number), record), "")

    async def interrupt(self, run: str, signal: str) -> None:
        if self.lost:
            self.lost -= 1
            raise Unavailable("lost")
        self.heard.append(signal)
        if not self.answers:
            return
        for record in (Interrupted(signal), Judged("stopped", 130, []), None):
            self.records.put_nowait(record)


async def play(
    make: Callable[[], _Place],
    *,
    remote: bool = True,
    meanwhile: Callable[[_Place, Signals], Coroutine[Any, Any, None]],
) -> tuple[Finished | None, Signals, _Place]:
    place, signals = make(), Signals()
    task = asyncio.create_task(meanwhile(place, signals))
    async with asyncio.timeout(SECONDS):
        following = follow(cast(RunClient, place), place.start, signals, lambda _: None, remote=remote)
        finished = await signals.during(following)
        await task
    return finished, signals, place


async def nothing(place: _Place, signals: Signals) -> None:
    """Nothing happens meanwhile."""


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


async def test_the_verdict_is_computed_from_the_records() -> None:
    finished, _, _ = await play(lambda: _Place(_RUN, Judged("refused", 4, []), None), meanwhile=nothing)
    assert finished is not None
    assert (finished.run, len(finished.entries)) == ("r", 2)
    assert finished.judgement.verdict is Verdict.INCONCLUSIVE  # whatever the record says: nothing was injected


async def test_a_signal_is_passed_on_and_the_verdict_is_waited_for() -> None:
    async def meanwhile(place: _Place, signals: Signals) -> None:
        await until(place.records.empty)
        signals.arrive("SIGINT")

    finished, signals, place = await play(lambda: _Place(_RUN), meanwhile=meanwhile)
    assert finished is not None
    assert (finished.judgement.exit, signals.came, place.heard) == (130, "SIGINT", ["SIGINT"])


async def test_a_signal_that_comes_while_the_run_is_started_reaches_it() -> None:
    async def meanwhile(place: _Place, signals: Signals) -> None:
        await until(lambda: signals._waits)
        signals.arrive("SIGTERM")
        signals.arrive("SIGTERM")
        await asyncio.sleep(0)
        assert place.heard == []
        place.open.set()

    def closed() -> _Place:
        place = _Place(_RUN)
        place.open.clear()
        return place

    _, _, place = await play(closed, meanwhile=meanwhile)
    assert place.heard == ["SIGTERM"]


async def test_a_signal_is_told_until_it_is_heard() -> None:
    async def meanwhile(place: _Place, signals: Signals) -> None:
        await until(place.records.empty)
        place.lost = 2
        signals.arrive("SIGINT")

    finished, _, place = await play(lambda: _Place(_RUN), meanwhile=meanwhile)
    assert place.heard == ["SIGINT"]
    assert finished is not None


async def test_a_second_signal_does_not_wait_for_a_controller_that_may_never_answer() -> None:
    async def meanwhile(place: _Place, signals: Signals) -> None:
        await until(place.records.empty)
        place.lost = 1_000_000
        signals.arrive("SIGINT")
        await asyncio.sleep(0)
        signals.arrive("SIGINT")

    finished, _, _ = await play(lambda: _Place(_RUN), meanwhile=meanwhile)
    assert finished is not None
    assert (finished.judgement.verdict, finished.judgement.exit) == (Verdict.INCONCLUSIVE, 3)
    assert "was not waited for" in sentence(finished.judgement.reasons[0])


async def test_a_second_signal_waits_for_a_controller_that_has_heard_the_first() -> None:
    async def meanwhile(place: _Place, signals: Signals) -> None:
        await until(place.records.empty)
        place.answers = False
        signals.arrive("SIGINT")
        await until(lambda: place.heard)
        await asyncio.sleep(0)
        signals.arrive("SIGINT")
        for record in (Interrupted("SIGINT"), Judged("stopped", 130, []), None):
            place.records.put_nowait(record)

    finished, _, _ = await play(lambda: _Place(_RUN), meanwhile=meanwhile)
    assert finished is not None
    assert finished.judgement.exit == 130


async def test_a_run_of_this_process_is_waited_for_however_often_one_asks() -> None:
    async def meanwhile(place: _Place, signals: Signals) -> None:
        await until(place.records.empty)
        for _ in range(3):
            signals.arrive("SIGINT")

    finished, _, place = await play(lambda: _Place(_RUN), remote=False, meanwhile=meanwhile)
    assert finished is not None
    assert (finished.judgement.exit, place.heard) == (130, ["SIGINT"])


async def test_a_signal_without_a_run_ends_the_work() -> None:
    signals = Signals()
    work = asyncio.create_task(signals.during(cast(Any, asyncio.Event().wait())))
    await until(lambda: signals._work is not None)
    signals.arrive("SIGTERM")
    assert await work is None
    assert signals.came == "SIGTERM"


async def test_the_signal_of_a_controller_is_not_ours() -> None:
    records = (_RUN, Interrupted("SIGTERM"), Judged("stopped", 143, []), None)
    finished, _, _ = await play(lambda: _Place(*records), meanwhile=nothing)
    assert finished is not None
    assert (finished.judgement.verdict, finished.judgement.exit) == (Verdict.STOPPED, 5)


@pytest.mark.parametrize(("end", "told"), [(Unavailable("lost for good"), "lost for good"), (None, "was cut off")])
async def test_without_a_verdict_it_is_inconclusive_and_not_unreverted(end: Exception | None, told: str) -> None:
    finished, _, _ = await play(lambda: _Place(_RUN, Undo("u0", {"id": "t"}, "x"), end), meanwhile=nothing)
    assert finished is not None
    assert (finished.judgement.verdict, finished.judgement.exit) == (Verdict.INCONCLUSIVE, 3)
    assert told in sentence(finished.judgement.reasons[0])


async def test_a_journal_of_this_process_that_cannot_be_written_is_an_error() -> None:
    with pytest.raises(Unavailable, match="no space"):
        await play(lambda: _Place(_RUN, Unavailable("no space")), remote=False, meanwhile=nothing)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("a bug")])
async def test_a_terminal_that_is_closed_ends_the_telling_and_not_the_run(error: Exception) -> None:
    told: list[Entry] = []

    def observe(entry: Entry) -> None:
        told.append(entry)
        raise error

    async def main() -> Finished:
        place = _Place(_RUN, Interrupted("SIGHUP"), Judged("stopped", 5, []), None)
        return await follow(cast(RunClient, place), place.start, Signals(), observe)

    finished = await main()
    assert (len(told), len(finished.entries)) == (1, 3)
    assert finished.judgement.exit == 5


async def test_the_end_of_the_terminal_is_a_signal_unless_nohup_ignores_it() -> None:
    async def main() -> str | None:
        signals = Signals()
        work = asyncio.create_task(signals.during(cast(Any, asyncio.Event().wait())))
        await until(lambda: signals._work is not None)
        os.kill(os.getpid(), signal.SIGHUP)
        assert await work is None
        return signals.came

    assert await main() == "SIGHUP"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert signal.SIGHUP not in heeded()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heeded() == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
