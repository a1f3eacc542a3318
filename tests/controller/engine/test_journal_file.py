"""Lines of a regular file, bounded; whatever else is called like a journal is named and holds up nobody."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from brownout_controller.engine.journal_file import JOURNAL, Unreadable, ends, left_out, lines, opened
from brownout_controller.model.journal import LeftOut
from brownout_core import limits
from brownout_core.errors import InvalidSpec, Unavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / JOURNAL


def test_lines_come_with_their_ends_and_the_last_one_as_far_as_it_was_written(path: Path) -> None:
    path.write_bytes(b"a\n\nb\xff\r\nhalf")
    assert list(lines(path)) == ["a\n", "\n", "b\ufffd\r\n", "half"]


def test_a_line_that_is_too_long_is_named_and_not_read(path: Path) -> None:
    path.write_bytes(b"a\n" + b"x" * (limits.RECORD + 2))
    with pytest.raises(Unreadable, match="line 2: is longer than 8 MiB"):
        list(lines(path))
    with path.open("ab") as file:
        file.write(b"x" * (limits.RECORD + 2) + b"\n")
    with pytest.raises(Unreadable, match="its last line is longer than 8 MiB"):
        ends(path)


def test_a_file_that_is_too_large_is_not_begun_with(path: Path) -> None:
    path.touch()
    os.truncate(path, limits.JOURNAL + 1)  # it has a hole, and needs no room
    with pytest.raises(Unreadable, match="has more than 512 MiB"):
        opened(path)


def test_what_is_no_regular_file_is_named_at_once(path: Path, tmp_path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(Unreadable, match="is no regular file"):
        opened(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(Unreadable, match="is no regular file"):
        opened(path)
    path.rmdir()
    path.symlink_to("/dev/zero")
    with pytest.raises(Unreadable, match="is a symbolic link"):
        opened(path)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(tmp_path)  # the path of a socket is short
        try:
            listener.bind(JOURNAL)
        finally:
            os.chdir(here)
        with pytest.raises(Unreadable, match="is no regular file"):
            opened(path)


def test_what_the_system_does_not_give_is_another_kind(path: Path) -> None:
    with pytest.raises(Unavailable, match="no such file"):
        opened(path)


@pytest.mark.parametrize("length", [0, 10, 1 << 16, 1 << 17])
def test_the_ends_are_the_first_and_the_last_whole_line(path: Path, length: int) -> None:
    last = b"z" * length
    path.write_bytes(b"first\n" + b"x" * 1000 + b"\n" + last + b"\n" * bool(length) + b"torn")
    assert ends(path) == (b"first\n", last or b"x" * 1000)
    path.write_bytes(b"")
    assert ends(path) == (b"", b"")


def test_what_is_told_of_one_that_was_left_out(path: Path) -> None:
    assert left_out(path, Unreadable(path, "is no JSON", 3)) == LeftOut(str(path), 3, "is no JSON")
    assert left_out(path, Unavailable(f"{path}: permission denied")) == LeftOut(str(path), None, "permission denied")
    assert left_out(path, InvalidSpec("tls", "is away")) == LeftOut(str(path), None, "is away")
