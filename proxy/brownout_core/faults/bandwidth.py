"""bandwidth: bytes leave at a steady rate, per connection or for the whole proxy."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from brownout_core.faults.spec import Fault, Pace, Rate, Stage, StageContext, Worse, extension

_GRAIN: Final = 0.005
"""Seconds of sending that go out in one piece: a quarter of the largest burst that is allowed (20 ms)."""
_STUCK: Final = -2
_SHARED: Final = -1
"""Turns. The place that a shared schedule gives is lost to the other links when its bytes are later than that for
reasons of their own link: so it is asked before those reasons, and after what lets nothing go at all."""


class Bandwidth(Fault):
    """Limits the rate; 0 lets nothing through until the fault changes.

    A piece leaves once the time that it takes to send has passed; idle time earns no credit. With scope proxy all
    connections of the proxy share the rate.
    """

    kind: ClassVar[str] = "bandwidth"
    in_toxiproxy: ClassVar[bool] = True
    unlike_toxiproxy: ClassVar[str] = (
        "Toxiproxy sends pieces of 100 ms, and what waits is lost when the toxic is removed and the receiver takes "
        "nothing for 5 s."
    )
    severities: ClassVar[Mapping[str, Worse]] = {"rate": "less"}

    rate: Rate = 0
    scope: Literal["connection", "proxy"] = extension("connection")

    def stage(self, site: StageContext) -> Stage:
        rate = self.rate * 1e3
        if self.scope == "connection":
            return _Paced(rate, Pace(), shared=False)
        if site.shared.rate != rate:  # places taken at a slower rate would hold up the new one
            site.shared.rate, site.shared.next_free = rate, -math.inf
        return _Paced(rate, site.shared, shared=True)


class _Paced(Stage):
    __slots__ = ("_grain", "_pace", "_rate", "_shared", "turn")

    def __init__(self, rate: float, pace: Pace, *, shared: bool) -> None:
        """`rate` in bytes per second."""
        self.turn = _STUCK if not rate else _SHARED if shared else Stage.turn
        self._rate = rate
        self._pace = pace
        self._shared = shared
        self._grain = max(1, int(min(rate * _GRAIN, sys.maxsize)))  # the largest rates are infinite in bytes

    def grain(self, size: int) -> int:
        return min(size, self._grain)

    def pace(self, now: float, size: int) -> float:
        if not self._rate:
            return math.inf
        pace = self._pace
        due = max(now, pace.next_free) + size / self._rate
        pace.next_free = due
        return due

    def rewind(self, now: float) -> None:
        # A shared schedule also holds the other links' places: going back would let the sum exceed the rate.
        if not self._shared:
            self._pace.next_free = min(self._pace.next_free, now)
