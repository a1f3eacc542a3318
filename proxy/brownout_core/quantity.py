"""The units in which claims are measured, and the short codes by which a journal names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from brownout_core.units import BYTES, COUNT, KILOBYTES_PER_SECOND, SECONDS, SHARE, Unit

PER_SECOND: Final = Unit("a second", 1.0, {"/s": 1.0}, "20/s")
BYTES_PER_SECOND: Final = Unit("B/s", 1.0, KILOBYTES_PER_SECOND.suffixes, "10MB/s")

UNITS: Final[Mapping[str, Unit]] = {
    "": COUNT, "s": SECONDS, "share": SHARE, "B": BYTES, "B/s": BYTES_PER_SECOND, "/s": PER_SECOND,
}  # fmt: skip
"""Every unit by its code. A code never changes its meaning."""

_SUFFIX: Final = re.compile(r"(?<=[\d\s.])([a-zµ%][a-zµ%/]*)", re.IGNORECASE)
_OLD_MEASURES: Final[Mapping[str, str]] = {
    "p50": "s", "p90": "s", "p99": "s", "p99.9": "s", "max": "s", "errors": "share", "bytes_up": "B/s",
    "bytes_down": "B/s",
}  # fmt: skip
"""Units of journals that name none, by the measure of the probe. Frozen: newer journals name `ProbeSpec.scale`."""


def code_of(unit: Unit) -> str:
    """The code of a unit; that of a count for one that has none."""
    return next((code for code, known in UNITS.items() if known is unit), "")


def written_in(expect: str) -> str:
    """The code of the unit that an expectation is written in."""
    for match in _SUFFIX.finditer(expect):
        for code in ("s", "share", "B", "B/s"):
            if match[1].lower() in UNITS[code].suffixes:
                return code
    return ""


def guessed(expect: str, declared: Any) -> str:
    """The code for a hypothesis of a journal that does not name its unit; `declared` is as the file has it."""
    probe = declared.get("traffic", declared.get("edge")) if isinstance(declared, Mapping) else None
    measure = probe.get("measure") if isinstance(probe, Mapping) else probe
    if isinstance(measure, str) and measure in _OLD_MEASURES:
        return _OLD_MEASURES[measure]
    return written_in(expect)
