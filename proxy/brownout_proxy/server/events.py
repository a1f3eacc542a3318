"""What happened, told to whoever watches: faults that came and went, connections that ended.

With nobody watching it costs one comparison. A watcher that is slow loses the oldest events and knows how many.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal, NamedTuple

from brownout_proxy.relay.connection import Outcome

KEPT: Final = 10_000
"""Events that are kept for a watcher until it asks."""

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


class Watcher:
    """What one reader has not read yet: events with their times on the relay's clock, in seconds."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Event]] = deque(maxlen=KEPT)
        self._lost = 0

    def put(self, at: float, event: Event) -> None:
        self._lost += len(self._waiting) == KEPT
        self._waiting.append((at, event))

    def take(self) -> tuple[list[tuple[float, Event]], int]:
        """What has happened since the last call, oldest first, and how much more was lost."""
        taken, lost = list(self._waiting), self._lost
        self._waiting.clear()
        self._lost = 0
        return taken, lost


class Events:
    """All watchers of a process."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()

    @property
    def watched(self) -> bool:
        return bool(self._watchers)

    def watch(self) -> Watcher:
        watcher = Watcher()
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def emit(self, at: float, event: Event) -> None:
        for watcher in self._watchers:
            watcher.put(at, event)
