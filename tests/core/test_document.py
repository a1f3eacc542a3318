"""The twin of server/document.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brownout_core.document import Value, parse, read
from brownout_core.errors import InvalidSpec, Unavailable


def _parsed(text: str, file: str = "f.yaml") -> Value:
    value = parse(text, file)
    assert value is not None
    return value


def test_a_value_knows_its_line_and_path() -> None:
    top = _parsed("a:\n  b:\n    - x\n    - c: y\n").entries("")
    entry = top["a"].entries("")["b"].items("")[1].entries("")["c"]
    assert entry.place == "f.yaml:4: a.b[1].c"
    assert top["a"].place == "f.yaml:1: a"
    assert entry.position == (4, 7)
    assert entry.exact_place == "f.yaml:4:7: a.b[1].c"


def test_a_document_that_is_parsed_can_be_expanded_in_another_way() -> None:
    root = parse("- [x]\n", "f.yaml", lambda text, _: text + "1", columns=True)
    assert root is not None
    assert root.plain() == [["x1"]]
    other = root.expanded_by(lambda text, value: f"{text}2 {value.place}")
    assert other.plain() == [["x2 f.yaml:1:4: [0][0]"]]
    assert root.expanded_by(None).plain() == [["x"]]


@pytest.mark.parametrize("text", ["10:30", "010", "0x1F", "1_000", "1e3", "2026-01-01", "yes", "'null'"])
def test_a_scalar_is_the_text_that_was_written(text: str) -> None:
    assert _parsed(f"k: {text}").entries("")["k"].text() == text.strip("'")


@pytest.mark.parametrize("text", ["", "null", "~", "[]", "{}", "!!python/object:os.system x", "!x y"])
def test_what_is_not_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpec, match=r"^f.yaml:1: k: (must be text, not |has the tag !x)"):
        _parsed(f"k: {text}").entries("")["k"].text()


def test_flags_are_true_or_false_and_nothing_else() -> None:
    entries = _parsed("a: true\nb: off\nc: 1\n").entries("")
    assert (entries["a"].flag(), entries["b"].flag()) == (True, False)
    with pytest.raises(InvalidSpec, match=r"^f.yaml:3: c: must be true or false, not '1'"):
        entries["c"].flag()


def test_a_key_that_is_there_twice_is_refused_at_its_second_place() -> None:
    with pytest.raises(InvalidSpec, match=r"^f.yaml:3: a: is there twice; remove one"):
        _parsed("a: 1\nb: 2\na: 3\n").entries("")
    with pytest.raises(InvalidSpec, match=r"^f.yaml:1: a: is there twice"):
        _parsed("{A: 1, a: 2}").known("", ("a",), ignoring_case=True)


def test_an_unknown_key_is_answered_with_a_guess() -> None:
    with pytest.raises(InvalidSpec, match=r"^f.yaml:1: lisen: unknown key; did you mean listen"):
        _parsed("lisen: 1").known("", ("listen", "upstream"))


def test_a_key_must_be_text() -> None:
    with pytest.raises(InvalidSpec, match="a key must be text"):
        _parsed("? [a]\n: 1\n").entries("")


@pytest.mark.parametrize(("text", "kind"), [("a", "'a'"), ("[a]", "a list"), ("{a: b}", "a mapping"), ("~", "empty")])
def test_another_kind_of_value_is_told_as_what_it_is(text: str, kind: str) -> None:
    value = _parsed(text)
    if kind != "a list":
        with pytest.raises(InvalidSpec, match=f"must be a list, not {kind}"):
            value.items("a list")
    if kind != "a mapping":
        with pytest.raises(InvalidSpec, match="must be a mapping, not "):
            value.entries("a mapping")


@pytest.mark.parametrize(
    "text",
    [
        "&a [*a]",
        "a: &a {b: *a}",
        "a: &a [x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
    ],
)
def test_aliases_that_stand_for_too_much_are_refused_at_once(text: str) -> None:
    with pytest.raises(InvalidSpec, match=r"^f.yaml: its aliases stand for more than"):
        parse(text, "f.yaml")


def test_an_alias_is_what_it_stands_for() -> None:
    assert _parsed("a: &x {y: 1}\nb: *x\nc: *x").plain() == {"a": {"y": 1}, "b": {"y": 1}, "c": {"y": 1}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "a:\n\tb: 1",
            "f.yaml:2:1: is not YAML: found character '\\t' that cannot start any token; indent",
        ),
        ("a: >=1", "f.yaml:1:5: is not YAML: expected chomping or indentation indicators, but found '='; put a text"),
        (
            "a: > 1s",
            "f.yaml:1:6: is not YAML: expected a comment or a line break, but found '1'; put a text",
        ),
        ("a: %x", "f.yaml:1:4: is not YAML: found character '%' that cannot start any token; put the text in quotes"),
        ("a: b: c", "f.yaml:1:5: is not YAML: mapping values are not allowed here; put a text that has ': ' in quotes"),
        ("{a: b{c}", "f.yaml:1:6: is not YAML: expected ',' or '}', but got '{'; put a text that has any of"),
        ("a:\n  b: 1\n c: 2", "f.yaml:3:2: is not YAML: expected <block end>"),
        ("a: *b", "f.yaml:1:4: is not YAML: found undefined alias 'b'; a text that begins with * or & needs quotes"),
    ],
)
def test_a_slip_in_yaml_is_told_with_its_column_and_what_helps(text: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        parse(text, "f.yaml", columns=True)
    assert str(refusal.value).startswith(told)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n# nothing\n"])
def test_an_empty_document_is_none_or_null(text: str) -> None:
    value = parse(text, "f.yaml")
    assert value is None or value.is_null


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "a: 'x", "- a\nb: c\n", "a: *b", "\x00", "--- 1\n--- 2\n"])
def test_what_is_not_yaml_is_refused_with_the_file(text: str) -> None:
    with pytest.raises(InvalidSpec, match=r"^f.yaml(:\d+)?: is not YAML: \S"):
        parse(text, "f.yaml")


def test_json_may_be_written_with_tabs_slashes_and_surrogates() -> None:
    text = '[\n\t{"a":\t"\\u00e9\\ud83d\\ude00\\/\\t"}\n]'
    assert _parsed(text, "f.json").items("")[0].entries("")["a"].text() == json.loads(text)[0]["a"]


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="surrogate"):
        _parsed('["\\ud83d"]').items("")[0].text()


@pytest.mark.parametrize(
    ("text", "place"),
    [("[\n{,}]", ":2: is not JSON"), ("[1,\n2", ":2: is not JSON"), ("a: b", ":1: is not JSON"), ("", "")],
)
def test_a_json_file_is_held_to_json(text: str, place: str) -> None:
    if not place:
        assert parse(text, "f.json") is None
        return
    with pytest.raises(InvalidSpec, match=f"^f.json{place}"):
        parse(text, "f.json")


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    for file in ("f.json", "f.yaml"):
        with pytest.raises(InvalidSpec, match=r"^f"):
            parse("[" * 5000 + "]" * 5000, file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"none.yaml: no such file or directory"):
        read(tmp_path / "none.yaml")
    with pytest.raises(Unavailable, match="is a directory"):
        read(tmp_path)


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"a: b\nc: \xff\n")
    with pytest.raises(InvalidSpec, match=r"f.yaml:2: is not UTF-8 text"):
        read(file)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_bytes(b"\xef\xbb\xbf[]")
    value = read(file)
    assert value is not None
    assert value.is_list


@pytest.mark.parametrize("text", ["1.0e+999", "-1.0e+999", "1" * 301, "1" * 5000, ".inf", ".nan"])
def test_what_no_float_can_hold_is_text(text: str) -> None:
    root = parse(text, "x.yaml")
    assert root is not None
    assert root.plain() == text


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ["])
def test_brackets_within_brackets_have_an_end(opening: str) -> None:
    with pytest.raises(InvalidSpec, match="f:1: more than 100 brackets are open here"):
        parse(opening * 100_000, "f")


def test_brackets_side_by_side_have_none() -> None:
    value = parse("[" + "[]," * 5_000 + "'[[[' ]" + " # ]", "f")
    assert value is not None
    assert len(value.items("a list")) == 5_001
