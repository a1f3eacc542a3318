"""Others' YAML is read with its lines, merge keys, anchors and tags, and errors do not repeat it."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_catalogue.importers.source import (
    LARGEST,
    RESET,
    Listed,
    Mapped,
    Place,
    decode,
    documents,
    flag,
    number,
    place_of,
    read_text,
    text,
)
from brownout_core.errors import InvalidSpec, Unavailable


def test_scalars_stay_as_they_are_written_and_nothing_is_none() -> None:
    assert documents("a: 22:22\nb: 010\nc: yes\nd:\ne: ~\n", "f") == [
        {"a": "22:22", "b": "010", "c": "yes", "d": None, "e": None}
    ]


def test_keys_and_entries_know_their_lines() -> None:
    (root,) = documents("a:\n  b: 1\nc:\n  - x\n  - y\n", "f.yaml")
    assert place_of(root["a"], "b") == Place("f.yaml", 2)
    assert [str(place_of(root["c"], index)) for index in (0, 1)] == ["f.yaml:4", "f.yaml:5"]
    assert place_of({}, "b", Place("g")) == Place("g")
    assert str(Place("g")) == "g"


def test_merge_keys_fill_in_what_a_mapping_does_not_say_itself() -> None:
    (root,) = documents("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  b: 0\n  <<: [*x, *y]\nw: {<<: *y, c: 5}\n", "f")
    assert root["z"] == {"a": "1", "b": "0", "c": "4"}
    assert place_of(root["z"], "a") == Place("f", 1)
    assert root["w"] == {"b": "3", "c": "5"}


def test_of_several_merged_mappings_the_first_wins() -> None:
    (root,) = documents("x: &x {a: 1}\ny: &y {a: 2}\nz: {<<: [*x, *y]}\n", "f")
    assert root["z"] == {"a": "1"}


def test_several_documents_are_read_and_empty_ones_left_out() -> None:
    assert documents("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n", "f") == [{"a": "1"}, {"b": "2"}]
    assert documents("", "f") == []


def test_tags_of_overrides_are_kept() -> None:
    (root,) = documents("a: !reset null\nb: !override [x]\nc: !override {y: 1}\nd: !whatever 3\n", "f")
    assert root["a"] is RESET
    assert isinstance(root["b"], Listed)
    assert isinstance(root["c"], Mapped)
    assert root["b"].replaces
    assert root["c"].replaces
    assert root["d"] == "3"


def test_aliases_of_aliases_cost_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (root,) = documents("\n".join(lines), "f")
    assert root["a29"][0] is root["a29"][8]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("a: [1\n", "f:2: is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("password: *Hunter2\n", r"f:1: is not YAML: found undefined alias \.\.\."),
        ("a: &a [*a]\n", "f:1: an alias stands within its own anchor"),
        ("a: {<<: 3}\n", "<<: can merge only mappings"),
        ("? [a]\n: b\n", "a key must be text"),
        ("a: \x07\n", "f: is not YAML: it has characters"),
        ("[" * 3000, "f:1: more than 100 brackets are open here"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line_and_nothing_of_its_content(written: str, complaint: str) -> None:
    with pytest.raises(InvalidSpec, match=complaint) as error:
        documents(written, "f")
    assert "Hunter2" not in str(error.value)


def test_files_that_are_missing_too_large_or_no_text_are_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no such file"):
        read_text(tmp_path / "none.yaml")
    with pytest.raises(InvalidSpec, match="is larger than"):
        decode(b"x" * (LARGEST + 1), "f")
    with pytest.raises(InvalidSpec, match="f:2: is not UTF-8"):
        decode(b"a: 1\nb: \xff\n", "f")
    assert decode("\ufeffa: 1".encode(), "f") == "a: 1"


def test_numbers_and_flags_of_json_and_of_yaml_are_the_same() -> None:
    assert (number(3), number("3"), number("-1"), number("1.5"), number(None), number([])) == (
        3,
        3,
        None,
        None,
        None,
        None,
    )
    assert (flag(True), flag("true"), flag("no"), flag(None)) == (True, True, False, None)
    assert (text(True), text(3), text(None), text({})) == ("true", "3", None, None)
