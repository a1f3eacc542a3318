"""Phases that are too short for what is measured in them."""

from __future__ import annotations

import pytest

from tests.controller.lint import table
from tests.controller.lint.table import claims

WORKS = "traffic: errors, expect: < 1%, window: 2s"


def codes(keys: str) -> list[str]:
    """With a fault that is shorter than the windows."""
    return table.codes(f"fault: {{latency: 1s}}\n{keys}")


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("duration: 8s", ["duration-below-timeout"]),  # traffic.timeout is 10 s
        ("duration: 10s", []),
    ],
)
def test_a_request_that_hangs_outlives_a_short_fault(keys: str, found: list[str]) -> None:
    assert codes(f"{keys}\n{claims(WORKS)}") == found


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ('http: {url: "http://h/x", measure: ok}, expect: == 1, timeout: 15s', ["duration-below-timeout"]),
        ('http: {url: "http://h/x", measure: ok, within: 1s}, expect: == 1, timeout: 15s', []),
        ('tcp: "h:1", expect: < 2s, timeout: 15s', ["duration-below-timeout"]),
        ('tcp: "h:1", expect: < 2s', []),
    ],
)
def test_so_does_a_measurement_of_any_probe(claim: str, found: list[str]) -> None:
    assert codes(f"duration: 12s\n{claims(WORKS, claim)}") == found


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("baseline: 4s", ["few-samples"]),
        ("baseline: 5s", []),
        ("duration: 30s\nrecovery: 4.9s", ["few-samples"]),
        ("baseline: 4s\nrecovery: 4s", ["few-samples", "few-samples"]),
    ],
)
def test_a_phase_has_time_for_three_measurements(keys: str, found: list[str]) -> None:
    assert codes(f"{keys}\n{claims(WORKS, f'{WORKS}, every: 900ms')}") == found


def test_a_phase_that_a_claim_does_not_name_may_be_short() -> None:
    assert codes(f"recovery: 4s\n{claims(f'{WORKS}, when: [baseline, during]')}") == []


def test_recover_within_is_held_against_the_recovery() -> None:
    assert codes(claims(f"{WORKS}, recover_within: 31s")) == ["recover-within-beyond-recovery"]
    assert codes(claims(f"{WORKS}, recover_within: 30s")) == []


def test_windows_touch_each_other() -> None:
    assert codes(claims(f"{WORKS}, every: 3s")) == ["gaps-between-windows"]
    assert codes(claims(f"{WORKS}, every: 2s")) == []
    assert codes(claims(WORKS, 'tcp: "h:1", expect: < 1s, window: 1s, every: 3s')) == []  # it does not look back


def test_min_events_is_held_against_the_load() -> None:
    assert codes(claims(f"{WORKS}, min_events: 41")) == ["min-events-out-of-reach"]  # 20/s for 2 s
    assert codes(claims(f"{WORKS}, min_events: 40")) == []
