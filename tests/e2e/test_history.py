"""The command as its users have it: the page of a history in a real browser, and pipes that get data only."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import review
from brownout_controller.report.history.history_page import render
from tests.controller.model.test_run_summary import past_run
from tests.e2e.test_pages import _COVERED, _STICKING_OUT
from tests.support.builders import journals
from tests.support.builders.journals import NASTY
from tests.support.processes.browser import tab
from tests.support.requirements import needs

BEGIN: Final = datetime(2025, 11, 20, tzinfo=UTC)
BROWNOUT: Final = [sys.executable, "-c", "from brownout_proxy.cli import main; main()"]


def _runs(name: str, count: int = 120, every: timedelta = timedelta(days=3)) -> list[RunSummary]:
    """Runs in three environments, of every verdict."""
    verdicts = ("passed", "passed", "passed", "refuted", "passed", "stopped", "inconclusive", "refused", "not-reverted")
    made = []
    for n in range(count):
        started, verdict = BEGIN + n * every, verdicts[n * 7 % len(verdicts)]
        finding = {"passed": "held", "refuted": "broke", "stopped": "broke"}.get(verdict, "nothing")
        made.append(past_run(
            run=f"{started:%Y%m%d-%H%M%S}-{n}", started=started, verdict=verdict, finding=finding, reason=name,
            experiment=name, environment=("local", "staging", name)[n % 3], unrecovered=n % 11 == 0,
            recovery=None if n % 11 == 0 else 1.0 + n % 5, ended=n % 13 != 0, running=n % 26 == 0,
        ))  # fmt: skip
    return made


def _look(tmp_path: Path, *histories: Sequence[RunSummary]) -> None:
    """Opens their pages one after another."""
    page = tmp_path / "history.html"

    async def seen() -> None:
        async with tab() as opened:
            for runs in histories:
                told = review(runs, None, BEGIN + timedelta(days=5000))
                page.write_text(render(told, ["x/journal.jsonl: no"]), encoding="utf-8")
                await opened.open(page)
                assert opened.requests == [page.as_uri()]
                assert opened.complaints == []
                for width in (360, 1280):
                    await opened.screen(width)
                    assert await opened.value(_STICKING_OUT) == [], width
                    assert await opened.value(_COVERED) == [], width
                marks = "document.querySelectorAll('svg.wide use:not([href=\"#run-ring\"])').length"
                assert await opened.value(marks) == len(runs)

    asyncio.run(seen())


@pytest.mark.timeout(500)
@needs("chromium")
@pytest.mark.parametrize("name", ["database-latency", NASTY, "x" * 200], ids=["plain", "hostile", "long"])
def test_the_page_loads_nothing_and_fits_every_screen_whatever_the_names_are(tmp_path: Path, name: str) -> None:
    _look(tmp_path, _runs(name))


@pytest.mark.timeout(500)
@needs("chromium")
def test_it_fits_every_screen_whatever_time_it_is_about(tmp_path: Path) -> None:
    spans = (0.02, 0.1, 0.5, 1, 3, 8, 24, 60, 200, 500, 2000, 5000)
    _look(tmp_path, [], _runs("a", 1), *(_runs("a", 9, timedelta(hours=hours)) for hours in spans))


def test_a_pipe_gets_data_and_no_colours_and_a_terminal_s_warnings_go_elsewhere(tmp_path: Path) -> None:
    for n, make in enumerate((journals.passed, journals.refuted)):
        make(run_id=f"r{n}", started=f"2026-11-0{n + 1}T10:00:00+00:00").store(tmp_path, f"r{n}")
    journals.killed().store(tmp_path, "broken")
    (tmp_path / "broken" / "journal.jsonl").write_text("x\nx\n")
    for words in ([], ["--json"]):
        command = [*BROWNOUT, "history", "--runs", str(tmp_path), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0
        assert done.stderr.startswith(
            f"warning: 1 journal could not be read: {tmp_path / 'broken' / 'journal.jsonl'}: "
        )
        assert "\x1b" not in done.stdout + done.stderr
        assert "warning" not in done.stdout.splitlines()[0]
    assert [turn["now"] for turn in json.loads(done.stdout)["regressions"]] == ["r1"]
