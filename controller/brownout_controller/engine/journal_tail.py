"""A journal as it grows: the records that were written since one last looked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from brownout_controller.engine.journal_file import JOURNAL, Unreadable, check_length, opened
from brownout_controller.model.journal import BadRecord, Entry, decode
from brownout_core import limits
from brownout_core.errors import Unavailable, os_error_text

_AT_ONCE: Final = 1 << 18
"""Bytes that are read in one go, so that a long journal holds up nobody else."""


class Line(NamedTuple):
    """A record, and how it is written on the disk."""

    entry: Entry
    text: str


class Tail:
    """Reads on from where it was; `after` records are left out."""

    def __init__(self, directory: Path, after: int = 0, at_once: int = _AT_ONCE) -> None:
        self._path = directory / JOURNAL
        self._after = after
        self._at_once = at_once
        self._place = 0
        self._lines = 0
        """That were read."""

    def read(self) -> list[Line] | None:
        """The next records, perhaps none of those that were asked for; None when there is nothing new.

        A line that is being written is left for the next time. Raises Unavailable, Unreadable.
        """
        try:
            with opened(self._path) as file:
                file.seek(self._place)
                raw = file.read(self._at_once)
                if b"\n" not in raw:
                    raw += file.readline(limits.RECORD + 1)
                    check_length(self._path, raw, self._lines + 1)
        except Unavailable:
            raise
        except OSError as error:
            raise Unavailable(f"{self._path}: {os_error_text(error)}") from None
        whole = raw[: raw.rfind(b"\n") + 1]
        if not whole:
            return None
        self._place += len(whole)
        return [line for line in self._decoded(whole) if line.entry.n >= self._after]

    def _decoded(self, whole: bytes) -> Iterator[Line]:
        for text in whole.decode("utf-8", "replace").removesuffix("\n").split("\n"):
            self._lines += 1
            if text.strip():
                try:
                    yield Line(decode(text), text)
                except BadRecord as error:
                    raise Unreadable(self._path, error.reason, self._lines) from None
