"""How a report writes texts that others chose, and numbers.

Texts come from experiment files, servers and journals: they may hold anything, also what breaks a parser or a page.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from brownout_core.quantity import PER_SECOND
from brownout_core.safe_text import line as line  # noqa: PLC0414  most of what writes a report needs both
from brownout_core.units import COUNT, Unit

_BEYOND: Final = 1e300
"""A journal has no infinities: what is larger stands for one."""


def clipped(text: str, length: int) -> str:
    """At most so many characters; with a mark where text is missing."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def wrapped(text: str, width: int, first: str = "", then: str = "") -> Sequence[str]:
    """Lines for a terminal, the first behind `first`, the others behind `then`; names and paths stay in one piece."""
    return textwrap.wrap(
        line(text), width, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )


def quantity(value: float | None, unit: Unit = COUNT) -> str:
    """A value as a person would write it, in three or four digits."""
    if value is None or math.isnan(value):
        return "no data"
    if abs(value) > _BEYOND:
        return "−∞" if value < 0 else "∞"
    if unit in (COUNT, PER_SECOND):
        return _count(value) + ("/s" if unit is PER_SECOND else "")
    return unit.format(float(f"{value:.3g}")) if value else "0"


def _count(value: float) -> str:
    """Without an exponent, as long as a person can read the digits."""
    return f"{float(f'{value:.4g}'):,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.4g}"


def percent(share: float, digits: int = 4) -> str:
    """A share in a sentence; in a file there is no space in it."""
    return f"{float(f'{100 * share:.{digits}g}'):g} %"


def seconds(value: float | None) -> str:
    """A time that something took."""
    if value is None:
        return "unknown"
    if abs(value) < 1:
        return f"{value * 1000:.0f} ms"
    if abs(value) < 100:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if abs(value) < 600 else f"{value / 60:.0f} min"


def moment(at: float) -> str:
    """A time since the run began."""
    return f"{at:.1f} s" if at < 600 else "{} min {} s".format(*divmod(round(at), 60))


def clock(started: str, at: float) -> str:
    """The wall time of a moment, as far as the journal knows."""
    try:
        return (datetime.fromisoformat(started) + timedelta(seconds=at)).strftime("%Y-%m-%d %H:%M:%S %Z")
    except (ValueError, OverflowError):
        return line(started)
