"""All that is wrong with one link: the stages of its faults, composed.

Narrowing comes first, then rates, then delays, so each stage sees the piece that will really leave. Between two calls a
chain holds nothing but the schedules of its rates; the bytes are the link's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Protocol

from brownout_core.faults.spec import Ending, Stage


class Tally(Protocol):
    """What counts a fault's hits."""

    hits: int


Staged = tuple[Stage, Tally]


def _overriding(staged: Sequence[Staged], hook: str) -> tuple[Staged, ...]:
    """The stages that do something at `hook`: the others cost nothing on the byte path."""
    plain = getattr(Stage, hook)
    return tuple(entry for entry in staged if getattr(type(entry[0]), hook) is not plain)


class Chain:
    """The stages of one link, in the order in which their faults were added."""

    __slots__ = (
        "_closing", "_delaying", "_narrowing", "_pacing", "_transforming",
        "alarm", "end", "paces", "separates", "swallows", "transforms",
    )  # fmt: skip

    def __init__(self, staged: Sequence[Staged]) -> None:
        self._narrowing = tuple(stage for stage, _ in _overriding(staged, "narrow"))
        self._pacing = tuple(sorted(_overriding(staged, "pace"), key=lambda entry: entry[0].turn))
        self._delaying = _overriding(staged, "delay")
        self._transforming = _overriding(staged, "transform")
        self._closing = _overriding(staged, "close_delay")
        self.paces = bool(self._pacing)
        self.transforms = bool(self._transforming)
        self.swallows: tuple[Tally, Ending] | None = next(
            ((tally, stage.swallows) for stage, tally in staged if stage.swallows), None
        )
        """The fault, if any, whose stage lets bytes vanish, and how what lost some ends without it."""
        self.separates = any(stage.separates for stage, _ in staged)
        ends = [(stage.end(), tally) for stage, tally in _overriding(staged, "end")]
        self.end: tuple[float, Tally] | None = min(ends, key=lambda end: end[0], default=None)
        """The offset at which the link closes, and the fault that asks for it."""
        alarms = [(alarm, tally) for stage, tally in staged if (alarm := stage.alarm())]
        self.alarm: tuple[tuple[float, Ending], Tally] | None = min(alarms, key=lambda alarm: alarm[0][0], default=None)
        """When and how the connection ends, and the fault that asks for it."""

    def narrow(self, offset: int, size: int) -> int:
        """How many of the `size` bytes at `offset` go on together: at least 1."""
        for stage in self._narrowing:
            size = stage.narrow(offset, size)
        return size

    def grain(self, size: int) -> int:
        """How many of `size` bytes the rates let go in one piece: at least 1."""
        for stage, _ in self._pacing:
            size = stage.grain(size)
        return size

    def pace(self, now: float, size: int) -> float:
        """When a piece that is ready at `now` may leave; infinity for not until something changes."""
        for stage, tally in self._pacing:
            due = stage.pace(now, size)
            if due > now:
                tally.hits += 1
            if due == math.inf:
                return due  # what never goes takes no place in the other schedules
            now = due
        return now

    def rewind(self, now: float) -> None:
        for stage, _ in self._pacing:
            stage.rewind(now)

    def delay(self, offset: int) -> float:
        """Seconds by which the piece at `offset` is held back."""
        total = 0.0
        for stage, tally in self._delaying:
            if delay := stage.delay(offset):
                tally.hits += 1
                total += delay
        return total

    def end_delay(self, offset: int) -> float:
        """Seconds by which the end of a stream of `offset` bytes is held back like a byte; not a hit."""
        return sum(stage.delay(offset) for stage, _ in self._delaying)

    def close_delay(self, offset: int) -> float:
        """Seconds by which FIN after `offset` bytes is held back; not a hit."""
        return self.end_delay(offset) + sum(stage.close_delay() for stage, _ in self._closing)

    def count_close(self) -> None:
        """The end of the stream was held back: the faults that did it hit."""
        for stage, tally in self._closing:
            tally.hits += stage.close_delay() > 0

    def transform(self, offset: int, data: bytes) -> bytes:
        for stage, tally in self._transforming:
            changed = stage.transform(offset, data)
            if changed is not data:
                tally.hits += 1
                data = changed
        return data


NO_FAULTS: Final = Chain(())
"""What a link without faults has; one for all, as it holds nothing."""
