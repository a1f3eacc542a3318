"""What a dataclass declares is what a mapping must be; whatever it is not, is one kind of error with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from brownout_controller.model.json_shape import JsonShapeError, reader


@dataclass(frozen=True)
class _Part:
    name: str
    ratio: float
    count: int = 0
    small: Annotated[int, range(10)] = 0
    good: bool = True
    word: Literal["one", "two"] = "one"
    maybe: float | None = None
    pairs: Sequence[tuple[str, float]] = ()
    parts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    anything: Any = None


READ = reader(_Part)


def _part(**changes: Any) -> dict[str, Any]:
    return {"name": "a", "ratio": 1, **changes}


def test_what_is_as_declared_comes_back_and_what_is_more_is_left_out() -> None:
    whole = _part(pairs=[["x", 2.5]], parts={"y": [1]}, maybe=3, anything=[{}], good=False, word="two", more=1)
    assert READ(whole) == _Part("a", 1, 0, 0, False, "two", 3, [("x", 2.5)], {"y": [1]}, [{}])
    assert READ(_part()) == _Part("a", 1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "must be a mapping"),
        ({"name": "a"}, "ratio is missing"),
        (_part(name=7), "name must be text"),
        (_part(name=None), "name must be text"),
        (_part(ratio="1"), "ratio must be a number"),
        (_part(ratio=True), "ratio must be a number"),
        (_part(count=1.0), "count must be a whole number"),
        (_part(count=False), "count must be a whole number"),
        (_part(count=2**63), "count is a number out of all bounds"),
        (_part(small=10), "small is a number out of all bounds"),
        (_part(good=1), "good must be true or false"),
        (_part(word="three"), "word must be one of: one, two"),
        (_part(word=["one"]), "word must be one of: one, two"),
        (_part(maybe="x"), "maybe must be a number"),
        (_part(pairs={}), "pairs must be a list"),
        (_part(pairs="ab"), "pairs must be a list"),
        (_part(pairs=[["a", 1], ["b"]]), r"pairs\[1\] must be a list of 2"),
        (_part(pairs=[["a", None]]), r"pairs\[0\]\[1\] must be a number"),
        (_part(parts=[]), "parts must be a mapping"),
        (_part(parts={"y": [1, "2"]}), r"parts\.y\[1\] must be a whole number"),
    ],
)
def test_what_is_not_as_declared_is_named_with_its_place(given: Any, told: str) -> None:
    with pytest.raises(JsonShapeError, match=f"^{told}"):
        READ(given)


class _Foreign:
    """What reads itself."""


@dataclass
class _Holder:
    inside: Sequence[_Foreign | str]


def test_a_type_may_have_a_reader_of_its_own_whose_errors_are_of_the_one_kind() -> None:
    found = _Foreign()

    def read_foreign(value: Any) -> _Foreign:
        if value["fails"]:
            raise KeyError("x")
        return found

    read = reader(_Holder, {_Foreign: read_foreign})
    assert read({"inside": [{"fails": False}]}).inside == [found]
    assert read({"inside": ["text"]}).inside == ["text"]
    with pytest.raises(JsonShapeError, match=r"inside\[0\]"):
        read({"inside": [{"fails": True}]})


def test_an_annotation_that_nothing_is_known_of_is_a_mistake_of_who_declared_it() -> None:
    @dataclass
    class _Odd:
        value: complex

    with pytest.raises(TypeError, match="no reader is known"):
        reader(_Odd)
