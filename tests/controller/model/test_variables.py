"""Variables are put into texts, and what they held never comes out again."""

from __future__ import annotations

import pytest

from brownout_controller.model.variables import Masker, Variables
from brownout_proxy import document
from brownout_proxy.errors import InvalidSpec


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


def test_secrets_are_masked_in_whatever_leaves() -> None:
    masker = Masker(["hunter2", "hunter22", "abc", ""])
    assert masker.text("hunter22 hunter2 abc") == "*** *** abc", "three letters hide too much to be hidden"
    assert masker.text("postgresql://me:pass@db/x") == "postgresql://me:***@db/x"
    assert masker.value({"a": ["hunter2", 1, None], "b": ("x",)}) == {"a": ["***", 1, None], "b": ["x"]}


def test_one_that_is_not_set_may_stay_as_it_is_and_is_told_later() -> None:
    variables = Variables({}, {"A": "x"}, lenient=True)
    assert _plain("b: ${A} ${B}\nc: ${D}", variables) == {"b": "x ${B}", "c": "${D}"}
    assert {place: error.reason.partition(" is")[0] for place, error in variables.unset.items()} == {
        "f:1:1: b": "${B}", "f:2:1: c": "${D}",
    }  # fmt: skip
