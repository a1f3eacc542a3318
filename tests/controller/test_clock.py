"""The clock is the running loop's, in full digits; where no loop runs it is the machine's."""

from __future__ import annotations

import asyncio
import time

import pytest

from brownout_controller import clock


class Shifted(asyncio.SelectorEventLoop):
    def time(self) -> float:
        return super().time() + 1e6


async def read() -> float:
    return clock.now()


def test_a_loop_with_a_time_of_its_own_is_the_clock() -> None:
    with asyncio.Runner(loop_factory=Shifted) as runner:
        assert runner.run(read()) - time.monotonic() == pytest.approx(1e6, abs=60)


def test_where_no_loop_runs_it_is_the_clock_of_the_machine() -> None:
    before = time.monotonic()
    assert before <= clock.now() <= time.monotonic()


def test_uvloop_whose_clock_is_rounded_is_not_asked() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def digits() -> tuple[float, float, float]:
        return time.monotonic(), clock.now(), time.monotonic()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        before, now, after = runner.run(digits())
    assert before <= now <= after
