"""Runs that were cut off: finds them, makes sure that nothing of theirs is left, and closes them.

A journal that cannot be read stays as it is, and holds up nothing else: what its run had put in place ends with its
lease, a later version may be able to read it, and nothing of it is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from brownout_controller.backends.base import Backend, Target
from brownout_controller.engine import store
from brownout_controller.engine.injection import verified_revert
from brownout_controller.engine.journal_file import JOURNAL, Unreadable, left_out
from brownout_controller.engine.store import Journal
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import LONGEST_LEASE
from brownout_controller.model.journal import Closed, Entry, LeftOut, Reverted, Run, Undo
from brownout_controller.model.judge import judge
from brownout_controller.model.run_summary import utc
from brownout_core.errors import BrownoutError, InvalidSpec

log = logging.getLogger(__name__)

_PATIENCE: Final = 5.0  # seconds


class Recovered(NamedTuple):
    """What became of the runs that were cut off."""

    closed: Sequence[str]
    """Their ids."""
    left_out: Sequence[LeftOut]
    """Journals without a verdict that cannot be read, each with what may be left of its run."""


async def close_unfinished(runs: Iterable[Path], backend_of: Callable[[Run], Backend]) -> Recovered:
    """Closes each of these runs that has no verdict, and that no process is at.

    `backend_of` gives what injected for that run, wherever that was: a later start may be about something else. A run
    that it raises a BrownoutError for is left for a start that knows better. Raises Unavailable.
    """
    closed, unread = [], []
    for directory in runs:
        try:
            if store.is_closed(directory) or store.is_held(directory):  # its journal may be long
                continue
            entries = store.read(directory)
            if _run_of(entries) is None and store.has_begun(directory):
                raise Unreadable(directory / JOURNAL, "has no record of what was run")
        except BrownoutError as error:
            unread.append(_left(directory / JOURNAL, error))
            continue
        try:
            if await _closed(directory, entries, backend_of):
                closed.append(directory.name)
        except Unreadable as error:
            unread.append(_left(directory / JOURNAL, error))
        except BrownoutError as error:
            log.warning("the unfinished run %s is left as it is: %s", directory.name, error)
    return Recovered(closed, unread)


def _left(path: Path, error: BrownoutError) -> LeftOut:
    """With what may be left of its run: nobody knows what that had put in place, but how long it lives at most."""
    unread = left_out(path, error)
    try:
        ends = datetime.fromtimestamp(path.lstat().st_mtime, UTC) + timedelta(seconds=LONGEST_LEASE)
    except (OSError, ValueError, OverflowError):
        return unread._replace(reason=f"{unread.reason} (whatever its run had put in place ends with its lease)")
    if ends < datetime.now(UTC):
        fate = "whatever its run had put in place has ended with its lease"
    else:
        fate = f"its run may have left a fault, which ends with its lease, at {ends:%H:%M:%S} UTC at the latest"
    return unread._replace(reason=f"{unread.reason} ({fate})")


def environment_of(run: Run, known: Mapping[str, Environment]) -> Environment:
    """Where that run was, as its journal has it; the token, which no journal has, and the certificates, whose paths may
    be masked there, from the environment of that name among the `known`. Raises InvalidSpec."""
    named = known.get(str(run.environment.get("name")))
    content = {key: value for key, value in run.environment.items() if key in Environment.model_fields}
    try:
        there = Environment.model_validate(content)
    except ValueError as error:
        raise InvalidSpec("environment", f"the journal's cannot be read: {error}") from None
    if named is None:
        return there
    return there.model_copy(update={"token": named.token, "tls": named.tls or there.tls})


async def _closed(directory: Path, entries: Sequence[Entry], backend_of: Callable[[Run], Backend]) -> bool:
    """Closes that run, unless somebody is at it or has been meanwhile. Raises BrownoutError."""
    run = _run_of(entries)
    if run is None:
        return False
    try:
        journal = _reopened(directory, entries, run)
    except BlockingIOError:
        return False  # somebody is at it
    try:
        # Whoever had it until just now may have brought it to its end: only what is read under the lock counts.
        if store.is_closed(directory):
            return False
        entries = store.read(directory)
        journal.number = entries[-1].n + 1
        await _close(journal, entries, backend_of(run))
    finally:
        journal.close()
    return True


def _run_of(entries: Sequence[Entry]) -> Run | None:
    return next((entry.record for entry in entries if isinstance(entry.record, Run)), None)


def _reopened(directory: Path, entries: Sequence[Entry], run: Run) -> Journal:
    try:
        age = (datetime.now(UTC) - utc(run.started)).total_seconds()
    except ValueError:
        raise Unreadable(directory / JOURNAL, "has no time at which the run began") from None
    return Journal(directory, number=entries[-1].n + 1, age=max(age, entries[-1].at))


async def _close(journal: Journal, entries: Sequence[Entry], backend: Backend) -> None:
    done = {entry.record.id for entry in entries if isinstance(entry.record, Reverted) and entry.record.verified}
    for entry in entries:
        if isinstance(entry.record, Undo) and entry.record.id not in done:
            undo, target = entry.record.id, Target.from_plain(entry.record.target)
            reverted = await verified_revert(
                backend, target, journal.run_id, undo, patience=_PATIENCE, how="found gone by a later start"
            )
            journal.write(reverted)
    journal.write(Closed("a later start"))
    judgement = judge(store.read(journal.directory))
    journal.write(judgement.record())
