"""A histogram of durations with a bounded relative error (HDR), for the load's latencies.

HdrHistogram's bucketing on a dict: three significant digits from a microsecond up. The `hdrhistogram` package has dense
arrays, which a quarter of a second of a load leaves nearly empty: adding two cost 52 µs and a percentile 790 µs, where
this takes time for the values that are there only; and it needs setuptools at run time.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

_BITS: Final = 11
"""2048 steps to each doubling, half of which are used: a value is at most 0.1 % below what stands for it."""
_MICROS: Final = 1e6


class Histogram:
    """Counts of durations in seconds."""

    __slots__ = ("_counts", "count", "highest")

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        self.highest = 0.0
        """The longest, exactly."""

    def add(self, seconds: float) -> None:
        micros = max(0, round(seconds * _MICROS))
        # The highest value that shares the leading bits, as HdrHistogram reports: never better than it was.
        self._counts[micros | (1 << max(0, micros.bit_length() - _BITS)) - 1] += 1
        self.count += 1
        self.highest = max(self.highest, seconds)

    def merge(self, other: Histogram) -> None:
        for micros, count in other._counts.items():
            self._counts[micros] += count
        self.count += other.count
        self.highest = max(self.highest, other.highest)

    def quantile(self, share: float) -> float:
        """The shortest duration that at least `share` of all do not exceed. Raises ValueError when there are none."""
        if not self.count:
            raise ValueError("nothing was counted")
        rank = max(1, math.ceil(share * self.count))
        for micros in sorted(self._counts):
            rank -= self._counts[micros]
            if rank <= 0:
                return min(micros / _MICROS, self.highest)
        return self.highest
