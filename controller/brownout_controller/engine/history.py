"""All runs below some directories, read from their journals; what was read once is kept in a SQLite file.

The journals are the truth. `history.db`, in the directory that was asked for, only saves reading them again: it may be
deleted at any time, and whatever is wrong with it (garbage, another version's, a directory that takes no file) costs
time and no answer. It is never written in place but replaced as a whole, so that processes need not wait for each
other and nobody sees half of it; of two that write at once the last one wins, and the next one reads again what that
one did not know.

A journal that is gone is gone from the history: that is how a run is taken out of it. To keep runs for longer than a
machine or CI keeps its files, collect their directories, anywhere below one that is asked for; a run that is found
twice counts once.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from brownout_controller.engine import store
from brownout_controller.engine.journal_file import JOURNAL, Unreadable, left_out
from brownout_controller.model.journal import LeftOut
from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import in_order
from brownout_controller.report.run.run_report import run_report
from brownout_controller.report.run.summarise import summarise
from brownout_controller.report.unread_journals import named
from brownout_core import __version__
from brownout_core.errors import BrownoutError, NotFound, Unavailable, os_error_text

log = logging.getLogger(__name__)

DATABASE: Final = "history.db"
_FORM: Final = 1
"""To be raised when the same journal leads to another row than before."""
_LIVE: Final = ("directory", "running")
"""What a row does not keep, as it depends on where and when one looks."""
_LISTS: Final = ("faults", "played")
_COLUMNS: Final = tuple(item.name for item in fields(RunSummary) if item.name not in _LIVE)
_CREATE: Final = f"CREATE TABLE runs (path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, {', '.join(_COLUMNS)})"
_STAMP: Final = zlib.crc32(f"{_FORM} {__version__} {_CREATE}".encode()) & 0x7FFFFFFF
"""Another version may come to another verdict on a journal, so that it does not take this one's rows for its own."""
_ROWS: Final = TypeAdapter(RunSummary)


class Seen(NamedTuple):
    """A journal as it was when it was read: one that has changed since has another size or another time."""

    size: int
    mtime: int
    run: RunSummary


class History(NamedTuple):
    """The runs, oldest first, and what is not among them."""

    runs: Sequence[RunSummary]
    closed_to_us: Sequence[str] = ()
    """Directories that could not be looked into, a line each."""
    left_out: Sequence[LeftOut] = ()
    """Journals that could not be read."""

    @property
    def warnings(self) -> Sequence[str]:
        """All that is not among the runs, a line each."""
        return [*self.closed_to_us, *map(named, self.left_out)]


def collect(roots: Iterable[Path]) -> History:
    """Without the trials of searches: that one of them broke is what was looked for, and no regression. Raises NotFound
    for a directory that is not there."""
    found: dict[tuple[str, object], RunSummary] = {}
    closed_to_us: list[str] = []
    unread: list[LeftOut] = []
    for root in dict.fromkeys(roots):
        if not root.is_dir():
            raise NotFound(f"there is no directory {root}")
        below = _below(root)
        closed_to_us += below.closed_to_us
        unread += below.left_out
        for run in below.runs:
            if run.part_of:
                continue
            known = found.get((run.run, run.started))
            if known is None or (run.ended and not known.ended):
                found[run.run, run.started] = run
    return History(in_order(found.values()), closed_to_us, unread)


def _below(root: Path) -> History:
    closed_to_us: list[str] = []
    unread: list[LeftOut] = []
    known = load(root / DATABASE)
    seen: dict[str, Seen] = {}
    for directory in _directories(root, closed_to_us):
        path = str(directory.relative_to(root))
        try:
            seen[path] = _seen(directory, known.get(path))
        except BrownoutError as error:
            if not store.is_held(directory):  # else it has only just begun
                unread.append(left_out(directory / JOURNAL, error))
    if seen != known:
        save(root / DATABASE, seen)
    return History([_live(root / path, item.run) for path, item in seen.items()], closed_to_us, unread)


def _live(directory: Path, run: RunSummary) -> RunSummary:
    return replace(run, directory=str(directory), running=not run.ended and store.is_held(directory))


def _directories(root: Path, warnings: list[str]) -> Iterator[Path]:
    """Those with a journal, in the order of their names. Links are not followed: they may lead in circles."""

    def note(error: OSError) -> None:
        warnings.append(f"{error.filename}: {os_error_text(error)}")

    for place, inside, files in os.walk(root, onerror=note):
        inside.sort()
        if JOURNAL in files:
            inside.clear()  # what a run keeps beside its journal is its own
            yield Path(place)


def _seen(directory: Path, known: Seen | None) -> Seen:
    """Raises Unreadable, Unavailable."""
    path = directory / JOURNAL
    try:
        # Looked at before it is read: what is written meanwhile makes it another one the next time.
        status = path.lstat()
    except OSError as error:
        raise Unavailable(f"{path}: {os_error_text(error)}") from None
    if known is not None and (known.size, known.mtime) == (status.st_size, status.st_mtime_ns):
        return known
    entries = store.read(directory)
    try:
        run = summarise(run_report(entries, directory.name))
    except ValueError as error:
        raise Unreadable(path, str(error)) from None
    except Exception as error:  # a journal of another hand may hold anything anywhere; one of ours does not
        log.debug("%s makes no account", path, exc_info=True)
        raise Unreadable(path, f"makes no sense to us ({type(error).__name__})") from None
    return Seen(status.st_size, status.st_mtime_ns, replace(run, directory=""))


def load(database: Path) -> Mapping[str, Seen]:
    """What the file keeps, by the run's directory; nothing if it cannot be used."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            if connection.execute("PRAGMA user_version").fetchone() != (_STAMP,):
                return {}
            rows = connection.execute(f"SELECT path, size, mtime, {', '.join(_COLUMNS)} FROM runs").fetchall()
        return {path: Seen(size, mtime, _decoded(values)) for path, size, mtime, *values in rows}
    except (sqlite3.Error, ValueError, TypeError) as error:
        log.debug("%s is not used: %s", database, error)
        return {}


def save(database: Path, seen: Mapping[str, Seen]) -> None:
    """Puts a new file into the old one's place. One that cannot be written is not missed."""
    new = database.with_name(f".{database.name}-{secrets.token_hex(4)}")
    try:
        with closing(sqlite3.connect(new)) as connection, connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute(_CREATE)
            marks = ", ".join("?" * (3 + len(_COLUMNS)))
            rows = [
                (path, item.size, item.mtime, *_encoded(item.run)) for path, item in seen.items() if path.isprintable()
            ]
            connection.executemany(f"INSERT INTO runs VALUES ({marks})", rows)
            connection.execute(f"PRAGMA user_version = {_STAMP}")
        os.replace(new, database)
    except (sqlite3.Error, OSError) as error:
        log.debug("%s is not written: %s", database, error)
    finally:
        with suppress(OSError):
            new.unlink()


def row_as_json(run: RunSummary) -> str:
    """For somebody who is elsewhere."""
    return _ROWS.dump_json(run).decode()


def row_of_json(text: str) -> RunSummary:
    """Raises ValueError for a row of another version."""
    return _ROWS.validate_json(text)


def _encoded(run: RunSummary) -> Iterator[Any]:
    content = _ROWS.dump_python(run, mode="json")
    for name in _COLUMNS:
        value = content[name]
        yield json.dumps(value) if isinstance(value, list) else value


def _decoded(values: Sequence[Any]) -> RunSummary:
    """Raises ValueError, TypeError."""
    content = dict(zip(_COLUMNS, values, strict=True))
    lists = {name: json.loads(content[name]) for name in _LISTS}
    return _ROWS.validate_python({**content, **lists, "directory": ""})
