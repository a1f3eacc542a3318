"""The order in which scenarios are worth a test: score = impact x exposure x ignorance x safety.

Deterministic: equal scores stand in the order of their names. Scenarios of one mode are alike, and what the first of
them teaches (that nobody set timeouts, say) mostly holds for the next: so the nth of a mode counts 1 / (1 + n x REPEAT)
of its ignorance, n from 0 on, down to LEAST_NEW. Without that the list would be one failure at every edge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from brownout_controller.catalogue import factors
from brownout_controller.catalogue.architecture import Architecture
from brownout_controller.catalogue.factors import Exposure, Ignorance, Impact, Safety
from brownout_controller.catalogue.past import Past
from brownout_controller.catalogue.scenario import Scenario, scenarios

REPEAT: Final = 0.5
LEAST_NEW: Final = 0.2
"""What every edge has of its own, however many like it were tested: its own settings."""


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
    """Within a mode the order is that of the scores; then each counts less by those of its mode before it."""
    return tuple(sorted(discounted(sorted(rows, key=_by_score)), key=_by_score))


def discounted(rows: Sequence[Row]) -> list[Row]:
    """The rows, which are in the order of their scores, with what their repetition costs them."""
    seen: Counter[str] = Counter()
    found = []
    for row in rows:
        before = seen[row.scenario.mode.id]
        seen[row.scenario.mode.id] += 1
        ignorance = row.ignorance._replace(repeat=repeat(before), before=before)
        found.append(Row(row.scenario, row.impact, row.exposure, ignorance, row.safety))
    return found


def repeat(before: int) -> float:
    """What is left to learn after so many of the same mode."""
    return max(LEAST_NEW, 1 / (1 + REPEAT * before))


def _by_score(row: Row) -> tuple[float, str]:
    return (-round(row.score, 12), row.scenario.id)
