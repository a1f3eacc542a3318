"""Ends what belongs to somebody when that somebody is gone, however it went: Ctrl-C, a crash, kill -9.

    keeper.py command UID:GID COMMAND...    runs the command; at the end it gets SIGINT. UID:GID may be empty
    keeper.py folder FOLDER                 makes the folder and says so; at the end it is removed

Whoever starts a keeper holds the other end of its standard input, whose closing is the end. The folder is made here and
not by whoever wants it: so there is no moment in which it is there and nobody would remove it. Needs the standard
library alone, so that it starts fast.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

_PATIENCE: Final = 15.0
"""Seconds in which the command may end in order."""
_REMOVING: Final = 3 * _PATIENCE
"""Seconds for which a folder is removed that commands on their way out still write into."""


def keep_command(owner: str, *command: str) -> int:
    user, group, groups = identity(owner)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, user=user, group=group, extra_groups=groups)
    while child.poll() is None:
        # Nobody writes to us: what can be read is the end.
        if select.select([sys.stdin], [], [], 0.1)[0]:
            _end(child)
    return child.returncode


def keep_folder(name: str) -> int:
    folder = Path(name)
    folder.mkdir(mode=0o700)
    with contextlib.suppress(OSError):  # whoever wants to know may be gone by now
        os.write(1, b"made\n")
    sys.stdin.read()
    deadline = time.monotonic() + _REMOVING
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > deadline:
            return 1
        time.sleep(0.01)
    return 0


def identity(owner: str) -> tuple[int | None, int | None, list[int] | None]:
    """The user, group and extra groups for a child that runs as UID:GID; as we do where `owner` is empty."""
    if not owner:
        return None, None, None
    uid, gid = map(int, owner.split(":"))
    return uid, gid, []


def _end(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown; the others take it like SIGTERM
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def main(what: str, *words: str) -> int:
    return keep_folder(*words) if what == "folder" else keep_command(*words)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    sys.exit(os.EX_USAGE if len(sys.argv) < 3 else main(*sys.argv[1:]))
