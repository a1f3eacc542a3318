"""corrupt: now and then a bit is flipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from brownout_core.faults.seeded_random import SeededRandom
from brownout_core.faults.spec import Fault, Segment, Share, Stage, StageContext, Worse

_SEGMENT: Final = 64
"""Bytes of a virtual segment here: as small as a short request, so that probability 1 reaches every message."""
_REACH: Final = 8
"""The bit is one of the first bytes of its segment: a message shorter than the segment is still hit."""
_AT_ONCE: Final = 256
"""Segments of a piece: each is a draw, and what would take milliseconds is done in several turns."""


class Corrupt(Fault):
    """Flips one bit in a share of the segments; the number of bytes stays the same."""

    kind: ClassVar[str] = "corrupt"
    severities: ClassVar[Mapping[str, Worse]] = {"probability": "more"}

    probability: Share = 0
    segment: Segment = _SEGMENT

    def stage(self, site: StageContext) -> Stage:
        return _Flips(self, site.draws)


class _Flips(Stage):
    __slots__ = ("_draws", "_probability", "_segment")

    def __init__(self, fault: Corrupt, draws: SeededRandom) -> None:
        self._probability = fault.probability
        self._segment = fault.segment
        self._draws = draws

    def _flip(self, place: int) -> tuple[int, int] | None:
        """The offset and bit mask that are hit in the segment `place`, if any."""
        if self._draws.uniform(2 * place) >= self._probability:
            return None
        reach = min(_REACH, self._segment)
        number = int(self._draws.uniform(2 * place + 1) * reach * 8)
        return place * self._segment + number // 8, 1 << number % 8

    def narrow(self, offset: int, size: int) -> int:
        span = self._segment * _AT_ONCE
        return min(size, span - offset % span)

    def transform(self, offset: int, data: bytes) -> bytes:
        end = offset + len(data)
        flips = map(self._flip, range(offset // self._segment, (end - 1) // self._segment + 1))
        hits = [flip for flip in flips if flip is not None and offset <= flip[0] < end]
        if not hits:
            return data
        damaged = bytearray(data)
        for place, mask in hits:
            damaged[place - offset] ^= mask
        return bytes(damaged)
