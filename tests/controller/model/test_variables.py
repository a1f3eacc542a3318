"""Variables are put into texts, and what they held never comes out again."""

from __future__ import annotations

from typing import Any

import pytest

from brownout_controller.model.secrets import VARIABLES
from brownout_controller.model.variables import Variables, is_plain
from brownout_core import document
from brownout_core.errors import InvalidSpec


def _plain(text: str, variables: Variables) -> object:
    value = document.parse(text, "f", variables.expand, columns=True)
    assert value is not None
    return value.plain()


def test_a_variable_is_the_flag_s_then_the_environment_s_then_its_default() -> None:
    variables = Variables({"A": "flag"}, {"A": "env", "B": "env"})
    assert _plain("['x${A}y', '${B}', '${C:-none}', '${C:-}']", variables) == ["xflagy", "env", "none", ""]
    assert variables.used == {"A": "flag", "B": "env", "C": ""}


def test_the_window_is_the_probe_s_and_a_lone_dollar_is_itself() -> None:
    assert _plain("['rate(x[${window}])', '$1', '${}']", Variables({}, {})) == ["rate(x[${window}])", "$1", "${}"]


def test_one_that_is_not_set_is_an_error_with_its_place_and_the_remedy() -> None:
    with pytest.raises(InvalidSpec, match=r"f:2:1: a: \$\{DNS\} is not set: did you mean DSN\? give") as refusal:
        _plain("b: 1\na: x${DNS}\n", Variables({}, {"DSN": "x"}))
    assert str(refusal.value).endswith("give --var DNS=... or export it")


def test_one_that_is_not_set_may_stay_as_it_is_and_is_told_later() -> None:
    variables = Variables({}, {"A": "x"}, lenient=True)
    assert _plain("b: ${A} ${B}\nc: ${D}", variables) == {"b": "x ${B}", "c": "${D}"}
    assert {place: error.reason.partition(" is")[0] for place, error in variables.unset.items()} == {
        "f:1:1: b": "${B}", "f:2:1: c": "${D}",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        "200ms", "< 200ms", "between 0.2 and 0.8", ">= 0.98 * baseline", "1500", "-1.5e3", "25%", "10MB/s", "true",
        "False", "http://127.0.0.1:8080/pay", "https://shop.example", "http://shop:80/pay/again/", "localhost:5432",
        "10.0.0.7:80", "[::1]:80", "db.example:5432", "abc", "",
    ],
)  # fmt: skip
def test_what_is_evidently_no_secret_stays_readable(value: str) -> None:
    assert is_plain("LIMIT", value)
    variables = Variables({"LIMIT": value, "DB_PASSWORD": value}, {})
    _plain("'${LIMIT}'", variables)
    assert variables.secrets == []
    _plain("'${DB_PASSWORD}'", variables)
    assert variables.secrets == [value], "by its name"


@pytest.mark.parametrize(
    "value",
    [
        "hunter2", "1234567890", "4111111111111111", "http://me:hunter2@h/", "http://h/pay?key=x", "http://h/a1b2c3",
        "http://h/" + "x" * 21, "http://h/pay#x", "db:5432", "shop.example", "localhost:123456", "200ms!", "< 200ms; x",
        "bearer 200", "http://h/pay\n", "postgresql://db.example/x", "/home/me", "staging",
    ],
)  # fmt: skip
def test_whatever_else_a_variable_held_is_a_secret(value: str) -> None:
    variables = Variables({"WHAT": value}, {})
    _plain("'${WHAT}'", variables)
    assert variables.secrets == [value]


@pytest.mark.parametrize("part", VARIABLES)
def test_a_variable_that_is_named_like_a_secret_has_one(part: str) -> None:
    assert not is_plain(f"THE_{part.upper()}_OF", "200ms")


def test_what_is_left_open_a_thousand_times_is_looked_at_once() -> None:
    class Text(str):
        """Counts how often somebody looks for the end of a variable."""

        looked = 0

        def find(self, *arguments: Any) -> int:
            Text.looked += 1
            return super().find(*arguments)

    text = Text("${B:-x}" + "${A:-" * 12_000)
    value = document.parse("a", "f")
    assert value is not None
    assert Variables({}, {}).expand(text, value) == "x" + "${A:-" * 12_000
    assert Text.looked == 2


def test_a_default_may_hold_what_looks_like_another() -> None:
    assert _plain("['${A:-x${B}y', '${A:-${C:-d}', '${A:-', '${A:}']", Variables({}, {"B": "b"})) == [
        "x${By", "${C:-d", "${A:-", "${A:}",
    ]  # fmt: skip


def test_a_few_letters_that_stand_for_a_long_text_many_times_have_an_end() -> None:
    variables = Variables({"A": "x" * 10_000}, {})
    with pytest.raises(InvalidSpec, match="the variables up to here stand for more than"):
        _plain(f"['{'${A}' * 300}', '{'${A}' * 300}']", variables)
