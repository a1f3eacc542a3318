"""Runs that were cut off: finds them, makes sure that nothing of theirs is left, and closes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from brownout_controller.backends.base import Backend, BackendError, Target
from brownout_controller.engine import store
from brownout_controller.engine.store import Journal, Store
from brownout_controller.model.journal import Closed, Entry, Judged, Reverted, Run, Undo
from brownout_controller.model.judge import judge

_PATIENCE: Final = 5.0  # seconds
_RETRY: Final = 0.25


async def close_unfinished(store_: Store, backend_of: Callable[[Run], Backend]) -> list[str]:
    """Closes every run without a verdict that no process is at; their ids."""
    closed = []
    for directory in store_.runs():
        entries = store.read(directory)
        run = next((entry.record for entry in entries if isinstance(entry.record, Run)), None)
        if run is None or any(isinstance(entry.record, Judged) for entry in entries):
            continue
        try:
            journal = _reopened(directory, entries, run)
        except BlockingIOError:
            continue  # somebody is at it
        try:
            await _close(journal, entries, backend_of(run))
        finally:
            journal.close()
        closed.append(directory.name)
    return closed


def _reopened(directory: Path, entries: Sequence[Entry], run: Run) -> Journal:
    age = (datetime.now(UTC) - datetime.fromisoformat(run.started)).total_seconds()
    return Journal(directory, number=entries[-1].n + 1, age=max(age, entries[-1].at))


async def _close(journal: Journal, entries: Sequence[Entry], backend: Backend) -> None:
    done = {entry.record.id for entry in entries if isinstance(entry.record, Reverted) and entry.record.verified}
    for entry in entries:
        if isinstance(entry.record, Undo) and entry.record.id not in done:
            journal.write(await _undone(entry.record, backend, journal.run_id))
    journal.write(Closed("a later start"))
    judgement = judge(store.read(journal.directory))
    journal.write(Judged(judgement.verdict.value, judgement.exit, judgement.reasons))


async def _undone(undo: Undo, backend: Backend, owner: str) -> Reverted:
    target = Target(**undo.target)
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            await backend.revert(target, owner)
            if await backend.gone(target, owner):
                return Reverted(undo.id, target.id, verified=True, how="found gone by a later start")
            why = f"{target.id} still lists the fault"
        except BackendError as error:
            why = str(error)
        if time.monotonic() > deadline:
            return Reverted(undo.id, target.id, verified=False, why=why)
        await asyncio.sleep(_RETRY)
