"""A journal is read while it is written, in whole lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_controller.engine.journal_tail import Tail
from brownout_controller.engine.store import JOURNAL, Store
from brownout_controller.model.journal import Failure
from brownout_core.errors import InvalidSpec, Unavailable


def numbers(tail: Tail) -> list[int] | None:
    lines = tail.read()
    return None if lines is None else [line.entry.n for line in lines]


def test_each_record_comes_once_and_a_line_that_is_being_written_later(tmp_path: Path) -> None:
    journal = Store(tmp_path).begin("x")
    tail, late = Tail(journal.directory), Tail(journal.directory, after=2)
    assert tail.read() is None
    for number in range(2):
        journal.write(Failure("probe", f"ä{number}\u2028"))
    assert (numbers(tail), numbers(tail)) == ([0, 1], None)
    assert numbers(late) == []
    with (journal.directory / JOURNAL).open("a") as file:
        file.write('{"n": 2, "at": 1, "kind"')
        file.flush()
        assert numbers(tail) is None
        file.write(': "new", "x": 1}\n')
    assert (numbers(tail), numbers(late)) == ([2], [2])
    journal.close()


def test_a_long_journal_is_read_in_pieces_and_a_long_line_whole(tmp_path: Path) -> None:
    journal = Store(tmp_path).begin("x")
    for size in (1, 1, 500, 1):
        journal.write(Failure("probe", "x" * size))
    journal.close()
    tail, found = Tail(journal.directory, at_once=100), []
    while (more := numbers(tail)) is not None:
        found.append(more)
    assert len(found) > 1
    assert [number for piece in found for number in piece] == [0, 1, 2, 3]


def test_what_is_no_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=JOURNAL):
        Tail(tmp_path).read()
    (tmp_path / JOURNAL).write_text("[]\n")
    with pytest.raises(InvalidSpec, match="line 1: is no record"):
        Tail(tmp_path).read()
