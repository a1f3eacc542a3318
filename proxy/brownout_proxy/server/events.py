"""What happened, for whoever watches: faults that came and went, connections that ended.

With nobody watching it costs one comparison. All watchers read from the same two rings, so that one more costs next to
nothing, and a flood of connections pushes out no fault. A watcher that is slow loses the oldest events and knows how
many.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from operator import attrgetter
from typing import Final, Literal, NamedTuple

from brownout_proxy.relay.connection import Outcome

KEPT: Final = 4_000
"""Ends of connections that are kept until the watchers ask: 200 kB of a message, for each watcher that reads slowly."""
KEPT_FAULTS: Final = 1_000
"""Faults that came and went."""

Reason = Literal["removed", "lapsed", "released"]


class FaultAdded(NamedTuple):
    proxy: str
    name: str
    lease: str


class FaultRemoved(NamedTuple):
    """`hits` and `connections` are the fault's last counts."""

    proxy: str
    name: str
    lease: str
    reason: Reason
    hits: int
    connections: int


class ConnectionEnded(NamedTuple):
    """`seconds` is how long it lasted."""

    proxy: str
    ordinal: int
    outcome: Outcome
    seconds: float


Event = FaultAdded | FaultRemoved | ConnectionEnded


class Happening:
    """An event with its time on the relay's clock, in seconds. `wire` is how an API has written it: once for all."""

    __slots__ = ("at", "event", "wire")

    def __init__(self, at: float, event: Event) -> None:
        self.at = at
        self.event = event
        self.wire = b""


class _Ring:
    """The newest of one sort of events; `count` is how many there were ever."""

    def __init__(self, size: int) -> None:
        self._kept: deque[Happening] = deque(maxlen=size)
        self.count = 0

    def put(self, happening: Happening) -> None:
        self._kept.append(happening)
        self.count += 1

    def since(self, count: int) -> tuple[list[Happening], int]:
        """What came after the first `count`, oldest first, and how many of these are lost."""
        new = self.count - count
        lost = max(0, new - len(self._kept))
        return list(islice(self._kept, len(self._kept) - (new - lost), None)), lost

    def clear(self) -> None:
        self._kept.clear()


class Watcher:
    """How far one reader has read."""

    def __init__(self, rings: tuple[_Ring, ...]) -> None:
        self._rings = rings
        self._read = [ring.count for ring in rings]

    def take(self) -> tuple[list[Happening], int]:
        """What has happened since the last call, oldest first, and how much more was lost."""
        found = [ring.since(read) for ring, read in zip(self._rings, self._read, strict=True)]
        self._read = [ring.count for ring in self._rings]
        happened = [happening for new, _ in found for happening in new]
        if all(new for new, _ in found):
            happened.sort(key=attrgetter("at"))
        return happened, sum(lost for _, lost in found)


class Events:
    """All watchers of a process."""

    def __init__(self) -> None:
        self._faults, self._ends = self._rings = _Ring(KEPT_FAULTS), _Ring(KEPT)
        self._watchers: set[Watcher] = set()
        self._of_ends: set[Watcher] = set()
        """Those among them that want to know of every connection that ends."""

    def __len__(self) -> int:
        return len(self._watchers)

    @property
    def watched(self) -> bool:
        """Whether anybody wants to know of connections that end."""
        return bool(self._of_ends)

    def watch(self, *, ends: bool = True) -> Watcher:
        """`ends` is whether connections that end are of interest."""
        watcher = Watcher(self._rings if ends else (self._faults,))
        self._watchers.add(watcher)
        if ends:
            self._of_ends.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)
        self._of_ends.discard(watcher)
        if not self._watchers:
            for ring in self._rings:
                ring.clear()

    def emit(self, at: float, event: Event) -> None:
        if self._watchers:
            ring = self._ends if isinstance(event, ConnectionEnded) else self._faults
            ring.put(Happening(at, event))
