"""Long work on the loop in short turns, between which the connections have theirs."""

from __future__ import annotations

import asyncio
import time
from typing import Final

TURN: Final = 0.0001
"""Seconds of work after which others get their turn: while control is busy, p99 of the connections is longer by about
one (docs/decisions/0006)."""


class Turns:
    """The turns of one piece of work, the first of which begins now."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def end(self) -> None:
        """Lets others work if this turn was long enough."""
        if time.monotonic() - self._began >= TURN:
            await asyncio.sleep(0)
            self._began = time.monotonic()
