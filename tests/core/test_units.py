"""Quantities are read as people write them, and written so that they read back the same."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_core.units import (
    BYTES,
    COUNT,
    KILOBYTES_PER_SECOND,
    MICROSECONDS,
    MILLISECONDS,
    SECONDS,
    SHARE,
    Unit,
    plain,
)


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        (MILLISECONDS, "30s", 30_000),
        (MILLISECONDS, " 1.5 s ", 1500),
        (MILLISECONDS, "250", 250),
        (MILLISECONDS, "2min", 120_000),
        (MICROSECONDS, "2ms", 2000),
        (SECONDS, "500us", 0.0005),
        (MICROSECONDS, "5\u00b5s", 5),  # the micro sign
        (MICROSECONDS, "5\u03bcs", 5),  # the Greek letter
        (KILOBYTES_PER_SECOND, "10MB/s", 10_000),
        (KILOBYTES_PER_SECOND, "8Mbit/s", 1000),
        (KILOBYTES_PER_SECOND, "1MiB/s", 1048.576),
        (BYTES, "64KiB", 65_536),
        (BYTES, "1k", 1000),
        (SHARE, "25%", 0.25),
        (SHARE, "1e-3", 0.001),
        (COUNT, "3", 3),
    ],
)
def test_a_quantity_is_read(unit: Unit, text: str, value: float) -> None:
    assert unit.parse(text) == value


@pytest.mark.parametrize("text", ["", "fast", "3 parsecs", "1s2", "--1", "1kb"])
def test_what_is_no_quantity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like 300ms or 1\.5s"):
        MILLISECONDS.parse(text)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (MILLISECONDS, 1500, "1.5s"),
        (MILLISECONDS, 0.5, "500us"),
        (MILLISECONDS, 1_000_000, "1000s"),
        (MILLISECONDS, 1_000_001, "1000001ms"),
        (KILOBYTES_PER_SECOND, 10_000, "10MB/s"),
        (BYTES, 0, "0"),
        (BYTES, 2_000_000, "2MB"),
        (SECONDS, 120, "2m"),
        (SHARE, 0.25, "25%"),
        (COUNT, 3, "3"),
        (COUNT, 1_234_567, "1234567"),
        (SHARE, 0.0025, "0.25%"),
    ],
)
def test_a_value_is_written_in_the_largest_unit_that_shows_it(unit: Unit, value: float, text: str) -> None:
    assert unit.format(value) == text


_UNITS = st.sampled_from([MILLISECONDS, MICROSECONDS, SECONDS, BYTES, KILOBYTES_PER_SECOND, SHARE, COUNT])


@settings(derandomize=True, deadline=None)
@given(_UNITS, st.integers(0, 10**9))
def test_what_is_written_reads_back_the_same(unit: Unit, value: int) -> None:
    assert unit.parse(unit.format(value)) == value


@settings(derandomize=True, deadline=None)
@given(_UNITS, st.floats(1e-3, 1e12))
def test_a_fraction_reads_back_to_eleven_digits(unit: Unit, value: float) -> None:
    assert math.isclose(unit.parse(unit.format(value)), value, rel_tol=1e-11)


@settings(derandomize=True, deadline=None)
@given(_UNITS, st.data())
def test_every_suffix_is_read_in_any_case_and_with_a_space(unit: Unit, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, 10**6))
    suffix = data.draw(st.sampled_from(["", *unit.suffixes]))
    value = unit.parse(f"{number}{suffix}")
    assert value == pytest.approx(number * unit.suffixes[suffix] / unit.base if suffix else number)
    assert unit.parse(f" {number} {suffix.upper()} ") == value


def test_whole_numbers_are_shown_without_a_fraction() -> None:
    assert repr(plain(100.0)) == "100"
    assert plain(0.5) == 0.5
    assert plain(float("inf")) == float("inf")
