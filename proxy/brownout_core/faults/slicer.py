"""slicer: data leaves in small TCP segments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from brownout_core.faults.seeded_random import SeededRandom
from brownout_core.faults.spec import Fault, Micros, Size, Stage, StageContext, Worse


class Slicer(Fault):
    """Cuts data into small TCP segments, with a pause after each.

    Segments have average_size ± size_variation bytes (a larger variation counts as average_size); average_size 0 cuts
    nothing. The cuts are at fixed offsets of the stream.
    """

    kind: ClassVar[str] = "slicer"
    in_toxiproxy: ClassVar[bool] = True
    unlike_toxiproxy: ClassVar[str] = (
        "Toxiproxy halves what it read until the pieces are small enough, and two pieces may share a TCP segment. "
        "Without average_size, or with a larger variation, its process ends."
    )
    severities: ClassVar[Mapping[str, Worse]] = {"delay": "more", "average_size": "less"}

    average_size: Size = 0
    size_variation: Size = 0
    delay: Micros = 0

    def stage(self, site: StageContext) -> Stage | None:
        return _Slices(self, site.draws) if self.average_size else None


class _Slices(Stage):
    __slots__ = ("_average", "_delay", "_draws", "_next_free", "_variation")

    separates = True

    def __init__(self, fault: Slicer, draws: SeededRandom) -> None:
        self._average = fault.average_size
        # Each cut moves by at most half the variation, so two neighbours move apart by at most all of it.
        self._variation = min(fault.size_variation, fault.average_size)
        self._delay = fault.delay / 1e6
        self._draws = draws
        self._next_free = -math.inf

    def _cut(self, index: int) -> int:
        """The offset of a cut; cut 0 is the start of the stream."""
        if index == 0 or not self._variation:
            return index * self._average
        return index * self._average + int((self._draws.uniform(index) - 0.5) * self._variation)

    def narrow(self, offset: int, size: int) -> int:
        index = max(0, offset // self._average - 1)
        while (cut := self._cut(index)) <= offset:
            index += 1
        return min(size, cut - offset)

    def pace(self, now: float, size: int) -> float:
        due = max(now, self._next_free)
        self._next_free = due + self._delay
        return due

    def rewind(self, now: float) -> None:
        self._next_free = min(self._next_free, now)
