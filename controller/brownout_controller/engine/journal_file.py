"""The file of a journal, as it is read: a regular file of our own, in lines, with bounds on both.

Whoever looks at all runs must not hang on a pipe that is called like a journal, follow a link to somebody else's file,
or need more memory than a machine has. Whatever cannot be read is one kind of error, and names the file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from brownout_controller.engine import private_files
from brownout_controller.model.journal import LeftOut
from brownout_core import limits
from brownout_core.errors import InvalidSpec, Unavailable, os_error_text

JOURNAL: Final = "journal.jsonl"
_TAIL: Final = 1 << 16
"""As many bytes of a journal's end are looked at first for its verdict; it has a sentence for each hypothesis."""


class Unreadable(InvalidSpec):
    """A journal that is not as a journal has to be. `line` is where, from 1 on, if it is a line."""

    def __init__(self, path: Path, reason: str, line: int | None = None) -> None:
        super().__init__(str(path), reason if line is None else f"line {line}: {reason}")
        self.left_out = LeftOut(str(path), line, reason)


def left_out(path: Path, error: Exception) -> LeftOut:
    """The journal that such an error kept from being read, with the reason."""
    if isinstance(error, Unreadable):
        return error.left_out
    reason = error.reason if isinstance(error, InvalidSpec) else str(error).removeprefix(f"{path}: ")
    return LeftOut(str(path), None, reason)


def opened(path: Path) -> BinaryIO:
    """Raises Unreadable for what is no regular file or too large, Unavailable for an error of the system."""
    try:
        number = os.open(path, os.O_RDONLY | private_files.CAREFUL)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Unreadable(path, "is a symbolic link, and no journal") from None
        if error.errno == errno.ENXIO:  # a socket, or a device without a driver
            raise Unreadable(path, "is no regular file") from None
        raise Unavailable(f"{path}: {os_error_text(error)}") from None
    status = os.fstat(number)
    regular = stat.S_ISREG(status.st_mode)
    if not regular or status.st_size > limits.JOURNAL:
        os.close(number)
        raise Unreadable(path, f"has more than {limits.JOURNAL}" if regular else "is no regular file")
    return os.fdopen(number, "rb")


def lines(path: Path) -> Iterator[str]:
    """With their ends; the last one as far as it was written. Raises Unreadable, Unavailable."""
    with opened(path) as file:
        try:
            number = 0
            while raw := file.readline(limits.RECORD + 1):
                number += 1
                check_length(path, raw, number)
                yield raw.decode("utf-8", "replace")
        except OSError as error:
            raise Unavailable(f"{path}: {os_error_text(error)}") from None


def check_length(path: Path, raw: bytes, number: int | None = None) -> None:
    """Raises Unreadable."""
    if len(raw) > limits.RECORD:
        raise Unreadable(path, f"is longer than {limits.RECORD}", number)


def ends(path: Path) -> tuple[bytes, bytes]:
    """The first line and the last whole one; a journal of hours need not be read for them. Raises Unreadable,
    Unavailable."""
    with opened(path) as file:
        try:
            first = file.readline(limits.RECORD + 1)
            check_length(path, first, 1)
            size = file.seek(0, os.SEEK_END)
            last = _last(file, size, _TAIL)
            if last is None:
                last = _last(file, size, 2 * limits.RECORD)
        except OSError as error:
            raise Unavailable(f"{path}: {os_error_text(error)}") from None
    if last is None:
        raise Unreadable(path, f"its last line is longer than {limits.RECORD}")
    return first, last


def _last(file: BinaryIO, size: int, length: int) -> bytes | None:
    """The last whole line among so many bytes of the end; None where it may begin before them."""
    begin = max(0, size - length)
    file.seek(begin)
    tail = file.read(length)
    whole = tail[: tail.rfind(b"\n") + 1].rstrip(b"\n")
    if begin and b"\n" not in whole:
        return None
    return whole[whole.rfind(b"\n") + 1 :]
