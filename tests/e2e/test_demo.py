"""The demo tells the truth: it judges by what was measured, passes on real servers, and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from deploy.demo.acts import ACTS, fails, takes, unharmed
from deploy.demo.clients import Seen

_ROOT = Path(__file__).parents[2]


def test_a_delay_that_ends_early_or_late_or_fails_is_not_what_was_injected() -> None:
    judge = takes(3.0, 0.25)
    assert judge(Seen([3.01, 3.02, 3.05])).good
    assert not judge(Seen([2.99, 3.02, 3.05])).good
    assert not judge(Seen([3.3, 3.4, 3.5])).good
    assert not judge(Seen([3.01], Counter({"TimeoutError": 1}))).good
    assert not judge(Seen()).good


def test_an_outage_in_which_a_call_succeeds_or_fails_in_another_way_is_none() -> None:
    judge = fails("ConnectionError")
    assert judge(Seen([], Counter({"ConnectionError": 9}))).good
    assert not judge(Seen([0.001], Counter({"ConnectionError": 9}))).good
    assert not judge(Seen([], Counter({"AssertionError": 9}))).good
    assert not judge(Seen()).good


def test_a_system_that_is_slow_or_fails_after_a_fault_is_not_unharmed() -> None:
    assert unharmed(Seen([0.001, 0.002]))
    assert not unharmed(Seen([0.5, 0.5]))
    assert not unharmed(Seen([0.001], Counter({"ConnectionError": 1})))
    assert not unharmed(Seen())


@pytest.mark.timeout(120)
def test_the_demo_passes_on_real_servers_and_leaves_nothing() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        environment = {
            **os.environ,
            "TMPDIR": folder,
            "PYTHONPATH": os.pathsep.join((str(_ROOT / "proxy"), str(_ROOT))),
        }
        done = subprocess.run(
            [sys.executable, "-m", "deploy.demo"],
            check=False,
            cwd=_ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for act in ACTS:
            assert f"{act.service}: {act.title}" in done.stdout
        assert f"{len(ACTS)} of {len(ACTS)} faults did what they say" in done.stdout
        assert os.listdir(folder) == []
        assert _mentioning(folder) == []


def _mentioning(text: str) -> list[str]:
    """The command lines of living processes that mention `text`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found
