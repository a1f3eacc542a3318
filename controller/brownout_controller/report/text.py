"""How a report writes texts that others chose, and numbers.

Texts come from experiment files, servers and journals: they may hold anything, also what breaks a parser or a page.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from brownout_controller.model.hypothesis import Terms
from brownout_proxy.units import BYTES, COUNT, KILOBYTES_PER_SECOND, SECONDS, SHARE, Unit

# XML 1.0 or UTF-8 do not take the first ones; the second ones, Unicode's bidirectional controls, reorder what is read.
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TURNING: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SUFFIX: Final = re.compile(r"(?<=[\d\s.])([a-zµ%][a-zµ%/]*)", re.IGNORECASE)
_BEYOND: Final = 1e300
"""A journal has no infinities: what is larger stands for one."""
_RATE: Final = Unit("B/s", 1.0, KILOBYTES_PER_SECOND.suffixes, "10MB/s")
_MEASURES: Final[Mapping[str, Unit]] = {
    "p50": SECONDS, "p90": SECONDS, "p99": SECONDS, "p99.9": SECONDS, "max": SECONDS, "errors": SHARE,
    "bytes_up": _RATE, "bytes_down": _RATE,
}  # fmt: skip
"""What probes measure whose unit does not have to be guessed from the expectation."""


def clean(text: object) -> str:
    """The text without what a page, an XML parser or a terminal cannot take."""
    return _TURNING.sub("", _UNFIT.sub("\ufffd", str(text)))


def line(text: object) -> str:
    """The same, on one line."""
    return " ".join(clean(text).split())


def clipped(text: str, length: int) -> str:
    """At most so many characters; what is missing is told."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def wrapped(text: str, width: int, first: str = "", then: str = "") -> Sequence[str]:
    """Lines for a terminal, the first behind `first`, the others behind `then`; names and paths stay in one piece."""
    return textwrap.wrap(
        line(text), width, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )


def unit_of(terms: Terms, declared: Any) -> Unit:
    """The unit of a hypothesis's values: what its probe measures, or else what its expectation is written in.

    `declared` is the hypothesis as the experiment file has it.
    """
    probe = declared.get("traffic", declared.get("edge")) if isinstance(declared, Mapping) else None
    measure = probe.get("measure") if isinstance(probe, Mapping) else probe
    if isinstance(measure, str) and measure in _MEASURES:
        return _MEASURES[measure]
    for match in _SUFFIX.finditer(terms.expect):
        for unit in (SECONDS, SHARE, BYTES, _RATE):
            if match[1].lower() in unit.suffixes:
                return unit
    return COUNT


def quantity(value: float | None, unit: Unit = COUNT) -> str:
    """A value as a person would write it, in three or four digits."""
    if value is None or math.isnan(value):
        return "no data"
    if abs(value) > _BEYOND:
        return "−∞" if value < 0 else "∞"
    if unit is COUNT:
        return f"{value:.4g}"
    return unit.format(float(f"{value:.3g}")) if value else "0"


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
