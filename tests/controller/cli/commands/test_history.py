"""`brownout history`: journals in, a table, JSON or a page out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.history import history, moment, span
from brownout_core.errors import InvalidSpec, NotFound
from tests.support.builders import journals

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("history") / "runs"
    for month, make in ((2, journals.passed), (5, journals.refuted), (8, journals.passed)):
        run_id = f"2026{month:02d}01-100000-database-latency-abcd"
        make(run_id=run_id, started=f"2026-{month:02d}-01T10:00:00+00:00").store(root, run_id)
    run_id = "20260901-100000-other-0000"
    make = journals.passed
    make(run_id=run_id, started="2026-09-01T10:00:00+00:00", experiment={"name": "other", "edge": "a -> b"},
         environment={"name": "staging"}).store(root, run_id)  # fmt: skip
    return root


def _history(runs: Path, *words: str) -> Result:
    return CliRunner().invoke(history, [*words, "--runs", str(runs)])


def test_people_get_a_table_a_summary_and_the_regressions(runs: Path) -> None:
    result = _history(runs)
    assert result.exit_code == 0
    assert "20260501-100000  refuted  ▼  database-latency  local" in result.output
    assert "2026-Q2" in result.output
    assert "Regressions caught: 1" in result.output
    assert "\x1b" not in result.output


def test_programs_get_json_and_nothing_else(runs: Path) -> None:
    (runs / "broken").mkdir()
    (runs / "broken" / "journal.jsonl").write_text("x\nx\n")
    result = _history(runs, "--json")
    told = json.loads(result.stdout)
    assert len(told["runs"]) == 4
    assert [item["quarter"] for item in told["quarters"]] == ["2026-Q1", "2026-Q2", "2026-Q3"]
    assert told["warnings"][0].startswith(f"{runs / 'broken' / 'journal.jsonl'}: ")
    (unread,) = told["left_out"]
    assert (unread["path"], unread["line"]) == (str(runs / "broken" / "journal.jsonl"), 1)
    assert result.stderr.startswith(f"warning: 1 journal could not be read: {told['warnings'][0]}; it was left out")
    (runs / "broken" / "journal.jsonl").unlink()


def test_a_browser_gets_a_page_in_a_file_or_on_stdout(runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "site" / "history.html"
    assert _history(runs, "--html", str(file)).stdout == f"{file}\n"
    assert file.read_text().startswith("<!doctype html>")
    assert _history(runs, "--html", "-").stdout == file.read_text()
    assert isinstance(_history(runs, "--html", "-", "--json").exception, InvalidSpec)
    assert "There are no runs here yet" in _history(tmp_path / "site", "--html", "-").stdout


def test_a_limit_is_for_the_list_and_not_for_what_is_counted(runs: Path) -> None:
    told = json.loads(_history(runs, "--json", "--limit", "1").stdout)
    assert [run["experiment"] for run in told["runs"]] == ["other"]
    assert sum(quarter["runs"] for quarter in told["quarters"]) == 4
    assert "1 of 4 runs" in _history(runs, "--limit", "1").output


def test_experiments_and_environments_are_chosen_by_name_or_pattern(runs: Path) -> None:
    for words in (["--experiment", "other"], ["--experiment", "o*"], ["--env", "staging"]):
        told = json.loads(_history(runs, "--json", *words).stdout)
        assert [run["experiment"] for run in told["runs"]] == ["other"]


def test_a_name_that_no_run_has_is_told_with_the_nearest(runs: Path) -> None:
    error = _history(runs, "--experiment", "database-latencies").exception
    assert isinstance(error, NotFound)
    assert "did you mean database-latency?" in str(error)


def test_a_time_leaves_out_what_was_before_it_but_compares_with_it(runs: Path) -> None:
    told = json.loads(_history(runs, "--json", "--since", "2026-Q2").stdout)
    assert len(told["runs"]) == 3
    assert len(told["regressions"]) == 1
    assert "none since" in _history(runs, "--since", "2099-01-01").output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90d", NOW - timedelta(days=90)),
        ("2w", NOW - timedelta(days=14)),
        ("12 h", NOW - timedelta(hours=12)),
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T02:00:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-Q3", datetime(2026, 7, 1, tzinfo=UTC)),
        ("2026q1", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_are_lengths_days_or_quarters(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "90", "90x", "2026-Q5", "2026-13-01", "0000-Q1"])
def test_what_is_no_time_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(InvalidSpec, match=r"--since.*90d, 2w, 12h, 2026-01-01 or 2026-Q3"):
        moment(text, NOW)


def test_a_length_of_time_is_no_date() -> None:
    assert span("--expires", "30d") == timedelta(days=30)
    with pytest.raises(InvalidSpec, match="--expires"):
        span("--expires", "2026-01-01")


def test_what_expires_is_a_matter_of_choice(runs: Path) -> None:
    assert "No conclusive run for 1 day: 2" in _history(runs, "--expires", "1d").output
    assert "No conclusive run" not in _history(runs, "--expires", "99999d").output


def test_an_empty_history_says_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(history, [])
    assert (result.exit_code, result.output.splitlines()[0]) == (
        0,
        "There are no runs in .brownout/runs yet. Begin one with",
    )
    assert json.loads(CliRunner().invoke(history, ["--json"]).output)["runs"] == []
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = _history(tmp_path / "nowhere").exception
    assert isinstance(error, NotFound)
    assert "nowhere" in str(error)
