"""reset_peer: RST at its time, at once by default."""

from __future__ import annotations

import math

from tests.support.builders.fault_stages import site, stage


def test_it_resets_after_its_time_and_lets_nothing_pass_until_then() -> None:
    one = stage("reset_peer", site(start=10), timeout=500)
    assert one.alarm() == (10.5, "reset")
    assert (one.swallows, one.close_delay()) == ("reset", math.inf)
    assert stage("reset_peer", site(start=10)).alarm() == (10, "reset")
