"""Locks of targets: one run each, and none outlives its process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brownout_controller.engine import locks
from brownout_core.errors import Conflict, Unavailable

_HOLDER = """
import sys, pathlib
from brownout_controller.engine import locks
with locks.held(["a", "b"], locks.Claim("the other"), pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_target_is_one_run_s_and_the_other_is_told_whose(tmp_path: Path) -> None:
    with locks.held(["a", "b"], locks.Claim("run-1"), tmp_path):
        with (
            pytest.raises(Conflict, match="b is in use by run-1"),
            locks.held(["c", "b"], locks.Claim("run-2"), tmp_path),
        ):
            pass
        with locks.held(["c"], locks.Claim("run-2"), tmp_path):  # what it had taken before is free again
            pass
    with locks.held(["a"], locks.Claim("run-2"), tmp_path):
        pass


async def test_files_exclude_as_a_runner_wants_it(tmp_path: Path) -> None:
    exclusive = locks.files(tmp_path)
    async with exclusive(["a"], locks.Claim("run-1")):
        with pytest.raises(Conflict, match="a is in use by run-1"):
            async with exclusive(["a"], locks.Claim("run-2")):
                pass
    async with exclusive(["a"], locks.Claim("run-2")):
        pass


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Conflict, match="the other"), locks.held(["b"], locks.Claim("me"), tmp_path):
            pass
        process.kill()
        process.wait()
    with locks.held(["a", "b"], locks.Claim("me"), tmp_path):
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="file"), locks.held(["a"], locks.Claim("me"), tmp_path / "file"):
        pass


def test_the_place_is_the_user_s_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert locks.directory() == Path("/state/brownout/locks")


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 123_456_789)  # no entry in passwd, as in a container
    with pytest.raises(Unavailable, match=r"user 123456789 has no home directory.*XDG_STATE_HOME"):
        locks.directory()


def test_people_read_what_they_call_a_target_and_not_its_key(tmp_path: Path) -> None:
    claim = locks.Claim("run-2", names={"5f3a/db": "127.0.0.1:8475/db"})
    with locks.held(["5f3a/db"], locks.Claim("run-1"), tmp_path):
        second = locks.held(["5f3a/db"], claim, tmp_path)
        with pytest.raises(Conflict, match=r"^127\.0\.0\.1:8475/db is in use by run-1"), second:
            pass


def test_a_lock_that_is_a_link_leaves_the_file_behind_it_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    with locks.held(["db"], locks.Claim("run-1"), tmp_path / "locks"):
        pass
    (lock,) = (tmp_path / "locks").iterdir()
    victim.write_text("precious")
    lock.unlink()
    lock.symlink_to(victim)
    taken = locks.held(["db"], locks.Claim("run-1"), tmp_path / "locks")
    with pytest.raises(Unavailable, match=f"{lock}: is a symbolic link; remove it"), taken:
        pass
    assert victim.read_text() == "precious"
