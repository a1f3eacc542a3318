"""A journal as it grows: the records that were written since one last looked."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from brownout_controller.engine.store import JOURNAL
from brownout_controller.model.journal import Entry, decode
from brownout_proxy.errors import InvalidSpec, Unavailable

_AT_ONCE: Final = 1 << 18
"""Bytes that are read in one go, so that a long journal holds up nobody else."""


class Line(NamedTuple):
    """A record, and how it is written on the disk."""

    entry: Entry
    text: str


class Tail:
    """Reads on from where it was; `after` records are left out."""

    def __init__(self, directory: Path, after: int = 0) -> None:
        self._path = directory / JOURNAL
        self._after = after
        self._place = 0

    def read(self) -> list[Line] | None:
        """The next records, perhaps none of those that were asked for; None when there is nothing new.

        A line that is being written is left for the next time. Raises Unavailable, InvalidSpec.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._place)
                raw = file.read(_AT_ONCE)
                if b"\n" not in raw:
                    raw += file.readline()
        except OSError as error:
            raise Unavailable(f"{self._path}: {(error.strerror or str(error)).lower()}") from None
        whole = raw[: raw.rfind(b"\n") + 1]
        if not whole:
            return None
        self._place += len(whole)
        lines = (self._line(text) for text in whole.decode("utf-8", "replace").split("\n") if text.strip())
        return [line for line in lines if line.entry.n >= self._after]

    def _line(self, text: str) -> Line:
        try:
            return Line(decode(text), text)
        except ValueError as error:
            raise InvalidSpec(str(self._path), str(error)) from None
