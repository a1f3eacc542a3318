"""`brownout findings`: an architecture in, findings and an exit status out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.findings import findings
from brownout_core.errors import InvalidSpec, Unavailable

_ERROR = "services: {a: {calls: {b: {timeout: 1s}}}, b: {timeout: 2s, probes: [liveness]}}"
_WARNING = _ERROR.replace("2s", "1s")
_NOTE = "services: {a: {calls: {db: {pool: 3}}}, db: }"
_NOTHING = "services: {a: }"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "architecture.yaml"
    path.write_text(_ERROR)
    return path


def _run(*words: object) -> Result:
    return CliRunner().invoke(findings, [str(word) for word in words])


@pytest.mark.parametrize(
    ("text", "statuses"),
    [(_ERROR, [1, 1, 1, 0]), (_WARNING, [0, 1, 1, 0]), (_NOTE, [0, 0, 1, 0]), (_NOTHING, [0, 0, 0, 0])],
)
def test_the_exit_status_is_1_from_the_chosen_level_on(file: Path, text: str, statuses: list[int]) -> None:
    file.write_text(text)
    levels = ("error", "warning", "note", "never")
    assert [_run(file, "--fail-on", level).exit_code for level in levels] == statuses
    assert _run(file).exit_code == statuses[0]


def test_people_get_80_columns_without_colours_in_a_pipe(file: Path) -> None:
    result = _run("architecture.yaml")
    assert result.output.startswith("system: 1 error, 1 warning found before any fault\n")
    assert "  architecture.yaml:1:28 timeout-inversion\n" in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert "\x1b" not in result.output


def test_json_is_alone_on_stdout(file: Path) -> None:
    result = _run(file, "--json", "--sarif", "out/findings.sarif")
    assert json.loads(result.stdout)["counts"] == {"error": 1, "warning": 1, "note": 0}
    assert result.stderr == "out/findings.sarif\n"
    assert json.loads(Path("out/findings.sarif").read_text())["version"] == "2.1.0"


def test_sarif_goes_to_stdout_alone(file: Path) -> None:
    result = _run(file, "--sarif", "-")
    assert len(json.loads(result.stdout)["runs"][0]["results"]) == 2
    assert result.exit_code == 1


def test_json_and_sarif_cannot_share_stdout(file: Path) -> None:
    result = _run(file, "--sarif", "-", "--json")
    assert isinstance(result.exception, InvalidSpec)
    assert result.stdout == ""


def test_a_rule_can_be_left_out(file: Path) -> None:
    result = _run(file, "--ignore", "timeout-inversion", "--json")
    assert (result.exit_code, json.loads(result.stdout)["counts"]["error"]) == (0, 0)
    wrong = _run(file, "--ignore", "timeout-invasion")
    assert isinstance(wrong.exception, InvalidSpec)
    assert "did you mean timeout-inversion?" in str(wrong.exception)


def test_a_bad_file_is_told_with_its_place(file: Path) -> None:
    file.write_text("services: {a: {replica: 2}}")
    result = _run("architecture.yaml")
    assert isinstance(result.exception, InvalidSpec)
    assert str(result.exception).startswith(
        "architecture.yaml:1:16: services.a.replica: unknown key; did you mean repl"
    )
    assert isinstance(_run("none.yaml").exception, Unavailable)
    file.write_text("")
    assert isinstance(_run(file).exception, InvalidSpec)
