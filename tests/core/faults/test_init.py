"""A fault is made from its attributes, and changed without becoming another."""

from __future__ import annotations

import pytest

from brownout_core.errors import InvalidSpec
from brownout_core.faults import KINDS, changed, make


def test_the_kinds_are_listed_under_their_names() -> None:
    assert all(fault.kind == kind for kind, fault in KINDS.items())
    assert "latency" in KINDS


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidSpec) as caught:
        make("nope", {})
    assert str(caught.value) == f"unknown fault 'nope'; known are: {', '.join(KINDS)}"


def test_what_a_change_does_not_name_stays() -> None:
    before = make("latency", {"latency": 100, "distribution": "pareto"})
    after = changed(before, {"jitter": "20ms"}, text=True)
    assert after.attributes() == {"latency": 100, "jitter": 20, "distribution": "pareto"}
    assert before.attributes() == {"latency": 100, "jitter": 0, "distribution": "pareto"}


@pytest.mark.parametrize(("before", "after"), [("latency", "delay"), ("delay", "latency"), ("delay", "delay")])
def test_an_attribute_may_be_changed_by_its_other_name(before: str, after: str) -> None:
    assert changed(make("latency", {before: 100}), {after: 5}).attributes() == {"latency": 5, "jitter": 0}


def test_a_change_is_all_or_nothing() -> None:
    before = make("latency", {"latency": 100})
    with pytest.raises(InvalidSpec, match="jitter: must be greater than or equal to 0"):
        changed(before, {"latency": 1, "jitter": -1})
    with pytest.raises(InvalidSpec, match="must be a number of ms, not text"):
        changed(before, {"latency": "1s"})
    assert before.attributes()["latency"] == 100
