"""The process-wide budget for delayed bytes: what may wait in memory, over all links together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_FLOOR: Final = 256 * 1024
"""Bytes that a link may hold whatever the others hold: one read, so that a full budget slows but never stops a link."""
_RELIEF: Final = 0.9
"""Waiting links go on when usage falls below this share of the limit: one wake-up for many freed pieces."""


_LARGEST_READ: Final = 1 << 20
"""Bytes. A third faster than 256 kB where bytes come in volume; still a copy of less than a millisecond."""


class Budget:
    """Counts delayed bytes. `used` may pass `limit` by one read for each link: what was read cannot be refused."""

    __slots__ = ("_waiting", "limit", "used", "waits")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.waits = 0  # how often a link had to stop reading because the budget was spent
        self._waiting: set[Callable[[], None]] = set()

    def change(self, size: int) -> None:
        """A link holds so many bytes more, or fewer."""
        self.used += size
        if self._waiting and self.used < self.limit * _RELIEF:
            waiting, self._waiting = self._waiting, set()
            for resume in waiting:
                resume()

    @property
    def largest_read(self) -> int:
        """Bytes that a link in bulk should read at a time: many links must not pass the limit by much."""
        return _LARGEST_READ if self.used < self.limit / 2 else _FLOOR

    def allows(self, held: int) -> bool:
        """Whether a link that holds so many bytes may read more."""
        return self.used < self.limit or held < _FLOOR

    def wait(self, resume: Callable[[], None]) -> None:
        """`resume` will be called once when there is room again."""
        if resume not in self._waiting:
            self.waits += 1
            self._waiting.add(resume)

    def forget(self, resume: Callable[[], None]) -> None:
        if self._waiting:
            self._waiting.discard(resume)
