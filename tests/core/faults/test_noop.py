"""noop: nothing."""

from __future__ import annotations

from brownout_core.faults import make
from tests.support.builders.fault_stages import site


def test_it_does_nothing() -> None:
    fault = make("noop", {})
    assert fault.stage(site()) is None
    assert not fault.refuses
    assert fault.attributes() == {}
