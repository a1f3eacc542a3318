"""A token has one line of plain text, wherever it is from."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_core.errors import InvalidSpec, Unavailable
from brownout_core.token_file import plain_token, read_token


@pytest.mark.parametrize("text", ["", " ", "\n", "a\nb", "\x1b[0m"])
def test_a_token_is_plain_text(text: str) -> None:
    with pytest.raises(ValueError, match="empty or not plain"):
        plain_token(text)


def test_blanks_around_a_token_are_none_of_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(" secret\n")
    assert read_token(file) == plain_token(" secret ") == "secret"


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo", b"\xff\xfe"])
def test_a_file_without_one_line_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(InvalidSpec, match=r"--token-file: .*token: .*it must hold one line"):
        read_token(file)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"--token-file: .*none: no such file"):
        read_token(tmp_path / "none")
