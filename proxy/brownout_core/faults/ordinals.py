"""The numbers that a fault gives to connections, for the conditions that count: `first` and `every`."""

from __future__ import annotations

import heapq


class Ordinals:
    """Numbers from 1 on, one for each connection that may count. A connection that turns out not to count gives its
    number back, and the next one gets it: so each number is that of one connection that counts."""

    __slots__ = ("_free", "_last", "_numbers")

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # of connections that are open, by the connection's own ordinal
        self._free: list[int] = []
        self._last = 0

    @property
    def used(self) -> int:
        """How many connections have a number, or had one and counted."""
        return self._last - len(self._free)

    def give(self, connection: int) -> None:
        """The connection is new."""
        if self._free:
            self._numbers[connection] = heapq.heappop(self._free)
        else:
            self._last += 1
            self._numbers[connection] = self._last

    def of(self, connection: int) -> int | None:
        """The number of an open connection; None if it has none."""
        return self._numbers.get(connection)

    def end(self, connection: int, *, counts: bool) -> None:
        """The connection is over; no error for one that has no number."""
        number = self._numbers.pop(connection, None)
        if number is not None and not counts:
            heapq.heappush(self._free, number)
