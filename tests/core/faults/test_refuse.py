"""refuse: for new connections, so bytes are not its business."""

from __future__ import annotations

from brownout_core.faults import make
from tests.support.builders.fault_stages import site


def test_it_refuses_and_touches_no_byte() -> None:
    assert make("refuse", {}).refuses
    assert make("refuse", {}).stage(site()) is None
