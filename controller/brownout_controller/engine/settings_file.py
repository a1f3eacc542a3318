"""The file with the environments: where it is, and how often it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from brownout_controller.model.variables import Variables
from brownout_core import document
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec, Unavailable

CONFIG: Final = Path("brownout.yaml")


@contextmanager
def unreadable() -> Iterator[None]:
    """A file that cannot be read is a mistake in the command, and no finding about a system."""
    try:
        yield
    except Unavailable as error:
        raise InvalidSpec("", str(error)) from None


class SettingsFile:
    """A brownout.yaml. A command reads and parses it once, so that what was checked is what runs, and a pipe will do; a
    controller reads it for each run."""

    def __init__(self, path: Path | None = None, *, once: bool = False) -> None:
        """Without a `path` it is the one of this folder, which need not be there."""
        self._path = path
        self._once = once
        self._kept: tuple[Value | None] | None = None
        """What was parsed, of a file that is read once."""

    @property
    def name(self) -> str:
        return str(self._path or CONFIG)

    def read(self, variables: Variables) -> Value | None:
        """The content; None where no file was named and none is there. Raises InvalidSpec, also for an empty one."""
        if self._kept is None:
            root = self._parsed()
            if self._once:
                self._kept = (root,)
        else:
            (root,) = self._kept
        return None if root is None else root.expanded_by(variables.expand)

    def _parsed(self) -> Value | None:
        if self._path is None and not CONFIG.exists():
            return None
        with unreadable():
            text = document.read_text(self._path or CONFIG)
        root = document.parse(text, self.name, columns=True)
        if root is None or root.is_null:
            raise InvalidSpec(
                self.name,
                "is empty, so that no environment is protected and no limit is set for a run; write "
                "environments into it, or name another file with --config",
            )
        return root
