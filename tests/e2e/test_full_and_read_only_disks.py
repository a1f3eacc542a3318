"""Runs, locks and reports on a disk that is full or read-only: one clean error, and nothing left behind.

Each command has a mount namespace of its own, so that no mount of the machine changes.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.processes.system_under_test import Stage, staged
from tests.support.requirements import needs

pytestmark = [pytest.mark.timeout(300), needs("root", "unshare", "mount")]

_FULL: Final = "mount -t tmpfs -o size=4k,mode=755 none {0} && (yes > {0}/filler || true) 2>/dev/null"
_TINY: Final = "mount -t tmpfs -o size=48k,mode=755 none {0}"
_READ_ONLY: Final = "mount --bind {0} {0} && mount -o remount,ro,bind {0}"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as [stage]:
        yield stage


def _may_mount() -> bool:
    """Containers may forbid it even to root."""
    probe = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True, check=False, timeout=30).returncode == 0


def _run(stage: Stage, mount: str, folder: str, *flags: str) -> tuple[int, str]:
    """`brownout run` with that folder of the stage on the mount; its status and what it printed."""
    if not _may_mount():
        pytest.skip("this machine lets no process mount anything in a namespace of its own")
    where = stage.root / folder
    where.mkdir(parents=True, exist_ok=True)
    path = stage.write(duration="3s")
    (stage.root / "brownout.yaml").write_text(json.dumps({"environments": {"local": {"control": stage.proxy.control}}}))
    command = shlex.join([str(Path(sys.executable).parent / "brownout"), "run", str(path), *flags])
    script = f"{mount.format(shlex.quote(str(where)))} && exec {command}"
    ended = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", script], cwd=stage.root, capture_output=True,
        text=True, env={**os.environ, "XDG_STATE_HOME": str(stage.root / "state")}, check=False, timeout=120,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("folder", "mount", "wanted"),
    [
        pytest.param(".brownout", _FULL, {3}, id="no room for a run"),
        pytest.param(".brownout", _TINY, {0, 3}, id="a run that may or may not fit"),
        pytest.param(".brownout", _READ_ONLY, {3}, id="runs that are read-only"),
        pytest.param("state", _FULL, {0}, id="no room beside locks, which are empty"),
        pytest.param("state", _READ_ONLY, {4}, id="locks that are read-only"),
    ],
)
def test_runs_and_locks_on_such_a_disk(stage: Stage, folder: str, mount: str, wanted: set[int]) -> None:
    status, told = _run(stage, mount, folder)
    assert status in wanted, told
    assert "Traceback" not in told
    assert "one run at a time" not in told, "nobody else is at the target"
    assert status == 0 or "read-only" in told or "no space" in told, told
    assert stage.faults() == []


@pytest.mark.parametrize(("mount", "wanted"), [(_FULL, 0), (_READ_ONLY, 2)], ids=["full", "read-only"])
def test_a_report_on_such_a_disk_is_one_error_and_a_verdict_stays(stage: Stage, mount: str, wanted: int) -> None:
    """What can be seen before the run refuses it."""
    status, told = _run(stage, mount, "reports", "--report", "reports/r.html")
    assert status == wanted, told
    assert "Traceback" not in told
    assert "reports/r.html" in told
    assert stage.faults() == []
    assert list((stage.root / "reports").iterdir()) == []
