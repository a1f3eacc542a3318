"""The stage of the faults that end a connection at a time, whatever its traffic."""

from __future__ import annotations

from typing import Literal

from brownout_proxy.faults.spec import Stage


class Alarm(Stage):
    """Ends the connection at `at` (seconds on the link's clock); None never."""

    __slots__ = ("_at", "_how", "swallows")

    def __init__(self, at: float | None, how: Literal["close", "reset"], *, swallows: bool = False) -> None:
        self._at = at
        self._how: Literal["close", "reset"] = how
        self.swallows = swallows

    def alarm(self) -> tuple[float, Literal["close", "reset"]] | None:
        return None if self._at is None else (self._at, self._how)
