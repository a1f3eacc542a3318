"""Journals that could not be read are counted, the first of them named, and what they hold does no harm."""

from __future__ import annotations

import pytest

from brownout_controller.model.journal import LeftOut
from brownout_controller.report.unread_journals import content, named, sentences
from tests.support.builders.journals import NASTY


def test_one_is_named_in_one_sentence() -> None:
    report = sentences([LeftOut("runs/a/journal.jsonl", 17, "at must be a time in seconds")])
    assert report == [
        "1 journal could not be read: runs/a/journal.jsonl: line 17: at must be a time in seconds; it was left out"
    ]
    assert sentences([]) == []


@pytest.mark.parametrize(("number", "report"), [(2, 3), (5, 6), (1000, 7)])
def test_many_are_counted_and_the_first_ones_named(number: int, report: int) -> None:
    found = sentences([LeftOut(f"runs/{n}", None, "is empty") for n in range(number)])
    assert found[0] == f"{number} journals could not be read, and were left out:"
    assert len(found) == report
    assert found[1] == "  runs/0: is empty"


def test_what_others_wrote_stays_on_its_line_and_is_cut() -> None:
    nasty = LeftOut(NASTY, 1, NASTY + "x" * 1000)
    text = named(nasty) + str(content([nasty]))
    assert "\x1b" not in text
    assert "\n" not in text
    assert len(named(nasty)) < 500
    assert content([LeftOut("a", None, "b")]) == [{"path": "a", "line": None, "reason": "b"}]
