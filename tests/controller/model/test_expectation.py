"""What a value must be: read, held against, and shown as limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brownout_controller.model.expectation import parse


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("< 2s", [0, 1.999], [2, 3]),
        ("<= 340ms", [0.34], [0.341]),
        ("> 5%", [0.051], [0.05]),
        (">= 0.995", [0.995, 1], [0.99]),
        ("== 0", [0, 1e-13], [1]),
        ("!= 0", [1], [0]),
        ("between 0.2 and 0.8", [0.2, 0.5, 0.8], [0.1, 0.9]),
        (">= 10MB/s", [1e7], [9e6]),
        ("< 1e3", [999], [1000]),
        ("< 2 s", [1], [3]),
        ("< 2m", [119], [121]),  # minutes
    ],
)
def test_a_value_meets_it_or_not(text: str, good: list[float], bad: list[float]) -> None:
    expectation = parse(text)
    assert str(expectation) == text
    assert all(expectation.holds(value) for value in good)
    assert not any(expectation.holds(value) for value in bad)


@pytest.mark.parametrize(
    ("text", "baseline", "good", "bad"),
    [
        (">= 0.98 * baseline", 100, [98, 100], [97.9]),
        ("<= baseline + 50ms", 0.1, [0.15], [0.151]),
        ("<= 1.5 * baseline - 1", 10, [14], [14.1]),
        ("between 0.5*baseline and 2 * baseline", 4, [2, 8], [1.9, 8.1]),
    ],
)
def test_it_may_speak_of_the_baseline(text: str, baseline: float, good: list[float], bad: list[float]) -> None:
    expectation = parse(text)
    assert expectation.needs_baseline
    assert all(expectation.holds(value, baseline) for value in good)
    assert not any(expectation.holds(value, baseline) for value in bad)
    assert not any(expectation.holds(value) for value in good), "without a baseline nothing is known"
    assert expectation.limits() == (None, None)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("< 2s", (None, 2.0)), (">= 5%", (0.05, None)), ("== 3", (3.0, 3.0)), ("!= 3", (None, None)),
        ("between 1 and 2", (1.0, 2.0)),
    ],
)  # fmt: skip
def test_its_limits_are_what_a_plot_shows(text: str, limits: tuple[float | None, float | None]) -> None:
    assert parse(text).limits() == limits


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("< 1%", True), ("<= 1", False), ("< 2", False), ("> 1", False), (">= 0", False), ("> 0", True), ("== 0", True),
        ("== 2", False), ("!= 0.5", True), ("!= 2", False), ("between 0.2 and 0.8", True), ("between 0 and 1", False),
        ("between 2 and 3", False), ("between -1 and 0", True), ("<= 3 * baseline", True),
    ],
)  # fmt: skip
def test_one_that_all_values_meet_or_none_tests_nothing(text: str, tests: bool) -> None:
    assert parse(text).tests(0.0, 1.0) == tests


def test_it_knows_what_it_is_written_in() -> None:
    assert parse("between 10 ms and 2 * baseline + 1S").units == ("ms", "s")
    assert parse("< 1e3").units == ()
    assert parse("> 15/s").low.offset == 15


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2s", "is not an expectation; write it like '< 2s'"),
        ("0.5", "is not an expectation"),
        ("", "is not an expectation"),
        ("< soon", "'soon' is not a quantity"),
        ("< 2 parsecs", "unknown unit 'parsecs'"),
        ("between 2 and 1", "the first number is the larger one"),
        ("=< 2", "is not an expectation"),
        ("< baseline * 2", "is not a quantity"),
        ("< 2 baseline", "unknown unit"),
    ],
)
def test_what_is_none_is_refused_with_the_remedy(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="write it like") as refusal:
        parse(text)
    assert told in str(refusal.value)


@given(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_nan_meets_nothing(comparison: str, number: float) -> None:
    assert not parse(f"{comparison} {number:.6g}").holds(math.nan)


@pytest.mark.parametrize(
    "text", ["between" + " " * 900 + "1", "between a" + " and" * 200, "< " + "1" * 900 + "x", "< 1" + " " * 900 + "!"]
)
def test_a_long_one_is_read_in_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse(text)


def test_one_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="may have 1,000 characters"):
        parse("< " + "1" * 1000)
