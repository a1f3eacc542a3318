"""`brownout catalogue`: an architecture in, a ranked list out; what was run lately moves down."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.catalogue import catalogue
from brownout_core.errors import InvalidSpec, NotFound, Unavailable
from tests.support.builders import journals
from tests.support.builders.architectures import SHOP


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # away from journals of the checkout
    path = tmp_path / "architecture.yaml"
    path.write_text(SHOP)
    return path


def _run(*words: object) -> Result:
    return CliRunner().invoke(catalogue, [str(word) for word in words])


def _run_of(root: Path, days: float, *, passed: bool, delay: str = "4s") -> None:
    """A run on orders -> postgres with latency, so many days ago."""
    started = datetime.now(UTC) - timedelta(days=days)
    run_id = f"{started:%Y%m%d-%H%M%S}-x-{days:04.0f}"
    make = journals.passed if passed else journals.refuted
    experiment = {"name": "x", "edge": "orders -> postgres", "fault": {"latency": {"delay": delay}}}
    make(run_id=run_id, started=started.isoformat(), experiment=experiment).store(root, run_id)


def _row(result: Result, name: str) -> dict[str, object]:
    found: dict[str, object] = next(row for row in json.loads(result.stdout)["rows"] if row["id"] == name)
    return found


def test_people_get_a_table_of_ten_in_80_columns(shop: Path) -> None:
    result = _run("architecture.yaml")
    assert result.exit_code == 0
    assert "the 10 that are most worth a test" in result.output
    assert "The missing line that matters most" in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert "\x1b" not in result.output
    assert "the 3 that are" in _run(shop, "--top", 3).output


def test_what_is_wrong_before_any_fault_is_told_in_a_line(shop: Path) -> None:
    assert _run("architecture.yaml").output.splitlines()[-1] == (
        "Before any fault: 1 warning; brownout findings architecture.yaml"
    )
    shop.write_text("services: {a: {calls: [b]}, b: }")
    assert "Before any fault" not in _run(shop).output


def test_a_row_is_explained_by_its_number_in_the_table(shop: Path) -> None:
    rows = json.loads(_run(shop, "--json").stdout)["rows"]
    result = _run(shop, "--explain", 4)
    assert result.output.startswith(f"4. {rows[3]['title']}\n")
    assert json.loads(_run(shop, "--explain", 4, "--json").stdout)["rows"] == [rows[3]]


def test_programs_get_all_rows_unless_they_ask_for_some(shop: Path) -> None:
    told = json.loads(_run(shop, "--json").stdout)
    assert len(told["rows"]) == told["scenarios"] > 10
    assert len(json.loads(_run(shop, "--json", "--top", 2).stdout)["rows"]) == 2
    assert f"all {told['scenarios']} scenarios" in _run(shop, "--top", 0).output


def test_files_are_written_where_they_are_asked_for(shop: Path, tmp_path: Path) -> None:
    result = _run(shop, "--markdown", tmp_path / "out" / "list.md", "--html", tmp_path / "list.html")
    assert result.output.splitlines() == [str(tmp_path / "out" / "list.md"), str(tmp_path / "list.html")]
    assert (tmp_path / "out" / "list.md").read_text().startswith("# What could go wrong with shop")
    assert (tmp_path / "list.html").read_text().startswith("<!doctype html>")
    assert _run(shop, "--markdown", "-").output.startswith("# What could go wrong with shop")


def test_a_document_on_stdout_stays_whole_when_another_is_written(shop: Path, tmp_path: Path) -> None:
    page = tmp_path / "list.html"
    result = _run(shop, "--json", "--html", page)
    assert json.loads(result.stdout)["architecture"] == "shop"
    assert result.stderr == f"{page}\n"
    listed = _run(shop, "--markdown", "-", "--html", page)
    assert (listed.stdout, listed.stderr) == (_run(shop, "--markdown", "-").stdout, f"{page}\n")


def test_what_passed_lately_is_known_and_moves_down(shop: Path, tmp_path: Path) -> None:
    before = _row(_run(shop, "--json"), "database-slow/orders/postgres")
    _run_of(tmp_path / "runs", 9, passed=True)
    after = _row(_run(shop, "--json", "--runs", tmp_path / "runs"), "database-slow/orders/postgres")
    assert (before["tested"], after["tested"]) == ("never", "9 d ago")
    assert int(str(after["place"])) > int(str(before["place"]))
    assert "9 d ago" in _run(shop, "--top", 0, "--runs", tmp_path / "runs").output


def test_what_was_refuted_after_it_is_broken_and_what_is_old_has_expired(shop: Path, tmp_path: Path) -> None:
    _run_of(tmp_path / "runs", 9, passed=True)
    _run_of(tmp_path / "runs", 2, passed=False)
    row = _row(_run(shop, "--json", "--runs", tmp_path / "runs"), "database-slow/orders/postgres")
    assert (row["tested"], row["broken"]) == ("broken", True)
    _run_of(tmp_path / "old", 9, passed=True)
    old = _run(shop, "--json", "--runs", tmp_path / "old", "--expires", "1w")
    assert _row(old, "database-slow/orders/postgres")["tested"] == "expired"


def test_a_weak_pass_neither_clears_what_is_asked_nor_mends_what_broke(shop: Path, tmp_path: Path) -> None:
    name = "database-slow/orders/postgres"
    before = _row(_run(shop, "--json"), name)
    _run_of(tmp_path / "runs", 2, passed=True, delay="10ms")
    weak = _row(_run(shop, "--json", "--runs", tmp_path / "runs"), name)
    assert (weak["tested"], weak["place"]) == ("weaker", before["place"])
    _run_of(tmp_path / "runs", 5, passed=False)
    assert _row(_run(shop, "--json", "--runs", tmp_path / "runs"), name)["tested"] == "broken"


def test_a_run_without_a_conclusion_says_nothing(shop: Path, tmp_path: Path) -> None:
    experiment = {"name": "x", "edge": "orders -> postgres", "fault": {"latency": {"delay": "4s"}}}
    started = datetime.now(UTC).isoformat()
    story = journals.Story(run_id="r", started=started, experiment=experiment).planned()
    story.samples("baseline", 1, 0.3, 0.4).judged(5).store(tmp_path / "runs", "r")  # the baseline was not met
    row = _row(_run(shop, "--json", "--runs", tmp_path / "runs"), "database-slow/orders/postgres")
    assert (row["tested"], row["broken"]) == ("never", False)


def test_a_journal_that_cannot_be_read_is_told_and_is_no_hindrance(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "x").mkdir(parents=True)
    (tmp_path / "runs" / "x" / "journal.jsonl").write_text("x\nx\n")
    result = _run(shop, "--json", "--runs", tmp_path / "runs")
    assert result.stderr.startswith("warning: ")
    assert json.loads(result.stdout)["scenarios"] > 10


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (("--json", "--markdown", "-"), InvalidSpec, "--markdown -: and --json both want stdout"),
        (("--html", "-", "--markdown", "-"), InvalidSpec, "--html -: and --markdown - both want stdout"),
        (("--explain", "400"), InvalidSpec, "there is no row 400; architecture.yaml has"),
        (("--expires", "soon"), InvalidSpec, "write it like 90d"),
        (("--runs", "none"), NotFound, "there is no directory none"),
    ],
)
def test_what_is_asked_wrongly_is_told(shop: Path, words: tuple[str, ...], kind: type[Exception], said: str) -> None:
    result = _run("architecture.yaml", *words)
    assert isinstance(result.exception, kind)
    assert said in str(result.exception)


def test_a_file_that_is_not_there_or_not_right_is_told_with_its_place(shop: Path) -> None:
    assert isinstance(_run("none.yaml").exception, Unavailable)
    shop.write_text(SHOP.replace("calls: [postgres]", "calls: [postgrs]"))
    result = _run("architecture.yaml")
    assert "architecture.yaml:13:15: services.catalogue.calls" in str(result.exception)
    assert "did you mean postgres?" in str(result.exception)
