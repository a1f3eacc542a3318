"""Rates of the proxy's own counters."""

from __future__ import annotations

import pytest

from brownout_controller.model.probe import Counters, ProbeContext, ProbeError, Reading
from brownout_controller.probes.edge import EdgeProbe, Rates
from tests.controller.probes.ground import measured, opened


class _Proxy:
    def __init__(self) -> None:
        self.counters = Counters(0, 0, 0, 0, {})

    async def read(self) -> Counters:
        return self.counters


def test_a_rate_is_over_the_window() -> None:
    rates = Rates()
    assert rates.add(100.0, 50, 2).value is None
    assert rates.add(101.0, 60, 2).value == 10
    assert rates.add(102.0, 80, 2).value == 15
    assert rates.add(103.0, 80, 2) == Reading(10, "", 20.0)


def test_a_window_shorter_than_the_pace_looks_back_to_the_last_reading_only() -> None:
    rates = Rates()
    rates.add(100.0, 0, 1)
    rates.add(105.0, 1000, 1)
    assert rates.add(110.0, 1050, 1).value == 10


def test_counters_that_begin_anew_are_no_data_once() -> None:
    rates = Rates()
    rates.add(100.0, 500, 10)
    reading = rates.add(101.0, 20, 10)
    assert reading.value is None
    assert "restarted" in reading.why
    assert rates.add(102.0, 30, 10).value == 10


@pytest.mark.parametrize(
    ("measure", "events"),
    [("connections", 1), ("dial_failures", 2), ("bytes_up", 3), ("bytes_down", 4), ("hits", 11)],
)
async def test_each_measure_is_its_counter(measure: str, events: float) -> None:
    proxy = _Proxy()
    async with opened(EdgeProbe.model_validate({"measure": measure}), ProbeContext(edge=proxy)) as probe:
        assert (await probe.measure(10)).value is None
        proxy.counters = Counters(1, 2, 3, 4, {"latency": 5, "cut": 6})
        reading = await probe.measure(10)
        assert reading.events == events
        assert reading.value is not None
        assert reading.value > 0


async def test_without_a_proxy_there_is_no_edge_to_read() -> None:
    with pytest.raises(ProbeError, match="no proxy on the edge"):
        await measured(EdgeProbe(measure="hits"))
