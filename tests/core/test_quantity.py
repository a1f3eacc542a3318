"""Units by their codes, and those of journals that have none."""

from __future__ import annotations

import pytest

from brownout_core.quantity import UNITS, code_of, guessed
from brownout_core.units import MILLISECONDS


def test_every_unit_has_one_code() -> None:
    assert [code_of(unit) for unit in UNITS.values()] == list(UNITS)
    assert code_of(MILLISECONDS) == "", "which nothing is measured in"


@pytest.mark.parametrize(
    ("expect", "declared", "code"),
    [
        ("< 200ms", {}, "s"),
        ("< 1%", None, "share"),
        (">= 10MB", {}, "B"),
        (">= 10MB/s", {}, "B/s"),
        ("between 1s and 2s", {}, "s"),
        ("<= baseline + 50ms", {}, "s"),
        ("<= 1.5 * baseline", {"traffic": "p99"}, "s"),
        ("<= 0.01", {"traffic": {"measure": "errors"}}, "share"),
        (">= 1", {"edge": "bytes_up"}, "B/s"),
        ("<= 1.5 * baseline", {}, ""),
        (">= 3", {"traffic": "rate"}, ""),
        (">= 3", {"traffic": ["nonsense"]}, ""),
    ],
)
def test_an_older_journal_has_the_unit_of_the_measure_or_of_the_expectation(
    expect: str, declared: object, code: str
) -> None:
    assert guessed(expect, declared) == code
