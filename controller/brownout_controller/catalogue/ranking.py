"""The order in which scenarios are worth a test: score = impact x exposure x ignorance x safety.

Two scenarios of one mode are alike, and what the first teaches (that nobody set timeouts, say) mostly holds for the
next; two about one place have half as much in common. So the list is made from the top: whoever has the highest score
is next, and each that stands before it in its mode, or at its place, takes something of its ignorance. Without that the
list would be one failure at every edge. Deterministic: equal scores stand in the order of their names.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from brownout_controller.catalogue import factors
from brownout_controller.catalogue.architecture import Architecture
from brownout_controller.catalogue.factors import Exposure, Ignorance, Impact, Safety
from brownout_controller.catalogue.past import Past
from brownout_controller.catalogue.scenario import Scenario, scenarios

SAME_MODE: Final = 0.5
SAME_PLACE: Final = 0.25
"""After n of its mode and m at its place 1 / (1 + n x SAME_MODE + m x SAME_PLACE) of a scenario's ignorance is left."""
LEAST_NEW: Final = 0.2
"""What every place has of its own, however many like it were tested: its own settings."""


class Before(NamedTuple):
    """How many scenarios that are like one stand before it."""

    mode: int = 0
    place: int = 0

    @property
    def left(self) -> float:
        """What is left to learn from it."""
        return max(LEAST_NEW, 1 / (1 + SAME_MODE * self.mode + SAME_PLACE * self.place))


class Mark(NamedTuple):
    """All that an order is made from."""

    score: float
    mode: str
    place: str
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """A scenario with its place in the list."""

    scenario: Scenario
    impact: Impact
    exposure: Exposure
    ignorance: Ignorance
    safety: Safety

    @property
    def score(self) -> float:
        return self.impact.value * self.exposure.value * self.ignorance.value * self.safety.value

    @property
    def mark(self) -> Mark:
        """What it is worth by itself, if no other of its mode is before it."""
        score = self.impact.value * self.exposure.value * self.ignorance.untaught * self.safety.value
        place = self.scenario.target if self.scenario.component else self.scenario.id  # all services are no one place
        return Mark(score, self.scenario.mode.id, place, self.scenario.id)

    def after(self, before: Before) -> Row:
        """The row when so many that are like it stand before it."""
        return replace(self, ignorance=self.ignorance._replace(repeat=before.left, before=before))

    @property
    def factors(self) -> tuple[tuple[str, Impact | Exposure | Ignorance | Safety], ...]:
        """By name, in the order of the formula."""
        return (
            ("impact", self.impact), ("exposure", self.exposure), ("ignorance", self.ignorance), ("safety", self.safety)
        )  # fmt: skip


def rank(architecture: Architecture, past: Past | None = None) -> tuple[Row, ...]:
    """All scenarios of the architecture, the one most worth a test first."""
    past = past or Past()
    return in_order(row(scenario, architecture, past) for scenario in scenarios(architecture))


def row(scenario: Scenario, architecture: Architecture, past: Past) -> Row:
    """The scenario by itself, as if there were no other."""
    return Row(
        scenario,
        factors.impact(scenario, architecture),
        factors.exposure(scenario, architecture),
        factors.ignorance(scenario, past),
        factors.safety(scenario, architecture),
    )


def in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Each row with what those before it take from it, the highest score first."""
    given = list(rows)
    return tuple(given[index].after(before) for index, before in order([row.mark for row in given]))


def order(marks: Sequence[Mark], most: int | None = None) -> list[tuple[int, Before]]:
    """The indices of marks in their order, `most` of them, and how many that are like each stand before it."""
    modes: Counter[str] = Counter()
    places: Counter[str] = Counter()
    # What takes from a score only ever grows, so that a score in the heap is too high but never too low.
    heap = [(-round(mark.score, 12), mark.name, index, Before()) for index, mark in enumerate(marks)]
    heapq.heapify(heap)
    found: list[tuple[int, Before]] = []
    while heap and len(found) != most:
        _, name, index, before = heap[0]
        mark = marks[index]
        now = Before(modes[mark.mode], places[mark.place])
        if now == before:
            heapq.heappop(heap)
            found.append((index, before))
            modes[mark.mode] += 1
            places[mark.place] += 1
        else:
            heapq.heapreplace(heap, (-round(mark.score * now.left, 12), name, index, now))
    return found
