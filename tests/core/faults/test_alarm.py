"""The stage of faults that end a connection at a time."""

from __future__ import annotations

import math

from brownout_core.faults.alarm import Alarm, Silence


def test_without_a_time_it_never_rings() -> None:
    assert Alarm(None, "close").alarm() is None
    assert Alarm(1.0, "reset").alarm() == (1.0, "reset")
    assert Alarm(None, "close").swallows is None


def test_what_lost_bytes_ends_as_the_alarm_would_end_it() -> None:
    assert Alarm(None, "close", swallows=True).swallows == "close"
    assert Alarm(1.0, "reset", swallows=True).swallows == "reset"


def test_silence_keeps_the_end_of_the_stream_too() -> None:
    silence = Silence(1.0, "reset")
    assert (silence.alarm(), silence.swallows, silence.close_delay()) == ((1.0, "reset"), "reset", math.inf)
