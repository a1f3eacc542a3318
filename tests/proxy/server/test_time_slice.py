"""Turns: long work lets others work, short work does not wait for them."""

from __future__ import annotations

import asyncio
import time

import pytest

from brownout_proxy.server.time_slice import LONGEST, TURN, TimeSlices, time_slice


@pytest.mark.parametrize(("seconds", "others_worked"), [(0.0, False), (TURN * 2, True)])
def test_others_get_their_turn_after_a_long_one(seconds: float, others_worked: bool) -> None:
    async def work() -> bool:
        worked = asyncio.Event()
        turns = TimeSlices()
        asyncio.get_running_loop().call_soon(worked.set)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pass
        if not seconds:
            turns._over += 10  # a machine that pauses right here has not made it a long turn
        await turns.end()
        return worked.is_set()

    assert asyncio.run(work()) is others_worked


@pytest.mark.parametrize(
    ("others", "ours"), [(0, TURN), (TURN / 2, TURN), (TURN * 3, TURN * 3), (LONGEST, LONGEST), (LONGEST * 9, LONGEST)]
)
def test_a_turn_is_as_long_as_that_of_the_others_within_bounds(others: float, ours: float) -> None:
    assert time_slice(others) == ours


def test_many_works_share_the_longest_turn_as_everybody_waits_for_all_of_them() -> None:
    assert time_slice(LONGEST * 9, works=4) == LONGEST / 4
    assert time_slice(0, works=1000) == LONGEST / 1000
