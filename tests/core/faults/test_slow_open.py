"""slow_open: the dial is late, bytes are not its business."""

from __future__ import annotations

from brownout_core.faults import make
from tests.support.builders.fault_stages import site


def test_the_dial_waits_and_bytes_do_not() -> None:
    fault = make("slow_open", {"delay": "2s"}, text=True)
    assert fault.dial_delay() == 2
    assert fault.stage(site()) is None
