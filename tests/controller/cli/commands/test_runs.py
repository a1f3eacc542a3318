"""A line for each run: where it is, for how long, and what came of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.runs import as_content, runs, table_lines
from brownout_controller.engine.run_list import CUT_OFF, ELSEWHERE, Row
from brownout_controller.engine.store import Brief
from brownout_controller.model.journal import Judged
from tests.support.builders import journals
from tests.support.builders.journals import NASTY

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_TOLD = Brief("20261124-100000-x-abcd", "database-latency", "local", "2026-11-24T10:00:00+00:00", True, None)
ROWS = (
    Row(_TOLD, ELSEWHERE, "observing", 11.2, ["h:1/db"]),
    Row(_TOLD, CUT_OFF, "observing"),
    Row(_TOLD._replace(verdict=Judged("refuted", 1, ())), "judged", targets=["h:1/db"]),
)


def test_each_run_has_its_line() -> None:
    lines = [" ".join(click.unstyle(line).split()) for line in table_lines(ROWS, NOW, None)]
    assert lines[1:] == [
        "20261124-100000-x-abcd observing 12s 2h local database-latency h:1/db",
        "20261124-100000-x-abcd cut off 2h local database-latency",
        "20261124-100000-x-abcd refuted 2h local database-latency h:1/db",
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = [click.unstyle(line) for line in table_lines(ROWS, NOW, width)]
    assert max(map(len, lines)) <= width
    assert "observing" in lines[1]
    assert "cut off" in lines[2]


def test_names_that_others_chose_do_no_harm() -> None:
    nasty = _TOLD._replace(run_id=NASTY, name=NASTY, environment=NASTY, started=NASTY)
    lines = table_lines([Row(nasty, ELSEWHERE, "observing", None, [NASTY])], NOW, None)
    assert len(lines) == 2
    assert "\x1b[31m" not in lines[1]


def test_programs_get_numbers() -> None:
    content = as_content(ROWS[0], NOW)
    assert (content["age_seconds"], content["left_seconds"], content["verdict"]) == (7200.0, 11.2, None)
    assert as_content(ROWS[2], NOW)["exit"] == 1


def _ran(*words: str) -> Result:
    return CliRunner().invoke(runs, list(words), env={"BROWNOUT_CONTROLLER": ""})


def test_the_newest_are_listed_and_what_cannot_be_read_is_told_beside_them(tmp_path: Path) -> None:
    assert "There are no runs in" in _ran("--runs", str(tmp_path)).output
    for number in range(25):
        journals.passed().store(tmp_path, f"run-{number:02}")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "journal.jsonl").write_text("{}\n{}\n")
    result = _ran("--runs", str(tmp_path))
    assert (result.exit_code, len(result.stdout.splitlines()), "\x1b" in result.stdout) == (0, 21, False)
    assert "1 journal could not be read" in result.stderr
    assert len(_ran("--runs", str(tmp_path), "--limit", "3").stdout.splitlines()) == 4
    assert len(_ran("--runs", str(tmp_path), "--all").stdout.splitlines()) == 26
    content = json.loads(_ran("--runs", str(tmp_path), "--json").stdout)
    assert (len(content["runs"]), len(content["left_out"])) == (25, 1)
