"""Async tests run without a wrapper, and fail for what they leave behind: the hooks of tests/conftest.py, in a run of
their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLE = """
import asyncio
import socket

import pytest

kept = []

async def test_that_ends_its_tasks():
    kept.append(asyncio.create_task(asyncio.sleep(3600)))
    await asyncio.sleep(0)
    kept[-1].cancel()

@pytest.mark.virtual_time
async def test_that_leaves_a_task():
    kept.append(asyncio.create_task(asyncio.sleep(3600)))

async def test_that_leaves_a_socket():
    socket.socket().bind(("127.0.0.1", 0))

@pytest.mark.uvloop
async def test_that_needs_uvloop():
    assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
"""


def test_a_test_that_leaves_a_task_or_a_socket_fails(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "no:cacheprovider", "-o", "addopts=",
         "--rootdir", tmp_path, tmp_path / "test_sample.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ends = {
        line.split()[0]: line.split("::")[1].split()[0]
        for line in run.stdout.splitlines()
        if line.startswith(("FAILED", "ERROR "))
    }
    assert ends == {"FAILED": "test_that_leaves_a_socket", "ERROR": "test_that_leaves_a_task"}, run.stdout
    assert "3 passed" in run.stdout
