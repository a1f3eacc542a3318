"""Locks of targets: one run each, and none outlives its process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from brownout_controller.engine import locks
from brownout_proxy.errors import Conflict, Unavailable

_HOLDER = """
import sys, pathlib
from brownout_controller.engine import locks
with locks.held(["a", "b"], "the other", pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_target_is_one_run_s_and_the_other_is_told_whose(tmp_path: Path) -> None:
    with locks.held(["a", "b"], "run-1", tmp_path):
        with pytest.raises(Conflict, match="b is in use by run-1"), locks.held(["c", "b"], "run-2", tmp_path):
            pass
        with locks.held(["c"], "run-2", tmp_path):  # what it had taken before is free again
            pass
    with locks.held(["a"], "run-2", tmp_path):
        pass


def test_files_exclude_as_a_runner_wants_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        exclusive = locks.files(tmp_path)
        async with exclusive(["a"], locks.Claim("run-1")):
            with pytest.raises(Conflict, match="a is in use by run-1"):
                async with exclusive(["a"], locks.Claim("run-2")):
                    pass
        async with exclusive(["a"], locks.Claim("run-2")):
            pass

    asyncio.run(scenario())


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Conflict, match="the other"), locks.held(["b"], "me", tmp_path):
            pass
        process.kill()
        process.wait()
    with locks.held(["a", "b"], "me", tmp_path):
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="file"), locks.held(["a"], "me", tmp_path / "file"):
        pass


def test_the_place_is_the_user_s_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert locks.directory() == Path("/state/brownout/locks")
