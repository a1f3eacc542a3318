"""What every form of the catalogue tells: the ranked rows in words, the missing line that matters most, the modes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.importers.yaml.architecture_file import flow
from brownout_catalogue.rendering.reasons import reasons
from brownout_catalogue.scoring.factors import Ignorance
from brownout_catalogue.scoring.modes import CONTAINED, OFTEN, library
from brownout_catalogue.scoring.past_trials import PastTrials
from brownout_catalogue.scoring.ranking import Row, rank
from brownout_catalogue.scoring.sensitivity import Effect, Search, search

Word = Literal["high", "medium", "low"]

HIGH: Final = 0.6
MEDIUM: Final = 0.3
"""From where on a factor is told as high, and as medium. All go from 0 to 1, and more is more worth a test."""


class Listing(NamedTuple):
    """The catalogue of an architecture."""

    architecture: Architecture
    rows: Sequence[Row]
    missing: Search
    """Missing lines, the one that matters most first."""

    @property
    def by_mode(self) -> Mapping[str, int]:
        """How many scenarios of each mode there are, in the library's order."""
        counted = Counter(row.scenario.mode.id for row in self.rows)
        return {mode: counted[mode] for mode in library().modes if mode in counted}


class Explanation(NamedTuple):
    """Everything about a row, in sentences."""

    place: int
    row: Row
    factors: Sequence[tuple[str, float, Word, Sequence[str]]]
    goes_wrong: str
    look_for: Sequence[str]
    hypotheses: Sequence[tuple[str, str, str]]
    """Each with its name, what it asks for, and how it is measured."""
    local: Sequence[str]
    cluster: Sequence[str]
    contained: str
    often: str


def heading(total: int, shown: int) -> str:
    """How much of the list is told."""
    if shown < total:
        return f"{total} scenarios, the {shown} that are most worth a test"
    return "1 scenario" if total == 1 else f"all {total} scenarios, those that are most worth a test first"


def listing(architecture: Architecture, past: PastTrials | None = None) -> Listing:
    return Listing(architecture, rank(architecture, past), search(architecture, past))


def word(value: float) -> Word:
    return "high" if value >= HIGH else "medium" if value >= MEDIUM else "low"


def known(ignorance: Ignorance) -> str:
    """What is known from runs, in a word or two."""
    runs = [run for _, run in ignorance.runs if run is not None]
    if not runs:
        return "never"
    if ignorance.broken:
        return "broken"
    if all(run.tried.days >= ignorance.expires for run in runs):
        return "expired"
    if any(run.covered < 1 for run in runs):
        return "weaker"
    return f"{max(run.tried.days for run in runs):.0f} d ago" if len(runs) == len(ignorance.runs) else "in part"


def told(effect: Effect) -> str:
    """What a missing line would do, in a sentence."""
    moved = f"{effect.moves} scenario{'' if effect.moves == 1 else 's'} would move in the top ten"
    before, after = (str(place) if place else "below ten" for place in (effect.before, effect.after))
    if effect.path.endswith(".guess"):
        return (
            f'check this guess: if it is {effect.value}, {moved}; furthest "{effect.title}", from {before} to {after}'
        )
    return f'if it said {effect.value}, {moved}; furthest "{effect.title}", from {before} to {after}'


def cut_short(missing: Search) -> str:
    """How much was not tried; empty if all was."""
    if missing.tried == missing.values:
        return ""
    tried = f"tried {missing.tried:,} of {missing.values:,} values of missing lines"
    return f"{tried}, those about the highest scores first; all would take too long"


def explained(place: int, row: Row) -> Explanation:
    scenario, mode = row.scenario, row.scenario.mode
    how = mode.cluster
    cluster = [how.none] if how.none else [f"{how.kind}, {how.action}", *([how.note] if how.note else [])]
    return Explanation(
        place, row,
        [(name, factor.value, word(factor.value), reasons(factor)) for name, factor in row.factors],
        scenario.fill(mode.goes_wrong), [scenario.fill(text) for text in mode.look_for],
        [(claim.name, claim.expect, f"{claim.probe}: {claim.measure or claim.yours}") for claim in scenario.claims],
        _local(row), [scenario.fill(text) for text in cluster],
        f"{CONTAINED[mode.contained].means} ({CONTAINED[mode.contained].value:g})",
        f"{OFTEN[mode.often].means} ({OFTEN[mode.often].value:g})",
    )  # fmt: skip


def _local(row: Row) -> Sequence[str]:
    scenario = row.scenario
    if not scenario.faults or scenario.edge is None:
        return [scenario.fill(scenario.mode.local.none)]
    faults = [f"fault: {flow(fault)}" for fault in scenario.faults]
    return [f"edge: {scenario.edge}", *faults, scenario.fill(scenario.mode.local.note)]
