"""`brownout run` as far as no run is needed; what it does with real processes is in tests/e2e/test_experiments.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.report import FORMATS
from brownout_controller.cli.commands.run import run
from brownout_controller.engine.store import Journal, Store, read
from brownout_controller.model.journal import Injected, Run
from brownout_core.errors import BrownoutError, InvalidSpec, Unavailable
from tests.support.parsing import count_parses

_GOOD = """\
name: x
edge: a -> b
fault: {latency: 1s}
duration: 1s
hypotheses: [{name: h, tcp: "127.0.0.1:1", expect: < 1s}]
"""


def _refused(root: Path, *words: str) -> BrownoutError:
    result = CliRunner().invoke(run, [*words, "--runs", str(root / "runs")])
    assert isinstance(result.exception, BrownoutError), result.output
    assert not (root / "runs").exists()
    return result.exception


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_GOOD.replace("duration: 1s\n", ""), "duration is missing"),
        (_GOOD.replace("edge", "egde"), ":2:1: egde: unknown key; did you mean edge?"),
        (_GOOD.replace("latency: 1s", "latency: soon"), ":3:9: fault.latency: 'soon' is not a quantity"),
        (_GOOD.replace("< 1s", "quick"), "'quick' is not an expectation; write it like '< 2s'"),
        (_GOOD.replace("name: x", "name: ${NAME}"), "${NAME} is not set: give --var NAME=... or export it"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_before_anything_is_made(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    assert told in str(_refused(tmp_path, str(file)))


def test_a_file_or_an_environment_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert isinstance(_refused(tmp_path, str(tmp_path / "none.yaml")), InvalidSpec), "1 would read as refuted"
    file = tmp_path / "x.yaml"
    file.write_text(_GOOD)
    config = tmp_path / "brownout.yaml"
    config.write_text("environments: {staging: {}}")
    error = _refused(tmp_path, str(file), "--env", "stagin", "--config", str(config))
    assert isinstance(error, InvalidSpec)
    assert "did you mean staging?" in str(error)


def test_a_variable_is_a_pair(tmp_path: Path) -> None:
    assert "is not NAME=VALUE" in str(_refused(tmp_path, "x.yaml", "--var", "oops"))


_QUICK = """\
name: quick
edge: a -> b
fault: {latency: 1s}
duration: 0.3s
baseline: 0.1s
recovery: 0.1s
lease: 1s
hypotheses: [{name: h, command: {run: [echo, "1"], measure: number}, expect: == 1, every: 50ms}]
"""


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """An experiment that needs nothing and takes a second."""
    (tmp_path / "brownout.yaml").write_text("environments: {local: {backend: memory, edges: {a -> b: {proxy: db}}}}\n")
    (tmp_path / "quick.yaml").write_text(_QUICK)
    return tmp_path


def _ran(root: Path, *words: str) -> Result:
    file = str(root / "quick.yaml")
    return CliRunner().invoke(
        run, [file, *words, "--runs", str(root / "runs"), "--config", str(root / "brownout.yaml")]
    )


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_each_file_is_parsed_once(quick: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    parses = count_parses(monkeypatch)
    assert _ran(quick, *words).exit_code in (0, 3)
    assert parses == {str(quick / "quick.yaml"): 1, str(quick / "brownout.yaml"): 1}


def test_a_file_that_changes_after_it_was_checked_changes_no_run(quick: Path) -> None:
    """The first run writes nonsense over both files of the second one."""
    spoil = f"echo nonsense | tee {quick / 'quick.yaml'} {quick / 'brownout.yaml'} >&2; echo 1"
    (quick / "first.yaml").write_text(_QUICK.replace('[echo, "1"]', f'[sh, -c, "{spoil}"]'))
    words = [str(quick / "first.yaml"), str(quick / "quick.yaml")]
    options = ["--runs", str(quick / "runs"), "--config", str(quick / "brownout.yaml")]
    result = CliRunner().invoke(run, [*words, *options])
    assert (quick / "quick.yaml").read_text() == (quick / "brownout.yaml").read_text() == "nonsense\n"
    _, second = (read(directory) for directory in Store(quick / "runs").runs())
    begun = second[0].record
    assert isinstance(begun, Run), result.output
    assert begun.experiment["name"] == "quick"
    assert begun.environment["backend"] == "memory"
    assert any(isinstance(entry.record, Injected) for entry in second)


def test_a_run_leaves_a_page_and_names_it(quick: Path) -> None:
    result = _ran(quick)
    (page,) = (quick / "runs").glob("*/report.html")
    assert page.read_text().startswith("<!doctype html>")
    assert result.output.splitlines()[-1] == f"report in {page}"


def test_all_runs_of_a_call_go_into_the_reports_that_are_asked_for(quick: Path) -> None:
    result = _ran(quick, str(quick / "quick.yaml"), "--report", str(quick / "a.xml"), "--report", str(quick / "a.md"))
    assert (quick / "a.xml").read_text().count("<testsuite ") == 2
    assert (quick / "a.md").read_text().count("## ") == 2
    assert result.output.splitlines()[-2:] == [f"report in {quick / 'a.xml'}", f"report in {quick / 'a.md'}"]


def test_json_has_nothing_beside_it(quick: Path) -> None:
    result = _ran(quick, "--json", "--report", str(quick / "a.html"))
    assert len(json.loads(result.stdout)) == 1
    assert (quick / "a.html").exists()


def test_a_report_that_cannot_be_written_is_told_and_the_verdict_stands(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _ran(quick).exit_code
    (quick / "full.md").symlink_to("/dev/full")

    def broken(*_: object) -> str:
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(cast("dict[str, object]", FORMATS), "html", broken)
    result = _ran(quick, "--report", str(quick / "full.md"))
    assert result.exit_code == before
    assert "full.md: no space left on device; the verdict stands" in result.stderr
    assert "ZeroDivisionError: a bug; the verdict stands" in result.stderr


def test_a_report_that_could_never_be_written_stops_the_run_before_it_begins(quick: Path) -> None:
    assert "suffix" in str(_refused(quick, str(quick / "quick.yaml"), "--report", "a.pdf"))
    assert "cannot be written" in str(
        _refused(quick, str(quick / "quick.yaml"), "--report", str(quick / "quick.yaml" / "a.md"))
    )


def test_a_run_that_cannot_begin_is_inconclusive_and_the_later_ones_go_on(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, asked = Store.begin, []

    def once(store: Store, name: str) -> Journal:
        asked.append(name)
        if len(asked) == 1:
            raise Unavailable("runs: no space left on device")
        return begin(store, name)

    monkeypatch.setattr(Store, "begin", once)
    result = _ran(quick, str(quick / "quick.yaml"), "--json", "--report", str(quick / "a.xml"))
    assert result.exit_code == 3, result.output
    first, second = json.loads(result.stdout)
    assert (first["run"], first["verdict"], first["exit"]) == ("", "inconclusive", 3)
    assert first["reasons"] == ["runs: no space left on device"]
    assert second["run"] in {path.name for path in (quick / "runs").iterdir()}
    assert "quick.yaml: runs: no space left on device" in result.stderr
    assert (quick / "a.xml").read_text().count("<testsuite ") == 2
    assert len(asked) == 2


def test_a_limit_that_a_variable_has_is_readable_and_judged_by_and_what_is_secret_is_not(quick: Path) -> None:
    text = _QUICK.replace("== 1", '"${LIMIT}"').replace("[echo,", "[echo, -n,") + "because: ${WHY}\n"
    (quick / "quick.yaml").write_text(text)
    result = _ran(quick, "--var", "LIMIT=between 0 and 2", "--var", "WHY=hunter22")
    (journal,) = (quick / "runs").glob("*/journal.jsonl")
    head = json.loads(journal.read_text().splitlines()[0])
    assert head["terms"][0]["expect"] == "between 0 and 2"
    assert head["experiment"]["because"] == "***"
    assert "held" in result.output, result.output
    assert "hunter22" not in result.output + journal.read_text()
    assert """--var 'LIMIT=between 0 and 2' --var WHY="$WHY" --seed""" in result.output


def test_a_dry_run_shows_where_the_load_goes(quick: Path) -> None:
    load = "traffic: {url: '${SHOP}/pay', rate: 500, method: POST}\n"
    (quick / "quick.yaml").write_text(_QUICK + load)
    result = _ran(quick, "--dry-run", "--var", "SHOP=http://127.0.0.1:8080")
    assert "POST http://127.0.0.1:8080/pay" in result.output
