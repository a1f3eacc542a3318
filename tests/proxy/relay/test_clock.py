"""Timers fire in order, at their time or after it, on both event loops and with both alarms."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

import pytest
import uvloop

from brownout_proxy.relay import clock as clock_module
from brownout_proxy.relay.clock import LoopClock
from tests.support.running import SECONDS

HOUR: Final = 3600.0
LOOPS: Final = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
ALARMS: Final = ("_TimerFd", "_LoopTimer") if sys.platform == "linux" else ("_LoopTimer",)


@pytest.fixture(params=LOOPS)
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner


@pytest.fixture(params=ALARMS)
def clock(
    request: pytest.FixtureRequest, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoopClock]:
    monkeypatch.setattr(clock_module, "_TimerFd", getattr(clock_module, request.param))
    monkeypatch.setattr(clock_module, "_LoopTimer", getattr(clock_module, request.param))
    clock = LoopClock(runner.get_loop())
    yield clock
    clock.close()


def _nothing() -> None:
    pass


def wait(runner: asyncio.Runner, clock: LoopClock, *, after: float = 0.0, then: Callable[[], object] = int) -> None:
    """Turns the loop until a timer has fired that is due so many seconds from now, and calls `then` there."""

    async def fired() -> None:
        event = asyncio.Event()
        then()
        clock.call_at(clock.now() + after, event.set)
        async with asyncio.timeout(SECONDS):
            await event.wait()

    runner.run(fired())


def test_a_timer_is_never_early(runner: asyncio.Runner, clock: LoopClock) -> None:
    late: list[float] = []

    def start() -> None:
        now = clock.now()
        for step in range(150):
            due = now + step * 0.00037
            clock.call_at(due, lambda due=due: late.append(clock.now() - due))  # type: ignore[misc]

    wait(runner, clock, after=0.06, then=start)
    assert len(late) == 150
    assert min(late) >= 0


def test_timers_fire_in_order_of_time_and_then_of_setting(runner: asyncio.Runner, clock: LoopClock) -> None:
    fired: list[str] = []

    def start() -> None:
        now = clock.now()
        for name, due in (("late", 0.02), ("early", 0.005), ("middle", 0.01), ("middle too", 0.01)):
            clock.call_at(now + due, lambda name=name: fired.append(name))  # type: ignore[misc]

    wait(runner, clock, after=0.021, then=start)
    assert fired == ["early", "middle", "middle too", "late"]


def test_a_time_that_is_past_means_as_soon_as_possible(runner: asyncio.Runner, clock: LoopClock) -> None:
    wait(runner, clock, after=-HOUR)
    wait(runner, clock, after=-clock.now())


def test_a_cancelled_timer_does_not_fire(runner: asyncio.Runner, clock: LoopClock) -> None:
    fired: list[str] = []
    for due in (0.0, 0.001, 0.002):
        clock.call_at(clock.now() + due, lambda: fired.append("no")).cancel()
    assert clock.pending == 0
    wait(runner, clock, after=0.004)
    assert fired == []


def test_a_timer_may_cancel_one_that_is_due_with_it(runner: asyncio.Runner, clock: LoopClock) -> None:
    fired: list[str] = []
    due = clock.now()
    clock.call_at(due, lambda: second.cancel())  # noqa: PLW0108  # it does not exist yet
    second = clock.call_at(due, lambda: fired.append("no"))
    wait(runner, clock)
    assert fired == []


def test_a_timer_may_set_others(runner: asyncio.Runner, clock: LoopClock) -> None:
    fired: list[float] = []

    def again() -> None:
        fired.append(clock.now())
        if len(fired) < 5:
            clock.call_at(clock.now() + 0.001, again)

    wait(runner, clock, after=0.1, then=again)
    assert len(fired) == 5
    assert all(later - earlier >= 0.001 for earlier, later in pairwise(fired))


def test_many_timers_all_fire(runner: asyncio.Runner, clock: LoopClock) -> None:
    fired: list[int] = []

    def start() -> None:
        now = clock.now()
        for number in reversed(range(20_000)):
            clock.call_at(now + number * 1e-6, lambda number=number: fired.append(number))  # type: ignore[misc]

    wait(runner, clock, after=0.03, then=start)
    assert fired == list(range(20_000))
    assert clock.pending == 0


def test_cancelled_timers_do_not_pile_up(clock: LoopClock) -> None:
    kept = [clock.call_at(clock.now() + HOUR, _nothing) for _ in range(100)]
    for _ in range(20_000):
        clock.call_at(clock.now() + HOUR, _nothing).cancel()
    assert len(clock._heap) < 1_000
    assert clock.pending == len(kept)


def test_a_timer_that_fails_stops_no_other(
    runner: asyncio.Runner, clock: LoopClock, caplog: pytest.LogCaptureFixture
) -> None:
    fired: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    due = clock.now()
    clock.call_at(due, fail)
    clock.call_at(due, lambda: fired.append("yes"))
    wait(runner, clock, after=0.001)
    assert fired == ["yes"]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


@pytest.mark.parametrize("due", [1e10, 1e25, 1e300])
def test_a_time_beyond_all_clocks_is_never_and_holds_up_nobody(
    runner: asyncio.Runner, clock: LoopClock, due: float
) -> None:
    fired: list[str] = []
    clock.call_at(due, lambda: fired.append("no"))
    wait(runner, clock, after=0.001)
    assert fired == []
    assert clock.pending == 1


def test_a_closed_clock_fires_nothing(runner: asyncio.Runner) -> None:
    fired: list[str] = []
    closed, other = LoopClock(runner.get_loop()), LoopClock(runner.get_loop())
    closed.call_at(closed.now(), lambda: fired.append("no"))
    closed.close()
    wait(runner, other, after=0.002)
    other.close()
    assert fired == []


def test_a_timer_that_is_set_again_for_now_lets_the_loop_go_on_first(runner: asyncio.Runner, clock: LoopClock) -> None:
    order: list[str] = []

    def again() -> None:
        order.append("timer")
        runner.get_loop().call_soon(order.append, "loop")
        if order.count("timer") < 5:
            clock.call_at(0.0, again)

    clock.call_at(0.0, again)
    wait(runner, clock, after=0.05)
    assert order[:4] == ["timer", "loop", "timer", "loop"]


def test_timers_that_take_long_let_the_loop_go_on_and_keep_their_order(
    runner: asyncio.Runner, clock: LoopClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "_TURN", 0.0)
    order: list[str] = []

    def work(name: str) -> Callable[[], None]:
        def fire() -> None:
            order.append(name)
            runner.get_loop().call_soon(order.append, "loop")

        return fire

    def set_all() -> None:
        for name in "abc":
            clock.call_at(0.0, work(name))
        assert clock.pending == 3

    wait(runner, clock, after=0.05, then=set_all)
    assert order == ["a", "loop", "b", "loop", "c", "loop"]
    assert clock.pending == 0
