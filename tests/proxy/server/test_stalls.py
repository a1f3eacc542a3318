"""The twin of server/stalls.py: a beat that comes late is a stall, however late it is looked at."""

from __future__ import annotations

import pytest

from brownout_proxy.server.stalls import BEAT, Stalls
from tests.support.fakes.relay import VirtualClock


def test_a_loop_that_keeps_its_time_has_no_stall() -> None:
    clock = VirtualClock()
    meter = Stalls(clock).watch()
    clock.advance(10)
    assert meter.take() == 0


def test_each_meter_has_the_longest_since_it_was_last_asked() -> None:
    clock = VirtualClock()
    stalls = Stalls(clock)
    first = stalls.watch()
    clock.time += 3  # with no timer fired: the process was stopped
    clock.advance(1)
    second = stalls.watch()
    clock.time += 0.5
    clock.advance(1)
    assert first.take() == pytest.approx(3 - BEAT, abs=BEAT)
    assert second.take() == pytest.approx(0.5, abs=BEAT)
    assert (first.take(), second.take()) == (0, 0)


def test_a_stall_is_known_before_the_beat_that_it_delays() -> None:
    clock = VirtualClock()
    meter = Stalls(clock).watch()
    clock.time += 3
    assert meter.take() == pytest.approx(3, abs=BEAT)


def test_it_beats_only_while_somebody_watches() -> None:
    clock = VirtualClock()
    stalls = Stalls(clock)
    meter = stalls.watch()
    stalls.leave(meter)
    stalls.leave(meter)
    clock.time += 3
    assert stalls.watch().take() == 0, "nobody watched then"
