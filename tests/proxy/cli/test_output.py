"""The twin of cli/output.py."""

from __future__ import annotations

import json

import click
import pytest

from brownout_core.terminal import columns
from brownout_proxy.cli.output import Output

_HEADING = ("Name", "State")
_ROWS = (("postgres", "enabled"), ("r", "disabled"))


def _table(capsys: pytest.CaptureFixture[str], *, width: int, colour: bool = False) -> str:
    Output(terminal=True, colour=colour, width=width).table(_HEADING, _ROWS)
    return capsys.readouterr().out


def test_columns_stand_under_their_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert _table(capsys, width=80) == "Name      State\npostgres  enabled\nr         disabled\n"


def test_a_table_that_does_not_fit_becomes_paragraphs_with_nothing_cut(capsys: pytest.CaptureFixture[str]) -> None:
    text = _table(capsys, width=12)
    assert text == "Name: postgres\nState: enabled\n\nName: r\nState: disabled\n"


def test_a_table_that_just_fits_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert _table(capsys, width=18).startswith("Name      State\n")
    assert _table(capsys, width=17).startswith("Name: postgres\n")


def test_no_rows_are_only_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    Output(terminal=True, colour=False, width=80).table(_HEADING, ())
    assert capsys.readouterr().out == "Name  State\n"


def test_colours_do_not_move_columns() -> None:
    output = Output(terminal=True, colour=True, width=80)
    assert columns(click.unstyle(output._cell("enabled", 10))) == 10
    assert output._cell("enabled", 10).startswith("\x1b[32m")


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Output(terminal=True)._colour
    monkeypatch.setenv(variable, value)
    assert not Output(terminal=True)._colour


def test_a_pipe_has_no_colours() -> None:
    assert not Output(terminal=False)._colour


def test_names_cannot_move_the_cursor_or_break_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(terminal=False)
    output.tabbed("a\x1b[2Jb\n", "größe\t東")
    output.done("::error::made", {})
    output.table(("Name",), [("##[error]",)])
    assert capsys.readouterr().out.splitlines() == [
        "a\\x1b[2Jb\\n\tgröße\\t東", "\\x3a:error::made", "Name", "\\x23#[error]",
    ]  # fmt: skip


def test_with_json_a_sentence_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).done("done", {"ü": 1})
    text = capsys.readouterr().out
    assert json.loads(text) == {"ü": 1}
    assert "ü" in text
    Output().done("done", {})
    assert capsys.readouterr().out == "done\n"


def test_cells_for_programs_are_cut_at_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    Output().tabbed("a", "b c")
    assert capsys.readouterr().out == "a\tb c\n"
