"""A run that was killed is found by the next start: what is left of it is undone, and it is closed as inconclusive."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from brownout_controller.engine import recovery as module
from brownout_controller.engine.recovery import close_unfinished
from brownout_controller.engine.store import JOURNAL, Store, read
from brownout_controller.model.journal import Closed, Injected, Judged, Reverted, Undo
from brownout_controller.model.verdict import Verdict
from tests.controller.engine.ground import EDGE, Play, Unruly, experiment


def _killed(tmp_path: Path, backend: Unruly, after: str) -> Store:
    """A journal that ends with the first record of that kind, and a target as it was then."""
    play = Play(tmp_path, experiment(), backend)
    play.run()
    directory = next(iter(play.store.runs()))
    lines = (directory / JOURNAL).read_text().splitlines(keepends=True)
    end = next(number for number, entry in enumerate(play.entries) if entry.record.kind == after)
    (directory / JOURNAL).write_text("".join(lines[: end + 1]) + '{"n": 99, "at"')  # the last line was torn

    async def inject() -> None:
        target = (await backend.targets(EDGE))[0]
        await backend.inject(target, experiment().faults, directory.name, 600.0)

    if after in (Undo.kind, Injected.kind):
        asyncio.run(inject())
    return play.store


@pytest.mark.parametrize("after", [Undo.kind, Injected.kind])
def test_what_is_left_is_undone_and_the_run_is_closed(tmp_path: Path, after: str) -> None:
    backend = Unruly()
    store = _killed(tmp_path, backend, after)
    assert not backend.clean
    closed = asyncio.run(close_unfinished(store, lambda _: backend))
    assert backend.clean
    directory = next(iter(store.runs()))
    assert closed == [directory.name]
    entries = [entry.record for entry in read(directory)]
    assert isinstance(entries[-1], Judged)
    assert entries[-1].verdict == Verdict.INCONCLUSIVE
    assert any(isinstance(record, Closed) for record in entries)
    assert asyncio.run(close_unfinished(store, lambda _: backend)) == []


def test_a_run_that_had_injected_nothing_is_only_closed(tmp_path: Path) -> None:
    backend = Unruly()
    store = _killed(tmp_path, backend, "state")
    backend.asked.clear()
    assert len(asyncio.run(close_unfinished(store, lambda _: backend))) == 1
    assert backend.asked == []


def test_a_run_that_somebody_is_at_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    journal = store.begin("x")
    journal.write(Undo("u0", {"id": "db", "proxy": "db", "where": ""}, "x"))
    assert asyncio.run(close_unfinished(store, lambda _: Unruly())) == []
    journal.close()


def test_what_cannot_be_undone_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    backend = Unruly()
    store = _killed(tmp_path, backend, Injected.kind)
    backend.fails.add("revert")
    asyncio.run(close_unfinished(store, lambda _: backend))
    entries = [entry.record for entry in read(next(iter(store.runs())))]
    assert any(isinstance(record, Reverted) and not record.verified for record in entries)
    assert isinstance(entries[-1], Judged)
    assert entries[-1].exit == 6
