"""The order in which scenarios are worth a test: score = impact x exposure x ignorance x safety x certainty.

Two scenarios of one mode are alike, and what the first teaches (that nobody set timeouts, say) mostly holds for the
next; two about one place have half as much in common. So the list is made from the top: whoever has the highest score
is next, and each that stands before it in its mode, or at its place, takes something of its ignorance. Without that the
list would be one failure at every edge.

What was tested teaches the same, wherever its score has fallen to. So the order in which scenarios take from each other
is that in which they would stand if nothing had been tested, and what is tested takes from those before it as well, as
far as it is known: no passed run makes anything else more worth a test. Deterministic: equal scores stand in the order
of their names.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.scoring import factors
from brownout_catalogue.scoring.factors import Certainty, Exposure, Factor, Ignorance, Impact, Safety
from brownout_catalogue.scoring.past_trials import KNOWN, PastTrials
from brownout_catalogue.scoring.scenario import Scenario, scenarios

SAME_MODE: Final = 0.5
SAME_PLACE: Final = 0.25
"""After n of its mode and m at its place 1 / (1 + n x SAME_MODE + m x SAME_PLACE) of a scenario's ignorance is left."""
LEAST_NEW: Final = 0.2
"""What every place has of its own, however many like it were tested: its own settings."""


class Before(NamedTuple):
    """How many that are like a scenario stand before it, and how many others were tested, as far as they are known."""

    mode: int = 0
    place: int = 0
    tested_mode: float = 0.0
    tested_place: float = 0.0

    @property
    def left(self) -> float:
        """What is left to learn from it."""
        mode, place = self.mode + self.tested_mode, self.place + self.tested_place
        return max(LEAST_NEW, 1 / (1 + SAME_MODE * mode + SAME_PLACE * place))


class RankKey(NamedTuple):
    """All that an order is made from."""

    score: float
    """Without what runs have taught."""
    mode: str
    place: str
    name: str
    untaught: float = 1.0
    """What runs have left of it."""

    @property
    def tested(self) -> float:
        """How far it counts as tested for those that are like it, from 0 to 1."""
        return round(min(1.0, (1.0 - self.untaught) / (1.0 - KNOWN)), 2)  # a hundredth is nobody's teacher

    def worth(self, before: Before) -> float:
        return self.score * self.untaught * before.left


@dataclass(frozen=True, slots=True)
class Row:
    """A scenario with its place in the list."""

    scenario: Scenario
    impact: Impact
    exposure: Exposure
    ignorance: Ignorance
    safety: Safety
    certainty: Certainty

    @property
    def score(self) -> float:
        return math.prod(factor.value for _, factor in self.factors)

    @property
    def mark(self) -> RankKey:
        """What it is worth by itself, if no other of its mode is before it."""
        score = self.impact.value * self.exposure.value * self.safety.value * self.certainty.value
        place = self.scenario.target if self.scenario.component else self.scenario.id  # all services are no one place
        return RankKey(score, self.scenario.mode.id, place, self.scenario.id, self.ignorance.untaught)

    def after(self, before: Before) -> Row:
        """The row when so many that are like it stand before it."""
        tested = bool(before.tested_mode or before.tested_place)
        likes = (before.mode, before.place)
        return replace(self, ignorance=self.ignorance._replace(repeat=before.left, before=likes, others_tested=tested))

    @property
    def factors(self) -> tuple[tuple[str, Factor], ...]:
        """By name, in the order of the formula."""
        return (
            ("impact", self.impact), ("exposure", self.exposure), ("ignorance", self.ignorance),
            ("safety", self.safety), ("certainty", self.certainty),
        )  # fmt: skip


def rank(architecture: Architecture, past: PastTrials | None = None) -> tuple[Row, ...]:
    """All scenarios of the architecture, the one most worth a test first."""
    past = past or PastTrials()
    return in_order(row(scenario, architecture, past) for scenario in scenarios(architecture))


def row(scenario: Scenario, architecture: Architecture, past: PastTrials) -> Row:
    """The scenario by itself, as if there were no other."""
    return Row(
        scenario,
        factors.impact(scenario, architecture),
        factors.exposure(scenario, architecture),
        factors.ignorance(scenario, past),
        factors.safety(scenario, architecture),
        factors.certainty(scenario, architecture),
    )


def in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Each row with what those before it take from it, the highest score first."""
    given = list(rows)
    return tuple(given[index].after(before) for index, before in order([row.mark for row in given]))


def order(marks: Sequence[RankKey], most: int | None = None) -> list[tuple[int, Before]]:
    """The indices of marks in their order, `most` of them, and how many that are like each stand before it."""
    tested = {index: mark.tested for index, mark in enumerate(marks) if mark.tested}
    if not tested:
        return _untested(marks, most)
    made = _with_tested(marks, tested)
    return sorted(made, key=lambda one: (-round(marks[one[0]].worth(one[1]), 12), marks[one[0]].name))[:most]


def _with_tested(marks: Sequence[RankKey], tested: Mapping[int, float]) -> Iterator[tuple[int, Before]]:
    """Each with what takes from it, in the order in which they would stand if nothing had been tested."""
    modes, places = _sums(marks, tested, "mode"), _sums(marks, tested, "place")
    for index, before in _untested(marks):
        mark, own = marks[index], tested.get(index, 0.0)
        of_mode, of_place = modes[mark.mode], places[mark.place]
        yield (
            index,
            Before(before.mode - of_mode.passed, before.place - of_place.passed, of_mode.less(own), of_place.less(own)),
        )
        if own:  # from here on it stands before the others, so that it counts in full
            for sums in (of_mode, of_place):
                sums.passed, sums.ahead = sums.passed + 1, sums.ahead - own


@dataclass(slots=True)
class _Tested:
    """Of one mode or place: how many of the tested have been met, and how much those ahead are known, in all."""

    passed: int = 0
    ahead: float = 0.0

    def less(self, own: float) -> float:
        return self.passed + max(0.0, round(self.ahead - own, 12))


def _sums(marks: Sequence[RankKey], tested: Mapping[int, float], of: str) -> Mapping[str, _Tested]:
    sums: defaultdict[str, _Tested] = defaultdict(_Tested)
    for index, share in tested.items():
        sums[getattr(marks[index], of)].ahead += share
    return sums


def _untested(marks: Sequence[RankKey], most: int | None = None) -> list[tuple[int, Before]]:
    """The order if nothing had been tested."""
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
