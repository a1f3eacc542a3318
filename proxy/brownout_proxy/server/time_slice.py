"""Long work on the loop in short turns, between which the connections have theirs."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar, Final

TURN: Final = 0.0001
"""Seconds of work after which others get their turn: while control is busy, p99 of the connections is longer by about
one (docs/decisions/0006)."""
LONGEST: Final = 0.002
"""Seconds that a turn may take when those of the others are long."""


def time_slice(others: float, works: int = 1) -> float:
    """How long the next turn may be after others had theirs for so many seconds: as long. With shorter ones a change
    would take for ever to reach thousands of connections while some of them keep the loop busy. So many `works` share
    the longest: the connections wait for all of them."""
    return min(max(TURN, others), LONGEST / works)


class TimeSlices:
    """The turns of one piece of work, the first of which begins now."""

    _waiting: ClassVar[int] = 0
    """Works that have ended a turn and not begun the next."""

    def __init__(self) -> None:
        self._over = time.monotonic() + TURN

    async def end(self) -> None:
        """Lets others work if this turn was long enough."""
        now = time.monotonic()
        if now >= self._over:
            TimeSlices._waiting += 1
            try:
                await asyncio.sleep(0)
            finally:
                works, TimeSlices._waiting = TimeSlices._waiting, TimeSlices._waiting - 1
            back = time.monotonic()
            self._over = back + time_slice(back - now, works)
