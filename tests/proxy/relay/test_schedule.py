"""What waits keeps its order and its times, whatever happens to the faults."""

from __future__ import annotations

import math
from typing import Any

from brownout_core.faults.chain import Chain
from brownout_proxy.relay.schedule import TURN, Schedule
from tests.support.builders.fault_stages import stage


class Counter:
    hits = 0


def _chain(kind: str, **attributes: Any) -> Chain:
    return Chain([(stage(kind, **attributes), Counter())])


def _take_all(schedule: Schedule, now: float) -> bytes:
    parts = []
    while (piece := schedule.take(now)) is not None:
        parts.append(piece.content())
    return b"".join(parts)


def test_bytes_are_due_when_their_delay_has_passed_since_they_arrived() -> None:
    schedule = Schedule()
    schedule.use(_chain("latency", latency="1s"), 0)
    schedule.push(5.0, b"abc")
    schedule.plan(5.5)
    assert schedule.next_due == 6.0
    assert schedule.take(5.9) is None
    assert _take_all(schedule, 6.0) == b"abc"
    assert schedule.empty


def test_a_shorter_delay_acts_from_when_the_bytes_arrived() -> None:
    schedule = Schedule()
    schedule.use(_chain("latency", latency="10s"), 0)
    schedule.push(0.0, b"abc")
    schedule.plan(0.0)
    schedule.recall(1.0)
    schedule.use(_chain("latency", latency="2s"), 1.0)
    schedule.plan(1.0)
    assert schedule.next_due == 2.0


def test_what_a_rate_has_let_go_is_not_held_again() -> None:
    schedule = Schedule()
    schedule.use(_chain("latency", latency="1s"), 0)
    schedule.push(0.0, bytes(1_000_000))
    schedule.plan(0.0)
    schedule.recall(0.5)
    schedule.use(_chain("bandwidth", rate=0), 0.5)
    schedule.plan(0.5)
    assert len(_take_all(schedule, 0.5)) == 1_000_000
    schedule.push(0.5, b"new")
    schedule.plan(0.5)
    assert (schedule.next_due, schedule.next_plan, schedule.backed_up) == (math.inf, math.inf, True)


def test_a_rate_is_planned_only_a_moment_ahead() -> None:
    schedule = Schedule()
    schedule.use(_chain("bandwidth", rate="100KB/s"), 0)
    schedule.push(0.0, bytes(100_000))
    schedule.plan(0.0)
    assert 0 < schedule.next_plan < 0.03
    assert len(_take_all(schedule, 0.1)) <= 3000


def test_many_small_pieces_are_planned_in_turns() -> None:
    schedule = Schedule()
    schedule.use(_chain("slicer", average_size=1), 0)
    schedule.push(0.0, bytes(TURN + 1))
    schedule.plan(0.0)
    assert schedule.next_plan == 0.0
    assert len(_take_all(schedule, 0.0)) == TURN
    schedule.plan(0.0)
    assert len(_take_all(schedule, 0.0)) == 1


def test_the_end_waits_for_the_bytes_but_an_abrupt_end_does_not() -> None:
    schedule = Schedule()
    schedule.use(_chain("bandwidth", rate=0), 0)
    schedule.push(0.0, b"stuck")
    schedule.plan(0.0)
    assert schedule.end_due(1.0, abrupt=False) == math.inf
    assert schedule.end_due(1.0, abrupt=True) == 1.0


def test_release_gives_everything_at_once_in_order() -> None:
    schedule = Schedule()
    schedule.push(0.0, b"ab")
    schedule.push(0.0, b"cd")
    assert schedule.release() == [b"ab", b"cd"]
    assert (schedule.offset, schedule.held, schedule.empty) == (4, 0, True)
