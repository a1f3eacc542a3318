"""Little's law for pools, per replica and with all attempts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders.findings import missing, of

_POOL = "services: {a: {replicas: %s, calls: {db: {%s}}}, db: }"


def test_a_pool_that_is_too_small_is_told_with_the_arithmetic() -> None:
    (one,) = of("pool-too-small", _POOL % (3, "pool: 20, rate: 60/s, timeout: 1s, retries: 1"))
    assert one.sentence == (
        "a has 20 connections to db in each replica; when db hangs, 60/s over 3 replicas, each held for "
        "2 attempts x 1s = 2s, need 40"
    )
    assert [fix.text for fix in one.fixes] == [
        "services.a.calls.db.pool: 40 or more", "services.a.calls.db.timeout: 500ms or less",
    ]  # fmt: skip


def test_just_large_enough_is_enough() -> None:
    assert of("pool-too-small", _POOL % (3, "pool: 20, rate: 60/s, timeout: 1s")) == []
    assert len(of("pool-too-small", _POOL % (3, "pool: 19, rate: 60/s, timeout: 1s"))) == 1
    assert (
        of("pool-too-small", _POOL % (1, "pool: 3, rate: 30/s, timeout: 100ms")) == []
    )  # 30 x 0.1 is 3.0000000000000004


def test_without_a_timeout_it_is_told_how_slow_the_callee_may_get() -> None:
    (one,) = of("pool-too-small", _POOL % (1, "pool: 1, rate: 20/s"))
    assert one.sentence == (
        "a has 1 connection to db in each replica and says no timeout: at 20/s the pool is used up as soon as db takes "
        "longer than 50ms"
    )
    assert [fix.text for fix in one.fixes] == ["services.a.calls.db.timeout: 50ms or less"]


def test_a_timeout_that_what_waits_allows_comes_with_its_pool() -> None:
    text = (_POOL % (1, "pool: 1, rate: 20/s")) + "\nflows: {x: {path: [a, db], tolerance: 2.5s}}"
    (one,) = of("pool-too-small", text)
    assert one.fixes[1].text == "services.a.calls.db.timeout: 2.5s or less, services.a.calls.db.pool: 50 or more"


def test_no_timeout_is_proposed_that_fails_on_a_good_day() -> None:
    text = "services: {a: {replicas: 1, calls: {db: {pool: 1, rate: 20/s}}}, db: {answers_in: 60ms}}"
    (one,) = of("pool-too-small", text)
    assert [fix.text for fix in one.fixes] == ["a timeout for db, and a pool of rate x timeout"]


@pytest.mark.parametrize(
    ("replicas", "call", "lines"),
    [
        ("2", "pool: 5, timeout: 1s", ["services.a.calls.db.rate"]),
        ("", "pool: 5, timeout: 1s, rate: 50/s", ["services.a.replicas"]),
        ("", "pool: 50, timeout: 1s, rate: 50/s", []),  # large enough even if one replica takes all
        ("0", "pool: 5, timeout: 1s, rate: 50/s", []),
        ("", "timeout: 1s", []),
    ],
)
def test_what_is_missing_is_named_only_where_it_matters(replicas: str, call: str, lines: list[str]) -> None:
    text = _POOL % (replicas or "null", call)
    assert missing("pool-too-small", text) == lines
    assert of("pool-too-small", text) == []


@given(st.integers(1, 40), st.integers(1, 9), st.floats(0.1, 5000), st.floats(0.002, 30), st.integers(0, 4))
@settings(max_examples=100, deadline=None)
def test_the_pool_that_is_proposed_is_the_smallest_that_does(
    pool: int, replicas: int, rate: float, timeout: float, retries: int
) -> None:
    call = f"pool: %d, rate: {rate:.6f}, timeout: {timeout:.6f}, retries: {retries}"
    for one in of("pool-too-small", _POOL % (replicas, call % pool)):
        value = one.fixes[0].changes[0].value
        assert isinstance(value, int)
        assert of("pool-too-small", _POOL % (replicas, call % value)) == []
        assert of("pool-too-small", _POOL % (replicas, call % (value - 1))) if value > 1 else True
