"""Where runs are kept: one directory each, with an append-only journal that is the truth about it.

A run's owner holds a lock on its directory; a directory without a verdict that nobody holds is a run that was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from brownout_controller.model.journal import NOT_AT_ONCE, Entry, Judged, Record, decode, encode
from brownout_controller.model.journal import read as read_lines
from brownout_proxy.errors import InvalidSpec, NotFound, Unavailable

JOURNAL: Final = "journal.jsonl"
_LOCK: Final = "lock"
_SYNC: Final = 1.0
"""Seconds after which records that need not be safe at once are written to the disk."""
_TAIL: Final = 1 << 16
"""As many bytes of a journal's end are looked at for its verdict; it has a sentence for each hypothesis."""
_UNFIT: Final = re.compile(r"[^a-z0-9]+")


class Journal:
    """The record of one run, written line by line. Raises Unavailable where the disk does not take it."""

    def __init__(self, directory: Path, *, number: int = 0, age: float = 0.0) -> None:
        """One that goes on has so many records already, and began `age` seconds ago. Raises BlockingIOError if
        somebody is at that run, Unavailable."""
        self.directory = directory
        self.run_id = directory.name
        self._began = time.monotonic() - age
        self.number = number
        """Of the next record."""
        self._synced = time.monotonic()
        self._lock = _held(directory / _LOCK)
        try:
            if number:
                _cut_torn_line(directory / JOURNAL)
            self._file = os.open(directory / JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unavailable(f"{directory / JOURNAL}: {(error.strerror or str(error)).lower()}") from None

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

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
        size = os.fstat(self._file).st_size
        try:
            _write_all(self._file, (encode(entry) + "\n").encode())
            if entry.record.kind not in NOT_AT_ONCE or time.monotonic() - self._synced > _SYNC:
                os.fsync(self._file)
                self._synced = time.monotonic()
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, size)
            where = self.directory / JOURNAL
            raise Unavailable(f"{where}: {(error.strerror or str(error)).lower()}") from None

    def close(self) -> None:
        os.close(self._file)
        os.close(self._lock)


class Store:
    """All runs under one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self, name: str) -> Journal:
        """A new run of the experiment `name`. Raises Unavailable."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        words = _UNFIT.sub("-", name.lower()).strip("-")[:40] or "run"
        directory = self.root / f"{stamp}-{words}-{secrets.token_hex(2)}"
        try:
            directory.mkdir(parents=True)
        except OSError as error:
            raise Unavailable(f"{directory}: {(error.strerror or str(error)).lower()}") from None
        return Journal(directory)

    def runs(self) -> Iterator[Path]:
        """The directories of all runs, oldest first."""
        if self.root.is_dir():
            yield from sorted(path for path in self.root.iterdir() if (path / JOURNAL).is_file())

    def find(self, run: str) -> Path:
        """The directory of a run by its id, the beginning of it, `last`, or a path. Raises NotFound."""
        if (Path(run) / JOURNAL).is_file():
            return Path(run)
        known = list(self.runs())
        found = known[-1:] if run == "last" else [path for path in known if path.name.startswith(run)]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(f"run {run!r} is not one but {len(found)}: {', '.join(path.name for path in found[:5])}")
        raise NotFound(f"there is no run {run!r} in {self.root}; `brownout history` lists them")


def read(directory: Path) -> list[Entry]:
    """The journal of a run. Raises Unavailable, InvalidSpec."""
    path = directory / JOURNAL
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return list(read_lines(file))
    except OSError as error:
        raise Unavailable(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:
        raise InvalidSpec(str(path), str(error)) from None


def is_closed(directory: Path) -> bool:
    """Whether its verdict is in: the last line, so that a journal of hours need not be read for it. Raises
    Unavailable."""
    path = directory / JOURNAL
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read().rstrip(b"\n")
            if b"\n" not in tail:  # the last line is longer than that
                file.seek(0)
                tail = file.read().rstrip(b"\n")
    except OSError as error:
        raise Unavailable(f"{path}: {(error.strerror or str(error)).lower()}") from None
    try:
        return isinstance(decode(tail[tail.rfind(b"\n") + 1 :].decode("utf-8", "replace")).record, Judged)
    except ValueError:
        return False


def is_held(directory: Path) -> bool:
    """Whether a process is at that run. Leaves no trace, so that it may be asked about what can only be read."""
    try:
        lock = os.open(directory / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
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
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Unavailable(f"{path}: {(error.strerror or str(error)).lower()}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _cut_torn_line(path: Path) -> None:
    """What a crash left of a last line would spoil the one that is written next."""
    with path.open("r+b") as file:
        content = file.read()
        if not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
