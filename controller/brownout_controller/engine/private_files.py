"""Files that belong to one user alone: locks and journals. The one way in which they are made and opened.

On a machine that others use as well, a link may lie where a file is to be made, somebody else's file may be there
already, and whoever can open a lock can hold it. What is not plainly ours is an error that names it, and stays so.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from brownout_core.errors import Unavailable, os_error_text

_FILE: Final = 0o600
_DIRECTORY: Final = 0o700
CAREFUL: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Of every opening, of readers too: not through a link, and not held for ever by a pipe."""
_ATTEMPTS: Final = 5  # somebody may remove a file between two looks at it


def make_directory(path: Path, remedy: str) -> None:
    """Makes it and those that it is in, for its owner only; one that is there already has to be ours, and is closed to
    others. Raises Unavailable with the `remedy`."""
    try:
        for missing in [place for place in reversed((path, *path.parents)) if not place.exists()]:
            missing.mkdir(_DIRECTORY, exist_ok=True)
        number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | CAREFUL)
    except OSError as error:
        raise _refused(path, error, remedy) from None
    try:
        _check_owner(path, os.fstat(number), remedy)
        if stat.S_IMODE(os.fstat(number).st_mode) & ~_DIRECTORY:
            os.fchmod(number, _DIRECTORY)
    finally:
        os.close(number)


def open_file(path: Path, flags: int, remedy: str) -> int:
    """A descriptor of a regular file that nobody else may open; made if there is none. `flags` are those of os.open.
    Raises Unavailable with the `remedy`."""
    try:
        for _ in range(_ATTEMPTS):
            try:
                return os.open(path, flags | CAREFUL | os.O_CREAT | os.O_EXCL, _FILE)
            except FileExistsError:
                with suppress(FileNotFoundError):
                    return _ours(path, os.open(path, flags | CAREFUL), remedy)
    except Unavailable:
        raise
    except OSError as error:
        raise _refused(path, error, remedy) from None
    raise Unavailable(f"{path}: comes and goes; {remedy}")


def _ours(path: Path, number: int, remedy: str) -> int:
    """The descriptor of a file that was there already. Raises Unavailable, OSError."""
    try:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            raise Unavailable(f"{path}: is no regular file; {remedy}")
        _check_owner(path, status, remedy)
        if status.st_nlink > 1:  # somebody else may have made the other name, of a file of ours
            raise Unavailable(f"{path}: is a hard link to another file; {remedy}")
        if stat.S_IMODE(status.st_mode) & ~_FILE:
            os.fchmod(number, _FILE)
    except OSError:
        os.close(number)
        raise
    return number


def _check_owner(path: Path, status: os.stat_result, remedy: str) -> None:
    if status.st_uid != os.geteuid():
        raise Unavailable(f"{path}: belongs to user {status.st_uid}, and you are user {os.geteuid()}; {remedy}")


def _refused(path: Path, error: OSError, remedy: str) -> Unavailable:
    """The error of the system. A link that is not followed is reported as too many links, or as no directory."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR) and path.is_symlink():
        return Unavailable(f"{path}: is a symbolic link; {remedy}")
    if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
        return Unavailable(f"{path}: is no regular file; {remedy}")
    return Unavailable(f"{path}: {os_error_text(error)}; {remedy}")
