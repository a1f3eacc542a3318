"""The stage of the faults that end a connection at a time, whatever its traffic."""

from __future__ import annotations

import math

from brownout_core.faults.spec import Ending, Stage


class Alarm(Stage):
    """Ends the connection at `at` (seconds on the link's clock); None never. What `swallows` lets no byte pass."""

    __slots__ = ("_at", "_how", "swallows")

    def __init__(self, at: float | None, how: Ending, *, swallows: bool = False) -> None:
        self._at = at
        self._how: Ending = how
        self.swallows = how if swallows else None

    def alarm(self) -> tuple[float, Ending] | None:
        return None if self._at is None else (self._at, self._how)


class Silence(Alarm):
    """Lets neither bytes pass nor the end of the stream."""

    __slots__ = ()

    def __init__(self, at: float, how: Ending) -> None:
        super().__init__(at, how, swallows=True)

    def close_delay(self) -> float:
        return math.inf
