"""Runs a command for somebody, and ends it when that somebody is gone, however it went: Ctrl-C, a crash, kill -9.

    keeper.py FOLDER UID:GID COMMAND...

Whoever starts a keeper holds the other end of its standard input. When that closes, the command gets SIGINT, and the
folder with its data is removed. UID:GID may be empty. Needs the standard library alone, so that it starts fast.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from typing import Final

_PATIENCE: Final = 15.0
"""Seconds in which the command may end in order."""


def main(folder: str, owner: str, *command: str) -> int:
    user, group, groups = identity(owner)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, user=user, group=group, extra_groups=groups)
    while child.poll() is None:
        # Nobody writes to us: what can be read is the end.
        if select.select([sys.stdin], [], [], 0.1)[0]:
            _end(child)
            shutil.rmtree(folder, ignore_errors=True)
    return child.returncode


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


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    sys.exit(os.EX_USAGE if len(sys.argv) < 4 else main(*sys.argv[1:]))
