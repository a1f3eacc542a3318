"""An active fault starts without a hit."""

from __future__ import annotations

from brownout_proxy.faults import make
from brownout_proxy.faults.active import ActiveFault
from brownout_proxy.faults.spec import FaultSpec


def test_it_starts_with_nothing_counted() -> None:
    active = ActiveFault(FaultSpec("f", make("noop", {})), since=3)
    assert (active.hits, active.connections, active.since) == (0, 0, 3)
