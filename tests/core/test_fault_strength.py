"""What a fault can do at most, for each that there is."""

from __future__ import annotations

import ipaddress
import math
from typing import Any

import pytest

from brownout_core.fault_strength import BY_KIND, is_nobody, strength
from brownout_core.faults import KINDS, make


def test_every_fault_has_its_strength() -> None:
    assert set(BY_KIND) == set(KINDS.values())
    for kind in KINDS:
        assert strength(make(kind, {})).longest >= 0


@pytest.mark.parametrize(
    ("kind", "attributes", "idle"),
    [
        ("latency", {"latency": 0}, True),
        ("latency", {"latency": 0, "jitter": 100}, False),
        ("slow_open", {"delay": 0}, True),
        ("slow_open", {"delay": 1000}, False),
        ("slow_close", {"delay": 0}, True),
        ("slow_close", {"delay": 1}, False),
        ("stall", {"probability": 0}, True),
        ("stall", {"probability": 0.1, "duration": 0}, True),
        ("stall", {"probability": 0.1}, False),
        ("corrupt", {"probability": 0}, True),
        ("corrupt", {"probability": 1}, False),
        ("slicer", {"average_size": 0, "delay": 100}, True),
        ("slicer", {"average_size": 10}, False),
        ("bandwidth", {"rate": 100_000_000}, True),  # 100 GB/s
        ("bandwidth", {"rate": 0}, False),
        ("bandwidth", {"rate": 1000}, False),
        ("limit_data", {"bytes": 1 << 41}, True),
        ("limit_data", {"bytes": 0}, False),
        ("timeout", {"timeout": 0}, False),
        ("reset_peer", {"timeout": 0}, False),
        ("cut", {"after": 0}, False),
        ("refuse", {}, False),
        ("noop", {}, True),
    ],
)
def test_what_nothing_can_notice_is_known(kind: str, attributes: dict[str, Any], idle: bool) -> None:
    assert bool(strength(make(kind, attributes)).idle) == idle


@pytest.mark.parametrize(
    ("kind", "attributes", "seconds"),
    [
        ("latency", {"latency": 300, "jitter": 100}, 0.4),
        ("latency", {"latency": 0, "jitter": 1000, "distribution": "normal"}, 3.72),
        ("latency", {"latency": 0, "jitter": 1000, "distribution": "pareto"}, 20.5),
        ("slow_open", {"delay": 2000}, 2.0),
        ("slow_close", {"delay": 2000}, 0.0),
        ("stall", {"probability": 1, "duration": 200}, 0.2),
        ("bandwidth", {"rate": 1000}, 10.0),
        ("bandwidth", {"rate": 0}, math.inf),
        ("slicer", {"average_size": 1000, "delay": 1000}, 10.0),
        ("timeout", {"timeout": 1}, math.inf),
        ("cut", {"after": 1}, math.inf),
    ],
)
def test_how_long_an_answer_is_held_up(kind: str, attributes: dict[str, Any], seconds: float) -> None:
    assert strength(make(kind, attributes)).longest == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("network", "nobody"),
    [("224.0.0.0/8", True), ("192.0.2.7/32", True), ("0.0.0.0/32", True), ("ff02::1/128", True),
     ("0.0.0.0/0", False), ("10.0.0.0/8", False), ("127.0.0.1/32", False), ("::/0", False), ("fd00::/8", False)],
)  # fmt: skip
def test_from_where_no_client_connects(network: str, nobody: bool) -> None:
    assert is_nobody(ipaddress.ip_network(network)) == nobody
