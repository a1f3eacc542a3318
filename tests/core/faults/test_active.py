"""An active fault starts without a hit."""

from __future__ import annotations

from brownout_core.faults import make
from brownout_core.faults.active import ActiveFault
from brownout_core.faults.spec import FaultSpec, Selection


def test_it_starts_with_nothing_counted() -> None:
    active = ActiveFault(FaultSpec("f", make("noop", {})))
    assert (active.hits, active.connections, active.ordinals.used, active.left) == (0, 0, 0, None)


def test_what_is_left_of_the_first_is_counted_down_to_nothing() -> None:
    active = ActiveFault(FaultSpec("f", make("noop", {}), selection=Selection(first=2)))
    left = [active.left]
    for connection in range(3):
        active.ordinals.give(connection)
        left.append(active.left)
    assert left == [2, 1, 0, 0]
