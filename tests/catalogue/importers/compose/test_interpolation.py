"""Variables stand for what compose makes of them."""

from __future__ import annotations

import pytest

from brownout_catalogue.importers.compose.interpolation import UNSET, interpolate, interpolated, read_env
from brownout_catalogue.importers.source import documents, place_of

VARIABLES = {"A": "x", "EMPTY": "", "B": "y"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("$A ${A}", "x x"),
        ("${A:-d} ${EMPTY:-d} ${EMPTY-d} ${NONE-d} ${NONE:-d}", "x d  d d"),
        ("${A:+set}|${NONE:+set}|${EMPTY+set}", "set||set"),
        ("${NONE:-${A}:${B:-1}}", "x:y"),
        ("${A:?must be}", "x"),
        ("$$A $$$A", "$A $x"),
        ("${NONE} $NONE", f"{UNSET} {UNSET}"),
        ("${NONE:?must be}", UNSET),
        ("${", "${"),
        ("${A", "${A"),
        ("${1}", "${1}"),
        ("100%$", "100%$"),
        ("no", "no"),
    ],
)
def test_a_variable_stands_for_its_value_or_its_default(written: str, expected: str) -> None:
    assert interpolate(written, VARIABLES) == expected


def test_defaults_within_defaults_end() -> None:
    deep = "${N:-" * 500 + "}" * 500
    assert len(interpolate(deep, {})) <= len(deep)


def test_values_are_worked_out_and_keys_and_lines_stay() -> None:
    (root,) = documents("a: &a {$A: $A}\nb: [*a, $B]\n", "f")
    made = interpolated(root, VARIABLES)
    assert made == {"a": {"$A": "x"}, "b": [{"$A": "x"}, "y"]}
    assert made["b"][0] is made["a"]
    assert str(place_of(made, "b")) == "f:2"


def test_an_env_file_has_quotes_comments_and_variables_of_its_own() -> None:
    content = (
        "# comment\nA=1\nexport B = two # not this\nC='$A # kept'\nD=\"x ${A}\" # no\nE=\n\nnonsense\nF=http://h:$A/#x\n"
        "G=# all comment\n"
    )
    assert read_env(content) == {
        "A": ("1", 2),
        "B": ("two", 3),
        "C": ("$A # kept", 4),
        "D": ("x 1", 5),
        "E": ("", 6),
        "F": ("http://h:1/#x", 9),
        "G": ("", 10),
    }


def test_thousands_of_braces_that_stay_open_are_looked_at_once() -> None:
    text = "${A:-" * 20_000
    assert interpolate(text, {}) == text
    assert interpolate("${A:-x}" + "{" * 20_000 + "}${B}", {"B": "b"}) == "x" + "{" * 20_000 + "}b"


def test_an_env_file_of_thousands_of_lines_and_blanks_is_read_at_once() -> None:
    content = "\n".join(f"A{number}=${{A{number - 1}:-x}}" for number in range(1, 5_001)) + "\nB=" + " " * 50_000 + "y"
    read = read_env(content)
    assert (read["A5000"], read["B"]) == (("x", 5000), ("y", 5001))
