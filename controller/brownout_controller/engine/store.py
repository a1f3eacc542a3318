"""Where runs are kept: one directory each, with an append-only journal that is the truth about it.

A run's owner holds a lock on its directory; a directory without a verdict that nobody holds is a run that was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from brownout_controller import clock
from brownout_controller.engine import journal_file, private_files
from brownout_controller.engine.journal_file import Unreadable, ends, lines
from brownout_controller.model.journal import (
    NOT_AT_ONCE,
    BadRecord,
    Entry,
    Judged,
    Record,
    Run,
    decode,
    encode,
)
from brownout_controller.model.journal import read as read_lines
from brownout_core import limits
from brownout_core.errors import NotFound, Unavailable, os_error_text

JOURNAL: Final = journal_file.JOURNAL
_LOCK: Final = "lock"
_REMEDY: Final = "remove it, or keep runs in another directory with --runs"
_SYNC: Final = 1.0
"""Seconds after which records that need not be safe at once are written to the disk."""
_BLOCK: Final = 1 << 16
"""Bytes of a journal's end that are read at once."""
_SYNCING: Final = ThreadPoolExecutor(4, "journal")
_UNFIT: Final = re.compile(r"[^a-z0-9]+")


class Journal:
    """The record of one run, written line by line. Raises Unavailable where the disk does not take it."""

    def __init__(self, directory: Path, *, number: int = 0, age: float = 0.0, sync_after: float = _SYNC) -> None:
        """One that goes on has so many records already, and began `age` seconds ago. Records that need not be safe at
        once are on the disk after `sync_after` seconds. Raises BlockingIOError if somebody is at that run,
        Unavailable."""
        self.directory = directory
        self.run_id = directory.name
        self._began = clock.now() - age
        self.number = number
        """Of the next record."""
        self._sync_after = sync_after
        self._synced = clock.now()
        self._syncing: Future[None] | None = None
        self._closed = False
        self._lock = _held(directory / _LOCK)
        try:
            if number:
                _cut_torn_line(directory / JOURNAL)
            self._file = private_files.open_file(directory / JOURNAL, os.O_WRONLY | os.O_APPEND, _REMEDY)
        except OSError as error:
            os.close(self._lock)
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(f"{directory / JOURNAL}: {os_error_text(error)}") from None

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return clock.now() - self._began

    def write(self, record: Record) -> Entry:
        """Appends it. It is on the disk when this returns; a sample or a counter is within a second or so."""
        entry = self.entry(record)
        self.append(entry)
        return entry

    def entry(self, record: Record) -> Entry:
        """The record with its number and its time, not written yet."""
        self.number += 1
        return Entry(self.number - 1, self.now, record)

    def append(self, entry: Entry) -> None:
        """Writes it whole or not at all, so that it can be tried again."""
        if self._closed:  # its descriptor may be another run's journal by now
            raise Unavailable(f"{self.directory / JOURNAL}: is closed")
        size = os.fstat(self._file).st_size
        written = (encode(entry) + "\n").encode()
        if len(written) > limits.RECORD or size + len(written) > limits.JOURNAL:  # which nobody would read any more
            where = self.directory / JOURNAL
            raise Unavailable(f"{where}: takes records of {limits.RECORD}, and {limits.JOURNAL} in all")
        try:
            _write_all(self._file, written)
            if entry.record.kind not in NOT_AT_ONCE:
                os.fsync(self._file)
                self._synced = clock.now()
            elif clock.now() - self._synced > self._sync_after:
                self._sync_beside()
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, size)
            where = self.directory / JOURNAL
            raise Unavailable(f"{where}: {os_error_text(error)}") from None

    def _sync_beside(self) -> None:
        """In another thread: 20 runs on a disk that takes 20 ms would leave a loop half of its time, and all of it is
        for samples that nobody waits for. Raises OSError for what the last time came to."""
        if self._syncing is not None and not self._syncing.done():
            return
        done, self._syncing = self._syncing, None
        if done is not None:
            done.result()
        self._syncing = _SYNCING.submit(os.fsync, self._file)
        self._synced = clock.now()

    def close(self) -> None:
        self._closed = True
        if self._syncing is not None:
            wait([self._syncing])  # its descriptor must not be another file's by then
        os.close(self._file)
        os.close(self._lock)


class Store:
    """All runs under one directory."""

    def __init__(self, root: Path, new_journal: Callable[[Path], Journal] = Journal) -> None:
        self.root = root
        self._new_journal = new_journal

    def begin(self, name: str) -> Journal:
        """A new run of the experiment `name`. Raises Unavailable."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        words = _UNFIT.sub("-", name.lower()).strip("-")[:40] or "run"
        directory = self.root / f"{stamp}-{words}-{secrets.token_hex(4)}"
        try:
            self.root.mkdir(0o700, parents=True, exist_ok=True)
            directory.mkdir(0o700)
        except OSError as error:
            raise Unavailable(f"{directory}: {os_error_text(error)}") from None
        return self._new_journal(directory)

    def runs(self) -> Iterator[Path]:
        """The directories of all runs, oldest first: those with a journal, whatever that is. Raises Unavailable."""
        try:
            there = sorted(self.root.iterdir()) if self.root.is_dir() else []
        except OSError as error:
            raise Unavailable(f"{self.root}: {os_error_text(error)}") from None
        yield from (path for path in there if _has_journal(path))

    def find(self, run: str) -> Path:
        """The directory of a run by its id, the beginning of it, `last`, or a path. Raises NotFound."""
        if os.path.lexists(Path(run) / JOURNAL):
            return Path(run)
        return self.named(run)

    def named(self, run: str) -> Path:
        """The same without paths, for those who must not reach other directories. Raises NotFound."""
        known = list(self.runs())
        found = known[-1:] if run == "last" else [path for path in known if path.name.startswith(run)]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(f"run {run!r} is not one but {len(found)}: {', '.join(path.name for path in found[:5])}")
        raise NotFound(f"there is no run {run!r} in {self.root}; `brownout history` lists them")


def read(directory: Path) -> list[Entry]:
    """The journal of a run. Raises Unreadable, Unavailable."""
    path = directory / JOURNAL
    try:
        return list(read_lines(lines(path)))
    except BadRecord as error:
        raise Unreadable(path, error.reason, error.line) from None


def _has_journal(path: Path) -> bool:
    try:
        os.lstat(path / JOURNAL)
    except PermissionError:
        return True  # reading it raises the error
    except (OSError, ValueError):
        return False
    return True


class Brief(NamedTuple):
    """A run in a line. `verdict` is None while there is none."""

    run_id: str
    name: str
    environment: str
    started: str
    claims: bool
    verdict: Judged | None


def brief(directory: Path) -> Brief:
    """What is in the first and the last record. Raises Unreadable, Unavailable."""
    first, last = ends(directory / JOURNAL)
    run, verdict = _record(first), _record(last)
    if not isinstance(run, Run):
        return Brief(directory.name, "", "", "", True, None)
    return Brief(
        directory.name,
        str(run.experiment.get("name", "")),
        str(run.environment.get("name", "")),
        run.started,
        bool(run.terms),
        verdict if isinstance(verdict, Judged) else None,
    )


def is_closed(directory: Path) -> bool:
    """Whether its verdict is in: the last line. Raises Unreadable, Unavailable."""
    return isinstance(_record(ends(directory / JOURNAL)[1]), Judged)


def _record(line: bytes) -> Record | None:
    try:
        return decode(line.decode("utf-8", "replace")).record
    except BadRecord:
        return None


def has_begun(directory: Path) -> bool:
    """Whether anything was written: what is empty was killed before it did anything. Raises Unreadable, Unavailable."""
    return any(ends(directory / JOURNAL))


def is_held(directory: Path) -> bool:
    """Whether a process is at that run. Leaves no trace, so that it may be asked about what can only be read."""
    try:
        lock = os.open(directory / _LOCK, os.O_RDONLY | private_files.CAREFUL)
    except PermissionError:
        return True  # somebody else's run, which only they may call over
    except OSError:
        return False  # whoever is at a run has made the file
    try:
        # Shared, so that two who ask do not take each other for the owner.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _held(path: Path) -> int:
    """A descriptor with the lock. Raises BlockingIOError if somebody has it, Unavailable if it cannot be had."""
    lock = private_files.open_file(path, os.O_RDWR, _REMEDY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _cut_torn_line(path: Path) -> None:
    """What a crash left of a last line would spoil the one that is written next."""
    with open(private_files.open_file(path, os.O_RDWR, _REMEDY), "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        start = end
        while start > 0:  # from the end on: a journal may be long, and a line is not
            start, block = max(0, start - _BLOCK), min(start, _BLOCK)
            file.seek(start)
            if (newline := file.read(block).rfind(b"\n")) >= 0:
                start += newline + 1
                break
        if start < end:
            file.truncate(start)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
