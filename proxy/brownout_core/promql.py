"""How queries of Prometheus write times, and how often a server scrapes what a query is about."""

from __future__ import annotations

import math
import re
from typing import Any, Final

WINDOW: Final = "${window}"
"""Stands in a query for the window of its hypothesis."""
_JOB: Final = re.compile(r'\bjob\s*=\s*"([^"]*)"')
_PART: Final = re.compile(r"(?<!\d)(\d+)(ms|[smhdwy])")
_UNITS: Final = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}


def duration(seconds: float) -> str:
    """As PromQL writes it; it knows no fractions, but milliseconds."""
    millis = max(1, round(seconds * 1000))
    return f"{millis}ms" if millis % 1000 else f"{millis // 1000}s"


def scrape_interval(answer: Any, query: str) -> float | None:
    """The shortest that the targets of the query's job have, or those of all jobs; None where it is unknown."""
    job = _JOB.search(query)
    found = []
    try:
        for target in answer["data"]["activeTargets"]:
            if job is None or target["labels"]["job"] == job[1]:
                found.append(seconds_of(target["scrapeInterval"]))
    except (LookupError, TypeError, ValueError):
        return None
    return min(found, default=None)


def seconds_of(text: str) -> float:
    """Of a duration as Prometheus writes it, such as 1m30s. Raises ValueError."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(text)
    return math.fsum(float(number) * _UNITS[unit] for number, unit in parts)
