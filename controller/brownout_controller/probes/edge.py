"""edge: what the proxy itself counts on the edge under test."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar, Literal

from brownout_controller import clock
from brownout_controller.model.probe import (
    Counters,
    EdgeCounters,
    Probe,
    ProbeContext,
    ProbeError,
    ProbeSpec,
    Reading,
    Scale,
)
from brownout_core.quantity import BYTES_PER_SECOND, PER_SECOND

_COUNTS: dict[str, Callable[[Counters], int]] = {
    "connections": lambda counters: counters.connections,
    "hits": lambda counters: sum(counters.hits.values()),
    "bytes_up": lambda counters: counters.bytes_up,
    "bytes_down": lambda counters: counters.bytes_down,
    "dial_failures": lambda counters: counters.dial_failures,
}


class EdgeProbe(ProbeSpec):
    """A rate a second, over the window, of what the proxy counts on the edge: it costs nothing and is never stale.

    `hits` are what the faults did, all of them together; `bytes_up` is client to server.
    """

    kind: ClassVar[str] = "edge"
    scalar: ClassVar[str] = "measure"
    looks_back: ClassVar[bool] = True
    example: ClassVar[str] = "{name: the pool is not opened anew all the time, edge: connections, expect: < 5/s}"
    only_in_runs: ClassVar[bool] = True

    measure: Literal["connections", "hits", "bytes_up", "bytes_down", "dial_failures"]
    """What is counted: new connections, what the faults did, bytes to the server or from it, dials that failed."""

    def scale(self) -> Scale:
        return Scale(BYTES_PER_SECOND if self.measure.startswith("bytes") else PER_SECOND, 0.0)

    def open(self, context: ProbeContext) -> Probe:
        if context.edge is None:
            raise ProbeError("this environment has no proxy on the edge that could count")
        return _OpenEdge(self.measure, context.edge)


class _OpenEdge:
    def __init__(self, what: str, source: EdgeCounters) -> None:
        self._count, self._source = _COUNTS[what], source
        self._rates = Rates()

    async def measure(self, window: float) -> Reading:
        return self._rates.add(clock.now(), self._count(await self._source.read()), window)

    async def close(self) -> None:
        """The counters are the run's."""


class Rates:
    """Turns a counter into a rate over a window; it looks back no further than that if it can help it."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int, window: float) -> Reading:
        """The rate since the oldest earlier count within `window`, or else since the last one."""
        fell = bool(self._seen) and count < self._seen[-1][1]
        if fell:
            self._seen.clear()
        while len(self._seen) > 1 and self._seen[0][0] < now - window:
            self._seen.popleft()
        self._seen.append((now, count))
        then, before = self._seen[0]
        if fell:
            return Reading(None, "the proxy counts from 0 again: it was restarted")
        if then == now:
            return Reading(None, "a rate needs two readings, and this is the first")
        return Reading((count - before) / (now - then), events=float(count - before))
