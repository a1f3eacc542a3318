"""The traffic probe reads the run's load."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from brownout_controller.model.probe import ProbeContext, ProbeError, Reading
from brownout_controller.probes.load_stats import PERCENTILES
from brownout_controller.probes.traffic import TrafficProbe
from tests.controller.probes.ground import measured


class _Load:
    def measure(self, what: str, window: float) -> Reading:
        return Reading(window, what)


@pytest.mark.parametrize("what", [*PERCENTILES, "errors", "rate"])
async def test_it_asks_the_load_for_its_measure_over_the_window(what: str) -> None:
    assert await measured(TrafficProbe.model_validate({"measure": what}), ProbeContext(traffic=_Load()), 7) == Reading(
        7, what
    )


def test_without_traffic_it_says_so() -> None:
    with pytest.raises(ProbeError, match="no `traffic`"):
        TrafficProbe(measure="p99").open(ProbeContext())


def test_an_unknown_measure_is_refused() -> None:
    with pytest.raises(ValidationError):
        TrafficProbe.model_validate({"measure": "p42"})
