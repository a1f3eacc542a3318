"""Runs are ended, or were over; what could not be ended is told and has a status of its own."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.stop import stop
from brownout_controller.engine.store import Store
from brownout_controller.model.journal import Run
from brownout_core.errors import InvalidSpec, NotFound
from tests.support.builders import journals


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    journals.passed().store(tmp_path / "runs", "20260101-000000-over-1")
    return tmp_path / "runs"


def _ran(runs: Path, *words: str) -> Result:
    return CliRunner().invoke(stop, [*words, "--runs", str(runs)], env={"BROWNOUT_CONTROLLER": ""})


def _cut_off(runs: Path) -> str:
    with closing(Store(runs).begin("killed")) as journal:
        where = {"name": "local", "backend": "memory"}
        journal.write(Run(journal.run_id, "1", "2026-01-01T00:00:00+00:00", {}, [], where, 7, "", 1.0))
    return journal.run_id


def test_a_run_that_is_over_stays_as_it_is(runs: Path) -> None:
    for name in ("last", "20260101", "20260101-000000-over-1"):
        result = _ran(runs, name)
        assert (result.exit_code, result.output) == (0, "20260101-000000-over-1: is over already: passed\n")
    assert _ran(runs, "--all").output == f"Nothing goes on in {runs}.\n"


def test_what_was_cut_off_is_closed(runs: Path) -> None:
    run = _cut_off(runs)
    result = _ran(runs, "--all", "--json")
    assert result.exit_code == 0
    (one,) = json.loads(result.stdout)
    assert (one["run"], one["before"], one["verdict"], one["exit"]) == (run, "cut off", "inconclusive", 3)
    assert "is over already: inconclusive" in _ran(runs, run).output


def test_a_process_that_does_not_answer_is_told_and_asked_once(runs: Path) -> None:
    with closing(Store(runs).begin("busy")) as journal:
        result = _ran(runs, journal.run_id, "--no-wait")
        assert (result.exit_code, "is asked to end (planned)" in result.output) == (0, True), result.output
        result = _ran(runs, "last", "20260101", "--timeout", "100ms")
        assert result.exit_code == 3
        assert f"{journal.run_id}: has not ended within 0.1 s" in result.output
        assert "over-1: is over already" in result.output
        assert (journal.directory / "stop").read_text() == "brownout stop asked for it"


def test_a_journal_that_cannot_be_read_holds_up_no_other(runs: Path) -> None:
    run = _cut_off(runs)
    path = runs / run / "journal.jsonl"
    path.write_text(path.read_text() + "{}\n{}\n")
    other = _cut_off(runs)
    result = _ran(runs, "--all")
    assert result.exit_code == 0
    assert f"{other}: was cut off, and is closed: inconclusive" in result.output
    assert "1 journal could not be read" in result.stderr
    result = _ran(runs, run)
    assert isinstance(result.exception, InvalidSpec)
    assert "line 2" in str(result.exception)


def test_what_is_to_be_ended_has_to_be_named(runs: Path) -> None:
    assert isinstance(_ran(runs).exception, InvalidSpec)
    assert isinstance(_ran(runs, "last", "--all").exception, InvalidSpec)
    assert isinstance(_ran(runs, "nobody").exception, NotFound)
