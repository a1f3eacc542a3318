"""What was measured, and the few statistics that are made of it. Pure: no input, no output, no clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

Key = tuple[str, str, str]
"""Section, relay, metric."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0 to 1) of them do not exceed. Raises ValueError without any."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


class Samples:
    """Every figure of a run, by what it is about; one value for each round."""

    def __init__(self) -> None:
        self.values: dict[Key, list[float]] = {}
        self.failures: list[str] = []
        """What could not be measured, and why."""

    def add(self, section: str, relay: str, **figures: float) -> None:
        for metric, value in figures.items():
            self.values.setdefault((section, relay, metric), []).append(value)

    def median(self, section: str, relay: str, metric: str) -> float | None:
        """None if it was not measured."""
        values = self.values.get((section, relay, metric))
        return median(values) if values else None

    def ratio(self, section: str, metric: str, relay: str, other: str) -> float | None:
        """The median of `relay` over that of `other`; None without both, or if the other is not above zero."""
        mine, theirs = self.median(section, relay, metric), self.median(section, other, metric)
        if mine is None or theirs is None or theirs <= 0:
            return None
        return mine / theirs

    def paired(self, section: str, metric: str, relay: str, other: str) -> list[float]:
        """The ratio in each round, sorted: what the machine does in a round hits both alike."""
        mine, theirs = (self.values.get((section, name, metric), []) for name in (relay, other))
        return sorted(one / two for one, two in zip(mine, theirs, strict=False) if two > 0)

    def relays(self, section: str) -> list[str]:
        """Those with figures in the section, in the order in which they came."""
        return list(dict.fromkeys(relay for about, relay, _ in self.values if about == section))

    def metrics(self, section: str) -> list[str]:
        return list(dict.fromkeys(metric for about, _, metric in self.values if about == section))
