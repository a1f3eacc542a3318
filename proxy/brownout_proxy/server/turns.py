"""Long work on the loop in short turns, between which the connections have theirs."""

from __future__ import annotations

import asyncio
import time
from typing import Final

TURN: Final = 0.0001
"""Seconds of work after which others get their turn: while control is busy, p99 of the connections is longer by about
one (docs/decisions/0006)."""
LONGEST: Final = 0.002
"""Seconds that a turn may take when those of the others are long."""


def turn(others: float) -> float:
    """How long the next turn may be after others had theirs for so many seconds: as long. With shorter ones a change
    would take for ever to reach thousands of connections while some of them keep the loop busy."""
    return min(max(TURN, others), LONGEST)


class Turns:
    """The turns of one piece of work, the first of which begins now."""

    def __init__(self) -> None:
        self._over = time.monotonic() + TURN

    async def end(self) -> None:
        """Lets others work if this turn was long enough."""
        now = time.monotonic()
        if now >= self._over:
            await asyncio.sleep(0)
            back = time.monotonic()
            self._over = back + turn(back - now)
