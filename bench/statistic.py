"""The arithmetic of the bench: no input or output, no clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Final

WINDOW: Final = 20_000_000
"""ns: no more than so much worth of bytes may leave at once."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed. Raises ValueError for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def mean_rate(arrivals: Sequence[tuple[int, int]]) -> float:
    """Bytes per second of (ns, bytes) arrivals; the first one counts as the start, as nobody knows what it waited for.

    Raises ValueError when they all came at once.
    """
    if not arrivals or arrivals[-1][0] == arrivals[0][0]:
        raise ValueError("no time passed between the arrivals")
    return sum(size for _, size in arrivals[1:]) / (arrivals[-1][0] - arrivals[0][0]) * 1e9


def largest_burst(arrivals: Sequence[tuple[int, int]], window: int = WINDOW) -> int:
    """The most bytes that came within any `window` of ns."""
    recent: deque[tuple[int, int]] = deque()
    held = largest = 0
    for now, size in arrivals:
        recent.append((now, size))
        held += size
        while recent[0][0] <= now - window:
            held -= recent.popleft()[1]
        largest = max(largest, held)
    return largest


def ratio(values: Sequence[float], base: Sequence[float]) -> float:
    """The median of the ratios of values that were measured in turns, one pair a round.

    Drift of the machine during a run hits both sides of a pair, so this is steadier than the ratio of the medians.
    Raises ValueError when a round lacks one.
    """
    return median(value / other for value, other in zip(values, base, strict=True))
