"""Strict parts: unknown keys are told with the nearest known one, quantities have units, places have columns."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.strict_model import Percentage, Seconds, SomeTime, StrictModel, read


class Inner(StrictModel):
    """A part inside."""

    wait: SomeTime = 1.0


class Outer(StrictModel):
    """A part with others."""

    name: str
    delay: Seconds = 0.0
    share: Percentage = 0.5
    inner: Inner | None = None
    named: Mapping[str, Inner] = {}


def _read(text: str) -> Outer:
    value = document.parse(text, "f", columns=True)
    assert value is not None
    return read(Outer, value, value.plain())


def test_quantities_may_have_units() -> None:
    outer = _read("{name: x, delay: 340ms, share: 25%, inner: {wait: 2m}, named: {a: {wait: 3}}}")
    assert outer.delay == 0.34
    assert outer.share == 0.25
    assert outer.inner == Inner(wait=120)
    assert outer.named["a"].wait == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{nam: x}", "f:1:2: nam: unknown key; did you mean name?"),
        ("delay: 1s", "f:1:1: name is missing"),
        ("name: x\ndelay: soon", "f:2:1: delay: 'soon' is not a quantity"),
        ("name: x\ndelay: -1s", "f:2:1: delay: must be greater than or equal to 0"),
        ("name: x\ndelay: true", "f:2:1: delay: must be a quantity like 300ms or 5s"),
        ("name: x\nshare: 130%", "f:2:1: share: must be less than or equal to 1"),
        ("name: x\ninner:\n  wiat: 1", "f:3:3: inner.wiat: unknown key; did you mean wait?"),
        ("name: x\ninner:\n  wait: 0", "f:3:3: inner.wait: must be greater than 0"),
        ("name: x\nnamed:\n  a: {wiat: 1}", "f:3:7: named.a.wiat: unknown key; did you mean wait?"),
        ("name: [x]", "f:1:1: name: must be text, not a list"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_remedy(text: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        _read(text)
    assert str(refusal.value).startswith(told)
