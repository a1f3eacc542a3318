"""Where a plot puts a value or a moment, and which ones it names: pure arithmetic, in shares of the length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

ENDLESS: Final = 1e300
"""A journal has no infinities: what is larger stands for one, and is no measure for an axis."""
_WIDE: Final = 100.0
"""From so many times the smallest value on, a logarithmic axis shows more."""
_HEADROOM: Final = 0.08
_TINY: Final = 1e-290
_MOMENTS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Steps that people count seconds by."""


class Axis(NamedTuple):
    """From `low` to `high`, with what to write beside it."""

    low: float
    high: float
    ticks: Sequence[float]
    log: bool = False

    def share(self, value: float) -> float:
        """How far along the value is, from 0 to 1; what lies outside is put at the end."""
        if self.log:
            value = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            value = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, value))


def of_values(values: Iterable[float], limits: Iterable[float] = ()) -> Axis:
    """An axis for measured values, on which these limits can be seen as well."""
    values, limits = ([item for item in part if abs(item) < ENDLESS] for part in (values, limits))
    both = [*values, *limits] or [0.0]
    if values and min(both) > 0 and max(values) > _WIDE * min(values):
        return _logarithmic(min(both) / 1.25, max(both) * 1.25)
    low, high = min(both), max(both)
    if 0 <= low < 0.75 * high or low == high:
        low, high = min(0.0, low), max(0.0, high)
    if high - low <= max(abs(low), abs(high), _TINY) * 1e-9:  # too little to divide it
        high = low + 1.0
    room = (high - low) * _HEADROOM
    # Zero is an end of its own, unless a limit lies there and would be taken for the end.
    low = low if low == 0 and 0.0 not in limits else low - room
    high += room
    return Axis(low, high, _steps(low, high, _nice((high - low) / 5)))


def of_time(begin: float, end: float) -> Axis:
    """An axis for seconds; few enough ticks for a small screen."""
    end = max(end, begin + 1e-3)
    step = next((float(item) for item in _MOMENTS if (end - begin) / item <= 5), _nice((end - begin) / 5))
    if end - begin < 2:
        step = _nice((end - begin) / 4)
    return Axis(begin, end, _steps(begin, end, step))


def _logarithmic(low: float, high: float) -> Axis:
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    every = max(1, math.ceil((last - first + 1) / 5))
    return Axis(low, high, [10.0**power for power in range(first, last + 1, every)], log=True)


def _nice(size: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least so large."""
    power = 10.0 ** math.floor(math.log10(size))
    return next((factor * power for factor in (1, 2, 5) if size <= factor * power * (1 + 1e-9)), 10 * power)


def _steps(low: float, high: float, step: float) -> Sequence[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]
