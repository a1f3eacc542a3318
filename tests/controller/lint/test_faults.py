"""Faults that nothing notices, that come too late, and that miss what is open."""

from __future__ import annotations

import pytest

from tests.controller.lint.table import codes

NOTHING = ["fault-does-nothing"]
FAINT = ["fault-hardly-noticeable"]
OPENING = ["fault-misses-open-connections"]


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("fault: {noop: true}", NOTHING),
        ("fault: {latency: 3s, toxicity: 0}", NOTHING),
        ("fault: {latency: 3s, toxicity: 50%}", []),
        ("fault: {latency: 3s, clients: [203.0.113.0/24, 'ff02::/16']}", NOTHING),
        ("fault: {latency: 3s, clients: [203.0.113.0/24, 10.0.0.0/8]}", []),
        ("fault: {bandwidth: 100GB/s}", NOTHING),
        ("fault: {bandwidth: 1GB/s}", FAINT),
        ("fault: {bandwidth: 1MB/s}", []),
        ("faults: [{latency: 3s}, {stall: 0%}]", NOTHING),
        ("fault: {limit_data: 2GB}", FAINT),
        ("fault: {limit_data: 4KB}", []),
        ("fault: {latency: 3s, toxicity: 0.1%}", FAINT),  # 20/s for 30 s: 0.6 of a request
        ("fault: {latency: 3s, toxicity: 1%}", []),
    ],
)
def test_a_fault_that_nothing_notices(fault: str, found: list[str]) -> None:
    assert codes(fault) == found


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("fault: {cut: 30s}", ["fault-after-the-end"]),
        ("faults: [{latency: 3s}, {cut: 2m}]", ["fault-after-the-end"]),
        ("fault: {cut: 29s}", []),
        ("fault: {timeout: 60s}", []),  # it swallows from the first moment on
    ],
)
def test_a_fault_that_acts_after_its_own_end(fault: str, found: list[str]) -> None:
    assert codes(fault) == found


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("fault: {slow_open: 3s}", OPENING),
        ("fault: {slow_close: 3s}", OPENING),
        ("fault: {latency: 3s, first: 3}", OPENING),
        ("fault: {latency: 3s, every: 2}", OPENING),
        ("faults: [{slow_open: 3s}, {reset_peer: 0s, direction: upstream}]", []),
        ("faults: [{refuse: true}, {timeout: 2s}]", []),
        ("faults: [{refuse: true}, {timeout: 0s}]", OPENING),  # which ends none
        ("faults: [{refuse: true}, {cut: 0s, first: 1}]", [*OPENING, *OPENING]),
    ],
)
def test_a_fault_that_a_pool_does_not_meet(fault: str, found: list[str]) -> None:
    assert codes(fault) == found
