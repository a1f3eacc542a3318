"""Hostile texts on their way out."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from brownout_core.safe_text import LineFormatter, block, json_text, line, printable

HOSTILE = [
    "\x1b[2J\x1b]0;title\x07", "a\nb", "a\r::error::b", "\x85next", "\x9b31m", "\u202egnp.exe", "\u2066x\u2069",
    "a\u2028b", "\x00", "\x7f", "\ud800", "\ufeff", "\ufffe", "::error::x", "  ::add-mask::x", "\t::stop-commands::t",
    "a ::set-output name=x::y", "x ##[error]y", "##vso[task.setvariable]z", "##teamcity[x]", "###[group]",
    "\U000e0001", "a\x0b::warning::b",
]  # fmt: skip


def _obeyed(shown: str) -> bool:
    """By GitHub's runner, Azure's agent or TeamCity."""
    commands = ("##[", "##vso[", "##teamcity[")
    return shown.lstrip().startswith("::") or any(command in shown for command in commands)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_obeyed_and_all_of_it_is_on_one_line(text: str) -> None:
    for shown in (printable(text), line(text)):
        assert shown.isprintable()
        assert not _obeyed(shown)
        for piece in shown.split(" "):
            assert not _obeyed(piece), "a line may be broken at a space"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_block_keeps_its_lines_and_none_of_them_is_obeyed(text: str) -> None:
    shown = block(f"first\n{text}\nlast")
    assert shown.splitlines()[0] == "first"
    for row in shown.splitlines():
        assert row.replace("\t", "").isprintable()
        assert not _obeyed(row)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_is_exact_and_obeyed_by_nothing(text: str) -> None:
    shown = json_text({"name": text, text: [text]})
    assert json.loads(shown) == {"name": text, text: [text]}
    for row in shown.splitlines():
        assert row.isprintable()
        assert not _obeyed(row)


def test_json_has_no_words_of_its_own() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(float("nan"))
    assert json_text({"ä": 1}, indent=None) == '{"ä": 1}'
    assert json.loads(json_text("😀\U000e0001")) == "😀\U000e0001"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe 東 😀", "größe 東 😀"),
        ("std::vector and 12:30::1", "std::vector and 12:30::1"),
        ("[::1]:8080 and ::1", "[::1]:8080 and ::1"),
        ("## a heading, #[x]", "## a heading, #[x]"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("::error::x", "\\x3a:error::x"),
        ("##[error]x", "\\x23#[error]x"),
        ("back\\slash", "back\\slash"),
        (ValueError("a\nb"), "a\\nb"),
    ],
)
def test_what_is_harmless_stays_and_the_rest_can_be_read(text: object, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown, "twice is once"


def test_a_line_has_one_space_where_the_text_has_white_space() -> None:
    assert line(" ERROR:\n\tdetail \u2003 more ") == "ERROR: detail more"


def test_a_log_has_one_line_for_a_message_and_whole_tracebacks() -> None:
    try:
        raise ValueError("a\n::error::b\x1b")
    except ValueError:
        record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", ("p\n::error::q",), sys.exc_info())
    first, *others = LineFormatter("%(levelname)s %(message)s").format(record).splitlines()
    assert first == "INFO p\\n::error::q"
    assert others[-1] == "\\x3a:error::b\\x1b"
    assert others[-2].endswith("ValueError: a")
