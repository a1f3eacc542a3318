"""PromQL that is not about its window, or that hides what is missing."""

from __future__ import annotations

import json

import pytest

from tests.controller.lint.table import codes


def _codes(query: str, **more: object) -> list[str]:
    probe: dict[str, object] = {"query": query}
    probe |= {key: more.pop(key) for key in ("events", "range") if key in more}
    claim = {"name": "h", "prometheus": probe, "expect": "< 1", **more}
    return codes(f"hypotheses: [{json.dumps(claim)}]")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("rate(x[5m])", ["range-not-window"]),
        ("max_over_time(x[5m:10s])", ["range-not-window"]),
        ("rate(x[1m30s])", ["range-not-window"]),
        ("rate(x[${window}]) / rate(y[5m])", ["range-not-window"]),
        ("rate(x[10s])", []),  # which is the window
        ("rate(x[${window}])", []),
        ('x{path="[5m]x"}', ["range-not-window"]),
        ('x{zone="[a]"}', []),
    ],
)
def test_a_range_that_is_longer_than_what_counts(query: str, found: list[str]) -> None:
    assert _codes(query) == found


def test_a_claim_that_settles_for_as_long_may_look_back_as_far() -> None:
    assert _codes("rate(x[20s])", settle="20s") == []
    assert _codes("rate(x[20s])", window="20s", every="3s") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sum(x) or vector(0)", ["or-vector"]),
        ("sum(x) OR on() vector( 0 )", ["or-vector"]),
        ("sum(x) or 0", ["or-vector"]),
        ("sum(x) or sum(y)", []),
        ("sum(vector_length)", []),
    ],
)
def test_a_value_that_is_made_up(query: str, found: list[str]) -> None:
    assert _codes(query) == found


def test_events_and_their_least_number_are_enough_to_see_that_nothing_was_counted() -> None:
    assert _codes("sum(x) or vector(0)", events="sum(y)", min_events=10) == []
    assert _codes("sum(x) or vector(0)", events="sum(y)") == ["or-vector"]


def test_a_step_fits_into_the_window() -> None:
    assert _codes("x", range={"step": "11s"}) == ["range-step"]
    assert _codes("x", range={"step": "10s"}) == []
