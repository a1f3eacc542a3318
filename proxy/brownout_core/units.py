"""Quantities with units: how `30s`, `10MB/s` or `64KiB` is read, and how a number is written back.

Each fault attribute is held as a number in the unit that Toxiproxy's API uses for it (milliseconds, kilobytes per
second, ...). This module knows nothing of faults; it converts between such a number and what a person types.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from brownout_core import limits

_DURATIONS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
# SI prefixes are powers of 1000 and IEC ones of 1024 (IEC 80000-13); the case of the letters is not significant.
_SIZES = {
    "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "k": 1e3, "m": 1e6, "g": 1e9,
    "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30,
}  # fmt: skip
_BITS = {"bit": 1 / 8, "kbit": 1e3 / 8, "mbit": 1e6 / 8, "gbit": 1e9 / 8}
_RATES = {f"{size}/s": factor for size, factor in _SIZES.items() if size not in "kmg"}
_RATES |= {f"{bits}/s": factor for bits, factor in _BITS.items()}
_RATES |= {"bps": 1 / 8, "kbps": 1e3 / 8, "mbps": 1e6 / 8, "gbps": 1e9 / 8}
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s]*)\s*")


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """A unit in which attribute values are held.

    `symbol` is its name in prose, `base` how many base units (seconds, bytes, bytes per second) one of it is,
    `suffixes` what may be typed after a number, in base units, and `example` a value as a person would type it.
    """

    symbol: str
    base: float
    suffixes: dict[str, float]
    example: str
    whole: bool = False

    def parse(self, text: str) -> float:
        """The number of this unit that `text` means; a bare number already is one.

        Raises ValueError, with the remedy in its text, when it is not a number with a suffix of this quantity.
        """
        if len(text) > limits.EXPRESSION:
            raise ValueError(f"a quantity may have {limits.EXPRESSION}, and this has {len(text):,}")
        match = _QUANTITY.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a quantity; write it like {self.example}")
        number = float(match[1])
        suffix = match[2].lower().replace("\u03bc", "µ")  # keyboards have the Greek letter, too
        if not suffix:
            return number
        if suffix not in self.suffixes:
            raise ValueError(f"{text!r} has an unknown unit {match[2]!r}; write it like {self.example}")
        return _tidy(number * self.suffixes[suffix] / self.base)

    def format(self, value: float) -> str:
        """`value` of this unit as a person would write it: 1500 milliseconds are `1.5s`."""
        return _largest_fitting(value * self.base, self.suffixes)


MILLISECONDS = Unit("ms", 1e-3, _DURATIONS, "300ms or 1.5s")
MICROSECONDS = Unit("µs", 1e-6, _DURATIONS, "500us or 2ms")
SECONDS = Unit("s", 1.0, _DURATIONS, "300ms or 5s")
BYTES = Unit("bytes", 1.0, _SIZES, "1500 or 64KiB", whole=True)
KILOBYTES_PER_SECOND = Unit("KB/s", 1e3, _RATES, "500KB/s or 10MB/s")
SHARE = Unit("share", 1.0, {"%": 0.01}, "0.25 or 25%")
COUNT = Unit("count", 1.0, {}, "3", whole=True)

_WRITTEN = ("h", "m", "s", "ms", "us", "GB", "MB", "KB", "B", "GB/s", "MB/s", "KB/s", "B/s", "%")


def _tidy(value: float) -> float:
    """Without the noise of binary fractions: 0.3 s / 0.001 is 300, not 299.99999999999994."""
    return float(f"{value:.12g}")


def plain(value: float) -> int | float:
    """`value` as JSON should show it: whole numbers without a fraction."""
    return int(value) if math.isfinite(value) and value == int(value) else value


def _largest_fitting(amount: float, suffixes: dict[str, float]) -> str:
    """`amount` base units in the largest unit that shows it exactly in six digits, and as at least 1 if it can."""
    written = _WRITTEN if "h" in suffixes else (name for name in _WRITTEN if name != "m")  # not 2m for 2 MB
    known = [(suffixes[name.lower()], name) for name in written if name.lower() in suffixes]
    for factor, name in known:
        text = f"{_tidy(amount / factor):g}"
        if abs(amount) >= factor and _tidy(float(text) * factor) == _tidy(amount):
            return text + name
    if amount == 0 or not known:
        return f"{_tidy(amount):.12g}"
    factor, name = next((entry for entry in known if _tidy(amount / entry[0]).is_integer()), known[-1])
    return f"{_tidy(amount / factor):.12g}{name}"
