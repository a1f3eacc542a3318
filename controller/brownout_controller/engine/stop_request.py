"""Asks the process that is at a run to end it: a file in the run's directory, which that process looks for.

No signal and no process id: whoever may write there is who may ask, a request hits nobody else however processes come
and go, it waits while its reader is busy, and nothing is missing if the one who asked is killed.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from brownout_core.errors import Unavailable, os_error_text
from brownout_core.formatting import clipped, line

_NAME: Final = "stop"
_LONGEST: Final = 1000
"""Bytes of a reason."""


def write(directory: Path, why: str) -> None:
    """Doing it twice is doing it once. Raises Unavailable for a directory that is not ours to write in."""
    path = directory / _NAME
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise Unavailable(f"{path}: {os_error_text(error)}; only the run's user can end it") from None
    try:
        os.write(file, why.encode(errors="replace")[:_LONGEST])
    except OSError:
        pass  # an empty one asks as well
    finally:
        os.close(file)


def take(directory: Path) -> str | None:
    """The reason of a request that is there, and is gone then; None if there is none of this user's, or of root's."""
    path = directory / _NAME
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.getuid(), 0):
            return None
        why = os.read(file, _LONGEST).decode(errors="replace")
    except OSError:
        why = ""
    finally:
        os.close(file)
    with suppress(OSError):
        path.unlink()
    return clipped(line(why), _LONGEST) or "somebody asked for it"
