"""Claims that nothing misses, and tolerances that forgive what is missed."""

from __future__ import annotations

import pytest

from tests.controller.lint.table import claims, codes

WORKS = "traffic: errors, expect: < 1%"


def _codes(*texts: str, keys: str = "") -> list[str]:
    return codes(f"{keys}\n{claims(WORKS, *texts)}")


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ('sql: {dsn: "postgres://h/x", query: "select count(*) from orders"}, expect: ">= 0"', ["claim-always-holds"]),
        ('sql: {dsn: "postgres://h/x", query: "select count(*) from orders"}, expect: "> 0"', []),
        ('sql: {dsn: "postgres://h/x", query: "select sum(balance) from accounts"}, expect: ">= 0"', []),
        ('redis: LLEN jobs, expect: "> -1"', ["claim-always-holds"]),
        ('redis: GET stock, expect: ">= 0"', []),
        ('prometheus: "sum(rate(x[${window}]))", expect: ">= 0"', ["claim-always-holds"]),
        ('prometheus: "sum(rate(x[${window}])) - sum(rate(y[${window}]))", expect: ">= 0"', []),
        ('edge: connections, expect: ">= -2 * baseline - 1"', ["claim-always-holds"]),
        ('edge: connections, expect: ">= 0.5 * baseline - 1/s"', []),
    ],
)
def test_a_claim_that_every_value_meets(claim: str, found: list[str]) -> None:
    assert _codes(claim) == found


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ('tcp: "h:1", expect: < 6s', ["limit-beyond-timeout"]),
        ('tcp: "h:1", expect: < 6s, timeout: 10s', []),
        ('http: "http://h/x", expect: < 2.5s', []),
        ('http: {url: "http://h/x", measure: status}, expect: < 500', []),
    ],
)
def test_a_limit_that_a_measurement_is_given_up_before(claim: str, found: list[str]) -> None:
    assert _codes(claim) == found


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ("< 5", ["exit-code-as-number"]),
        ("between 0 and 10", ["exit-code-as-number"]),
        ("'>= 0'", ["exit-code-as-number"]),
        ("<= 0", ["exit-code-of-signal"]),
        ("== 0", []),
        ("'!= 0'", []),
    ],
)
def test_an_exit_code_is_no_number(expect: str, found: list[str]) -> None:
    assert _codes(f"command: ./count.sh, expect: {expect}") == found
    assert _codes(f"command: {{run: ./count.sh, measure: number}}, expect: {expect}") == []


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ("traffic: errors, expect: <= 90%", ["limit-that-nothing-misses"]),
        ("traffic: errors, expect: < 50%", []),
        ("traffic: p50, expect: '!= 1s'", ["limit-that-nothing-misses"]),
        ('http: {url: "http://h/x", measure: status}, expect: < 599', ["limit-that-nothing-misses"]),
    ],
)
def test_a_limit_as_wide_as_a_barn(claim: str, found: list[str]) -> None:
    assert _codes(claim) == found


@pytest.mark.parametrize(
    ("tolerate", "found"),
    [
        ("{failures: 14, of: 15}", ["tolerates-all-but-one"]),
        ("{consecutive: 20}", ["tolerates-all-but-one"]),  # 20 are due
        ("{consecutive: 16}", ["tolerates-most"]),
        ("{consecutive: 3}", []),
        ("{failures: 15, of: 20}", ["tolerates-most"]),
        ("{failures: 10, of: 20}", []),
    ],
)
def test_a_tolerance_is_held_against_the_samples_that_are_due(tolerate: str, found: list[str]) -> None:
    claim = f"traffic: errors, expect: < 1%, tolerate: {tolerate}"
    expected = ["tolerates-all-but-one"] if tolerate == "{failures: 14, of: 15}" else found
    keys = "duration: 25s" if tolerate == "{failures: 14, of: 15}" else ""  # 15 are due
    assert codes(f"{keys}\n{claims(claim)}") == expected


def test_a_tolerance_of_the_recovery_alone_is_about_when_it_holds_again() -> None:
    claim = "traffic: rate, expect: '> 5/s', when: [recovery], tolerate: {failures: 9, of: 10}"
    assert _codes(claim) == []


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ("edge: dial_failures, expect: <= 2 * baseline", ["relative-to-nothing"]),
        ("edge: dial_failures, expect: <= 2 * baseline + 1/s", []),
        ("edge: connections, expect: <= 2 * baseline", []),
        ("traffic: p99, expect: '<= 1 * baseline'", ["no-margin"]),
        ("traffic: rate, expect: '>= baseline'", ["no-margin"]),
        ('sql: {dsn: "postgres://h/x", query: "select max(id) from orders"}, expect: ">= baseline"', []),
    ],
)
def test_what_is_relative_leaves_room(claim: str, found: list[str]) -> None:
    assert _codes(claim) == found


def test_a_copy_is_known_by_what_it_measures_and_not_by_its_name() -> None:
    assert _codes(WORKS) == ["duplicate-claim"]
    assert _codes(f"{WORKS}, when: [recovery]") == []
    assert _codes("traffic: errors, expect: < 2%") == []
