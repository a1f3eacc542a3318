"""The stage of faults that end a connection at a time."""

from __future__ import annotations

from brownout_proxy.faults.alarm import Alarm


def test_without_a_time_it_never_rings() -> None:
    assert Alarm(None, "close").alarm() is None
    assert Alarm(1.0, "reset").alarm() == (1.0, "reset")
    assert Alarm(None, "close", swallows=True).swallows
