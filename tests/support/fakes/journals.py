"""Journals on a disk that is full."""

from __future__ import annotations

from pathlib import Path

from brownout_controller.engine.store import Journal
from brownout_controller.model.journal import Entry
from brownout_core.errors import Unavailable


class FullDisk:
    """Makes journals that take no record of the kinds in `refused`."""

    def __init__(self) -> None:
        self.refused: set[str] = set()

    def __call__(self, directory: Path) -> Journal:
        return _Refusing(directory, self.refused)


class _Refusing(Journal):
    def __init__(self, directory: Path, refused: set[str]) -> None:
        super().__init__(directory)
        self._refused = refused

    def append(self, entry: Entry) -> None:
        if entry.record.kind in self._refused:
            raise Unavailable("no space left on device")
        super().append(entry)
