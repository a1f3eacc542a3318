"""Demos as a user starts them, and what they may not leave behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """The folder for temporary files of a demo; PostgreSQL must get into it as another user when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="brownout-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start_demo(scratch: Path, *how: str, **environment: str) -> subprocess.Popen[str]:
    """`python HOW...` at the root of the project, as the leader of a process group."""
    path = os.pathsep.join(filter(None, (str(ROOT / "proxy"), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, *how], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": path, **environment}, start_new_session=True,
    )  # fmt: skip


def left_behind(scratch: Path) -> list[str]:
    """The files in a folder, and the processes that work in it or mention it."""
    found = os.listdir(scratch)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(scratch) in command + os.readlink(process / "cwd"):
                found.append(command.replace("\0", " "))
        except OSError:
            continue
    return found
