"""How long the process stood still: stopped by a signal, starved of its core, or busy with one thing.

A beat on the loop that comes late is the sign. It beats only while somebody watches, and touches no connection.
"""

from __future__ import annotations

from typing import Final

from brownout_proxy.relay.clock import Clock, Timer

BEAT: Final = 0.05
"""Seconds from one beat to the next: a stall is known to within so much."""


class Meter:
    """The longest stall since one reader last asked."""

    def __init__(self, stalls: Stalls) -> None:
        self._stalls = stalls
        self.longest = 0.0

    def take(self) -> float:
        """Seconds, with what a stall that has no beat yet has lasted; 0 for none."""
        self._stalls.look()
        longest, self.longest = self.longest, 0.0
        return longest


class Stalls:
    """All meters of a process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._meters: set[Meter] = set()
        self._due = 0.0
        self._timer: Timer | None = None

    def watch(self) -> Meter:
        meter = Meter(self)
        self._meters.add(meter)
        if self._timer is None:
            self._wait()
        return meter

    def leave(self, meter: Meter) -> None:
        self._meters.discard(meter)
        if not self._meters and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Takes down by how much the beat is late."""
        late = self._clock.now() - self._due
        if late >= BEAT:
            for meter in self._meters:
                meter.longest = max(meter.longest, late)

    def _beat(self) -> None:
        self.look()
        self._wait()

    def _wait(self) -> None:
        self._due = self._clock.now() + BEAT
        self._timer = self._clock.call_at(self._due, self._beat)
