"""Time that stands still until a test moves it, and ports that write down what is done to them."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from brownout_core.faults.active import ActiveFault
from brownout_core.faults.seeded_random import SeededRandom
from brownout_proxy.relay.clock import Timer
from brownout_proxy.relay.link import Link, Port


class VirtualClock:
    def __init__(self) -> None:
        self.time = 0.0
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self.time

    def call_at(self, due: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(due, callback)
        heapq.heappush(self._heap, (due, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Fires what is due on the way, each at its time."""
        until = self.time + seconds
        while self._heap and self._heap[0][0] <= until:
            due, _, timer = heapq.heappop(self._heap)
            if timer.callback is not None:
                self.time = max(self.time, due)
                timer.callback()
        self.time = until


class FakePort:
    """`arrived` has what was written with its time, `ends` how the stream ended."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.blocked = False
        self.paused = False
        self.arrived: list[tuple[float, bytes]] = []
        self.segments: list[bytes] = []
        self.separates = False
        self.ends: list[tuple[float, str]] = []

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.arrived)

    def write(self, data: bytes) -> None:
        self.arrived.append((self._clock.now(), data))

    def write_segment(self, data: bytes) -> None:
        self.separates = True
        self.segments.append(data)
        self.write(data)

    def join_segments(self) -> None:
        self.separates = False

    def write_eof(self) -> None:
        self.ends.append((self._clock.now(), "eof"))

    def reset(self) -> None:
        self.ends.append((self._clock.now(), "reset"))

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


class FakeOwner:
    """A connection that only remembers what its link asked for."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self.ended: list[str] = []
        self.errors: list[Exception] = []
        self.done = 0

    def link_done(self, sink: Port) -> None:
        self.done += 1
        sink.write_eof()

    def end(self, how: str) -> None:
        self.ended.append(how)

    def failed(self, link: Link, error: Exception) -> None:
        self.errors.append(error)

    def dialled_late_by(self, active: ActiveFault) -> bool:
        return False

    def draws(self, fault: str) -> SeededRandom:
        return SeededRandom(self._seed, "proxy", fault, 1)

    def hand_over(self, link: Link) -> bool:
        return False

    def take_back(self, link: Link) -> None:
        raise AssertionError("nothing was handed over")
