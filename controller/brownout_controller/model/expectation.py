"""What a value must be: `< 2s`, `>= 0.98 * baseline`, `between 0.2 and 0.8`.

Quantities are in base units: seconds, shares, bytes, bytes per second. NaN meets no expectation.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from brownout_core import limits
from brownout_core.units import BYTES, KILOBYTES_PER_SECOND, SECONDS, SHARE

_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_SUFFIXES: Final[Mapping[str, float]] = {  # `m` is minutes here, megabytes are `mb`
    **KILOBYTES_PER_SECOND.suffixes,
    **BYTES.suffixes,
    **SECONDS.suffixes,
    **SHARE.suffixes,
    "/s": 1.0,
}
_WRITTEN: Final = "write it like '< 2s', '<= 1%', '>= 0.98 * baseline', '<= baseline + 50ms' or 'between 0.2 and 0.8'"
_QUANTITY: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*[a-zµ%/]*"
_COMPARISON: Final = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(.+)")
_BETWEEN: Final = re.compile(r"\s*between\s+(\S.*?)(?<!\s)\s+and\s+(\S.*)", re.IGNORECASE)
_SCALED: Final = re.compile(rf"(?:({_QUANTITY})\s*\*\s*)?baseline(?:\s*([-+])\s*({_QUANTITY}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bound:
    """`factor` times the baseline, plus `offset`."""

    factor: float
    offset: float

    def value(self, baseline: float | None) -> float:
        """NaN where the baseline is needed and not known."""
        if not self.factor:
            return self.offset
        return math.nan if baseline is None else self.factor * baseline + self.offset


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation, as it was written in `text`. `high` is there for a range only, whose `low` is the comparand."""

    text: str
    comparison: str
    low: Bound
    high: Bound | None = None
    units: tuple[str, ...] = ()
    """The units that it is written in."""

    def __str__(self) -> str:
        return self.text

    @property
    def needs_baseline(self) -> bool:
        return bool(self.low.factor or (self.high is not None and self.high.factor))

    def holds(self, value: float, baseline: float | None = None) -> bool:
        """Whether the value meets it; `baseline` is the value from before the fault."""
        low = self.low.value(baseline)
        if math.isnan(value) or math.isnan(low):
            return False
        if self.high is not None:
            return low <= value <= self.high.value(baseline)
        if self.comparison in ("==", "!="):  # computed shares are not exact
            return math.isclose(value, low, rel_tol=1e-9, abs_tol=1e-12) == (self.comparison == "==")
        return _COMPARISONS[self.comparison](value, low)

    def tests(self, lowest: float, highest: float) -> bool:
        """Whether some values from `lowest` to `highest` meet it and others do not; True where that is not known."""
        if self.needs_baseline:
            return True
        if self.comparison == "!=":
            return lowest <= self.low.offset <= highest
        low, high = self.limits()
        ends = (self.holds(lowest), self.holds(highest))
        if all(ends):
            return False
        return any(ends) or (low is not None and high is not None and low <= highest and high >= lowest)

    def limits(self, baseline: float | None = None) -> tuple[float | None, float | None]:
        """The lowest and the highest value that meet it, as a plot shows them; None where there is no limit."""
        low = self.low.value(baseline)
        if math.isnan(low) or self.comparison == "!=":
            return None, None
        if self.high is not None:
            return low, self.high.value(baseline)
        if self.comparison == "==":
            return low, low
        return (None, low) if self.comparison.startswith("<") else (low, None)


def parse(text: str) -> Expectation:
    """Raises ValueError, with the remedy in its text."""
    if len(text) > limits.EXPRESSION:
        raise ValueError(f"an expectation may have {limits.EXPRESSION}, and this has {len(text):,}")
    if (match := _COMPARISON.fullmatch(text)) is not None:
        return Expectation(text.strip(), match[1], _bound(match[2], text), units=_units(text))
    if (match := _BETWEEN.fullmatch(text)) is not None:
        low, high = _bound(match[1], text), _bound(match[2], text)
        expectation = Expectation(text.strip(), "between", low, high, _units(text))
        if not expectation.needs_baseline and expectation.low.offset > _offset(expectation.high):
            raise ValueError(f"{text!r}: the first number is the larger one; {_WRITTEN}")
        return expectation
    raise ValueError(f"{text!r} is not an expectation; {_WRITTEN}")


def _offset(bound: Bound | None) -> float:
    return math.inf if bound is None else bound.offset


def _bound(text: str, whole: str) -> Bound:
    if (match := _SCALED.fullmatch(text.strip())) is not None:
        offset = 0.0 if match[3] is None else _amount(match[3], whole)
        return Bound(1.0 if match[1] is None else _amount(match[1], whole), -offset if match[2] == "-" else offset)
    return Bound(0.0, _amount(text, whole))


def _units(text: str) -> tuple[str, ...]:
    found = re.findall(r"(?<=[\d.])\s*([a-zµ%/]+)", text, re.IGNORECASE)
    return tuple(unit.lower() for unit in found if unit.lower() in _SUFFIXES)


def _amount(text: str, whole: str) -> float:
    match = re.fullmatch(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([a-zµ%/]*)", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"{whole!r}: {text.strip()!r} is not a quantity; {_WRITTEN}")
    suffix = match[2].lower()
    if suffix and suffix not in _SUFFIXES:
        raise ValueError(f"{whole!r} has an unknown unit {match[2]!r}; {_WRITTEN}")
    return float(f"{float(match[1]) * _SUFFIXES.get(suffix, 1.0):.12g}")
