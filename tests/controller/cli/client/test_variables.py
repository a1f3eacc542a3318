"""Variables of a command line: which one counts, files that are pipes, and how they are given once more."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from brownout_controller.cli.client.variables import VariableFlags, read_variable_flags, variable_options
from brownout_core.errors import InvalidSpec


def test_variables_are_pairs() -> None:
    assert read_variable_flags(["A=1", "B=x=y", "C="]).values == {"A": "1", "B": "x=y", "C": ""}
    for word in ("A", "=1"):
        with pytest.raises(InvalidSpec, match="is not NAME=VALUE"):
            read_variable_flags([word])


def test_the_command_line_goes_before_files_and_a_later_file_before_an_earlier_one(tmp_path: Path) -> None:
    first, second = tmp_path / "1.env", tmp_path / "2.env"
    first.write_text("A=first\nB=first\nC=first\n")
    second.write_text("B=second\nC=second\n")
    given = read_variable_flags(["C=line"], [first, second])
    assert given.values == {"A": "first", "B": "second", "C": "line"}
    assert given.files == {"A": first, "B": second}
    assert given.again({"B", "C"}) == ["--var-file", str(second), "--var", 'C="$C"']


def test_a_pipe_is_read_once_and_not_named_again(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("TOKEN=hunter22\nN=1\n"))
    writer.start()
    given = read_variable_flags([], [pipe])
    writer.join()
    assert given.values == {"TOKEN": "hunter22", "N": "1"}
    assert given.again({"TOKEN", "N"}) == ["--var", 'TOKEN="$TOKEN"', "--var", "N=1"]


@pytest.mark.parametrize(
    ("content", "told"), [(b"A=1\nB\n", r"x\.env:2: is not NAME"), (b"\xff", "is not UTF-8"), (None, "no such file")]
)
def test_a_file_that_is_wrong_is_one_error_with_its_line(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "x.env"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSpec, match=told):
        read_variable_flags([], [file])


def test_a_command_gets_them_as_one_argument(tmp_path: Path) -> None:
    (tmp_path / "x.env").write_text("A=1\n")
    got: list[VariableFlags] = []

    @click.command()
    @variable_options
    def command(variables: VariableFlags) -> None:
        got.append(variables)

    result = CliRunner().invoke(command, ["--var", "B=2", "--var-file", str(tmp_path / "x.env")])
    assert result.exit_code == 0
    assert got[0].values == {"A": "1", "B": "2"}
