"""Texts of others, and numbers for people."""

from __future__ import annotations

import math

import pytest

from brownout_core import formatting
from brownout_core.quantity import BYTES_PER_SECOND, PER_SECOND
from brownout_core.units import COUNT, SECONDS, SHARE, Unit


def test_clipped_text_says_so() -> None:
    assert formatting.clipped("abcdef", 6) == "abcdef"
    assert formatting.clipped("abcdefg", 6) == "abcde…"


def test_rates_are_a_second() -> None:
    assert formatting.quantity(2_500_000.0, BYTES_PER_SECOND) == "2.5MB/s"
    assert formatting.quantity(20.0, PER_SECOND) == "20/s"
    assert formatting.quantity(10_000.0, PER_SECOND) == "10,000/s"
    counts = {9999.0: "9999", 1e4: "10,000", 1_234_567.0: "1,235,000", 2e15: "2e+15"}
    assert {value: formatting.quantity(value) for value in counts} == counts


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.306098, SECONDS, "306ms"),
        (0.0123, SHARE, "1.23%"),
        (0.0, SHARE, "0"),
        (1234.5678, COUNT, "1235"),
        (None, SECONDS, "no data"),
        (math.nan, SECONDS, "no data"),
        (1.7976931348623157e308, SECONDS, "∞"),
        (-math.inf, COUNT, "−∞"),
    ],
)
def test_a_value_has_the_digits_that_a_person_reads(value: float | None, unit: Unit, said: str) -> None:
    assert formatting.quantity(value, unit) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "unknown"), (0.0084, "8 ms"), (1.98, "2.0 s"), (120.0, "120 s"), (7200.0, "120 min")],
)
def test_a_time_is_as_exact_as_it_is_short(value: float | None, said: str) -> None:
    assert formatting.seconds(value) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (0.64, "64 %"), (1, "100 %"), (3, "300 %"), (0.0002, "0.02 %"), (1 / 3, "33.33 %")],
)
def test_a_share_in_a_sentence_is_percent(share: float, said: str) -> None:
    assert formatting.percent(share) == said


def test_a_share_may_be_told_in_fewer_digits() -> None:
    assert [formatting.percent(share, 2) for share in (0.00123, 0.996, 1)] == ["0.12 %", "100 %", "100 %"]


def test_wrapped_text_keeps_long_names_whole_and_is_clean() -> None:
    assert formatting.wrapped("a services.orders-api.calls\x1b b", 12, "- ", "  ") == [
        "- a", "  services.orders-api.calls\\x1b", "  b",
    ]  # fmt: skip


def test_a_start_that_is_no_time_is_shown_as_it_is() -> None:
    assert formatting.clock("2026-11-24T10:00:00.000+00:00", 61) == "2026-11-24 10:01:01 UTC"
    assert formatting.clock("yesterday\n", 61) == "yesterday"
    assert formatting.clock("2026-11-24T10:00:00+00:00", 1e300) == "2026-11-24T10:00:00+00:00"


@pytest.mark.parametrize(
    ("at", "said"),
    [(0.0, "0.0 s"), (12.34, "12.3 s"), (599.9, "599.9 s"), (659.7, "11 min 0 s"), (3601.0, "60 min 1 s")],
)
def test_a_moment_of_a_long_run_is_in_minutes(at: float, said: str) -> None:
    assert formatting.moment(at) == said
