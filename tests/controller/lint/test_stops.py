"""Stop conditions that end what is good, or nothing at all."""

from __future__ import annotations

import pytest

from tests.controller.lint.table import claims, codes

WORKS = "traffic: errors, expect: < 1%"


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ('traffic: errors, expect: < 10%, stop: "> 10%"', []),
        ('traffic: errors, expect: <= 10%, stop: ">= 10%"', []),  # they meet at one value, and that is nobody's
        ('traffic: p99, expect: < 2s, stop: "> 1s"', ["stop-within-expect"]),
        ('traffic: rate, expect: "> 10/s", stop: "< 15/s"', ["stop-within-expect"]),
        ('traffic: rate, expect: "> 10/s", stop: "< 5/s"', []),
        ('traffic: errors, expect: between 0 and 0.1, stop: "> 5%"', ["stop-within-expect"]),
        ("traffic: errors, expect: < 10%, stop: true", []),
    ],
)
def test_a_stop_begins_where_expect_ends(claim: str, found: list[str]) -> None:
    assert codes(claims(WORKS, claim)) == found


@pytest.mark.parametrize(
    ("stop", "found"),
    [("true", ["stop-does-not-forgive"]), ('"> 2%"', ["stop-does-not-forgive"]), ('"> 20%"', [])],
)
def test_a_stop_ends_what_tolerate_would_forgive(stop: str, found: list[str]) -> None:
    claim = f"traffic: errors, expect: < 2%, stop: {stop}"
    assert codes(claims(f"{claim}, tolerate: {{failures: 2, of: 10}}")) == found
    assert codes(claims(claim)) == []


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ('traffic: max, expect: < 2s, stop: "> 10s"', ["stop-out-of-reach"]),  # the timeout of the load
        ('traffic: max, expect: < 2s, stop: "> 9s"', []),
        ('http: "http://h/x", expect: < 2s, stop: "> 5s"', ["stop-out-of-reach"]),
        ('http: "http://h/x", expect: < 2s, stop: "> 5s", timeout: 8s', []),
        ('tcp: "h:1", expect: < 2s, stop: "> 6s"', ["stop-out-of-reach"]),
    ],
)
def test_a_stop_that_nothing_reaches(claim: str, found: list[str]) -> None:
    assert codes(claims(WORKS, claim)) == found
