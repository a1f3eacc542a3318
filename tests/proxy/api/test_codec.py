"""The twin of api/codec.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_core import limits
from brownout_core.errors import InvalidSpec, TooMuch
from brownout_proxy.api.codec import (
    as_list,
    as_object,
    encode,
    entries,
    first_value,
    flag,
    number,
    text,
)

_PREFIX = "bad request body: "


@pytest.mark.parametrize("body", [b"", b"   ", b"\n\t\r "])
def test_an_empty_body_is_named_eof(body: bytes) -> None:
    with pytest.raises(InvalidSpec, match=r"^bad request body: EOF$"):
        first_value(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"p', b'{"name":tru', b"{", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b"[1,", b"[",
        b'{"a":-', b'"\\', b"nul", b'{"a" ', b"[1 ", b'{"a":1, ',
    ],
)  # fmt: skip
def test_a_cut_body_is_named_unexpected_eof(body: bytes) -> None:
    with pytest.raises(InvalidSpec, match=r"^bad request body: unexpected EOF$"):
        first_value(body)


@settings(max_examples=30, deadline=None)
@given(st.recursive(st.text() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_proper_prefix_of_a_list_is_taken_for_the_whole(value: object) -> None:
    whole = encode([value])
    for end in range(len(whole)):
        with pytest.raises(InvalidSpec):
            first_value(whole[:end])


@pytest.mark.parametrize(
    "body",
    [
        b"x", b"{'a':1}", b'{"a":trx}', b'{"a":1,}', b'"a\nb"', b"NaN", b"[Infinity]",
        b"[-Infinity]", b"\xef\xbb\xbf{}", b"[" * 100_000,
    ],
)  # fmt: skip
def test_other_garbage_is_a_bad_request_body(body: bytes) -> None:
    with pytest.raises(InvalidSpec) as caught:
        first_value(body)
    assert str(caught.value).startswith(_PREFIX)
    assert "EOF" not in str(caught.value)


@given(st.binary())
def test_any_bytes_are_a_value_or_a_bad_request_body(body: bytes) -> None:
    try:
        first_value(body)
    except InvalidSpec as error:
        told = str(error)
    else:
        return
    assert told.startswith(_PREFIX)


def test_only_the_first_value_counts() -> None:
    assert first_value(b' {"a":1} {"a":2} garbage') == {"a": 1}


def test_keys_count_without_case_and_the_last_wins() -> None:
    assert first_value(b'{"NAME":"a","Attributes":{"Latency":5},"name":"b"}') == {
        "name": "b",
        "attributes": {"latency": 5},
    }


def test_null_is_the_same_as_no_key() -> None:
    assert first_value(b'{"name":"a","NAME":null,"listen":null}') == {"name": "a"}


def test_bytes_that_are_not_utf_8_become_replacement_characters() -> None:
    assert first_value(b'["\xff"]') == ["\ufffd"]


def test_huge_numbers_are_read_without_their_digits() -> None:
    digits = b"9" * 10_000
    assert first_value(b"[" + digits + b"]") == [float("inf")]
    assert first_value(b"[9223372036854775807]") == [2**63 - 1]


@pytest.mark.parametrize("value", [1, "a", True, []])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(InvalidSpec, match="bad request body: must be an object, not"):
        as_object(value)


@pytest.mark.parametrize("value", [1, "a", True, {}])
def test_what_is_no_list_is_refused(value: object) -> None:
    with pytest.raises(InvalidSpec, match="bad request body: toxics must be a list, not"):
        as_list(value, "toxics")


def test_null_as_a_whole_is_nothing_given() -> None:
    assert as_object(first_value(b"null")) == {}
    assert as_list(first_value(b"null")) == []


@pytest.mark.parametrize(
    ("reader", "good", "bad"),
    [
        (text, ["", "x"], [1, True, [], {}, 1.5]),
        (flag, [True, False], [1, 0, "true", [], {}]),
        (number, [0, -1, 0.5], [True, "1", [], {}]),
    ],
)
def test_a_field_has_its_type_or_is_refused_by_name(reader: Any, good: list[object], bad: list[object]) -> None:
    for value in good:
        assert reader({"key": value}, "key") == value
    assert reader({}, "key") is None
    for value in bad:
        with pytest.raises(InvalidSpec, match=r"^bad request body: key must be .*, not"):
            reader({"key": value}, "key")


def test_half_a_surrogate_pair_is_replaced_in_text() -> None:
    fields = as_object(first_value(b'{"name":"a\\ud800b\\ud83d\\ude00"}'))
    assert text(fields, "name") == "a\ufffdb\U0001f600"


def test_text_is_at_most_so_long() -> None:
    assert text({"name": "é" * limits.NAME}, "name") == "é" * limits.NAME
    with pytest.raises(InvalidSpec, match=r"^bad request body: name must have at most 1,000 characters, not 1,001$"):
        text({"name": "x" * (limits.NAME + 1)}, "name")


def test_answers_are_compact_and_in_utf_8() -> None:
    assert encode({"é": [1, 0.5, True, "\ud800"]}) == '{"é":[1,0.5,true,"?"]}'.encode()


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b"[]", []),
        (b" [ ] x", []),
        (b"null", []),
        (b'[1 , "a",\n{"B":[1]},null] garbage', [1, "a", {"b": [1]}, None]),
        (b"[" + b'{"name":"' + b"x" * 60_000 + b'"}]', [{"name": "x" * 60_000}]),
        (b"[" + b"1" * 1025 + b",2]", [float("inf"), 2]),
    ],
)
def test_the_entries_of_a_list_come_one_by_one(body: bytes, values: list[object]) -> None:
    assert list(entries(body)) == values


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "EOF"),
        (b"{}", "must be a list, not an object"),
        (b"[", "unexpected EOF"),
        (b"[1", "unexpected EOF"),
        (b"[1,", "unexpected EOF"),
        (b"[1 2]", "Expecting ',' delimiter at character 4"),
        (b"[1,]", "Expecting value at character 4"),
        (b'[1,{"a":tru}]', "Expecting value at character 9"),
        (b"[" * 100_000, "maximum recursion depth exceeded"),
    ],
)
def test_a_list_that_is_none_is_refused_at_its_place(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        list(entries(body))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"' + b"x" * limits.OBJECT + b'"}',
        b"[" + b"1," * limits.OBJECT + b"1]",
        b"[" + b'{"a":1},' * limits.OBJECT + b"1]",
        b'["' + b"\\u00e9" * limits.OBJECT + b'"]',
    ],
)
def test_an_object_beyond_the_limit_is_not_read_to_its_end(body: bytes) -> None:
    with pytest.raises(TooMuch, match="64 KiB"):
        first_value(body)
    with pytest.raises(TooMuch, match="64 KiB"):
        list(entries(b"[1," + body + b"]"))


@settings(deadline=None)
@given(value=st.recursive(st.none() | st.booleans() | st.integers(-99, 99) | st.text(), st.lists, max_leaves=30))
def test_entries_are_what_the_whole_list_is(value: object) -> None:
    body = json.dumps([value, value]).encode()
    assert list(entries(body)) == first_value(body)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"A": {"x": 1}, "a": {"x": 2}}', [{"x": 1}, {"x": 2}]),
        (b' { "proxies" : [ {"x": 1} , {"x": 2} ] }', [{"x": 1}, {"x": 2}]),
        (b'{"Proxies": []}', []),
        (b'{"proxies": {"x": 1}}', [{"x": 1}]),
    ],
)
def test_the_answers_of_the_api_are_lists_too(body: bytes, found: list[object]) -> None:
    assert list(entries(body)) == found


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a"', "unexpected EOF"), (b'{"a":', "unexpected EOF"), (b'{"a": {}', "unexpected EOF"),
        (b'{"a": {},', "unexpected EOF"), (b'{"a" {}}', "Expecting a key and ':' at character 6"),
        (b"{1: {}}", "Expecting"), (b'{"a": {}]', "Expecting ',' delimiter"), (b'{"proxies": [', "unexpected EOF"),
    ],
)  # fmt: skip
def test_an_answer_that_is_cut_is_named(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidSpec, match=reason):
        list(entries(body))
