"""Runs in a row each: those that go on however old they are, with what is left of their phase."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from brownout_controller.engine.journal_file import JOURNAL
from brownout_controller.engine.run_list import CUT_OFF, ELSEWHERE, list_runs
from brownout_controller.engine.store import Brief, Store
from brownout_controller.model.journal import Entered, Run
from tests.support.builders import journals


def _state(told: Brief) -> str:
    return "judged" if told.verdict is not None else CUT_OFF


def test_the_newest_are_listed_and_all_that_are_not_over(tmp_path: Path) -> None:
    journals.killed().store(tmp_path, "1-killed")
    for name in ("2-old", "3-new"):
        journals.passed().store(tmp_path, name)
    found = list_runs(Store(tmp_path), 1, _state)
    assert [row.brief.run_id for row in found.rows] == ["3-new", "1-killed"]
    new, killed = found.rows
    assert (new.is_over, new.phase, new.targets) == (True, "", ["127.0.0.1:8475/db"])
    assert (killed.is_over, killed.state, killed.phase, killed.left) == (False, CUT_OFF, "observing", None)
    assert killed.targets == ["127.0.0.1:8475/db"]
    assert len(list_runs(Store(tmp_path), 0, _state).rows) == 1
    assert list_runs(Store(tmp_path / "none"), 5, _state).rows == []


def test_what_is_left_of_a_phase_is_counted_from_when_it_was_entered(tmp_path: Path) -> None:
    started = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    with closing(Store(tmp_path).begin("x")) as journal:
        head = Run(journal.run_id, "1", started, {}, [], {"name": "local"}, 7, "", 1.0, lasting={"baseline": 3600.0})
        journal.write(head)
        (row,) = list_runs(Store(tmp_path), 5, lambda _: ELSEWHERE).rows
        assert (row.phase, row.left) == ("planned", None)
        journal.write(Entered("baseline", "planned"))
        (row,) = list_runs(Store(tmp_path), 5, lambda _: ELSEWHERE).rows
        assert row.phase == "baseline"
        assert row.left is not None
        assert 0 < row.left < 3580


def test_a_journal_that_cannot_be_read_is_named_beside_the_others(tmp_path: Path) -> None:
    journals.passed().store(tmp_path, "good")
    (tmp_path / "folder" / JOURNAL).mkdir(parents=True)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / JOURNAL).write_text("{}\n{}\n")
    found = list_runs(Store(tmp_path), 5, _state)
    assert [row.brief.run_id for row in found.rows] == ["good"]
    assert [(Path(one.path).parent.name, one.line) for one in found.left_out] == [("folder", None), ("bad", 1)]


def test_a_run_that_somebody_is_at_is_listed_though_its_journal_cannot_be_read(tmp_path: Path) -> None:
    with closing(Store(tmp_path).begin("x")) as journal:
        (journal.directory / JOURNAL).write_text("{}\n{}\n")
        found = list_runs(Store(tmp_path), 5, lambda _: ELSEWHERE)
    assert [(row.brief.run_id, row.state) for row in found.rows] == [(journal.run_id, ELSEWHERE)]
