"""What is to be done with a folder of experiments when the catalogue is written again: decided here, done elsewhere.

A file that nobody has touched is written anew, one that somebody has changed is kept and its drift told, and one whose
scenario is gone is told and kept as well. Nothing is ever deleted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from brownout_catalogue.generate.drift import drifts, is_untouched, leaves, mark, mentions, same
from brownout_catalogue.generate.experiment_file import Passed, Setting, Written, write, write_top
from brownout_catalogue.rendering.listing import Listing
from brownout_core.errors import InvalidSpec

Became = Literal["written", "updated", "unchanged", "kept", "drift", "orphaned", "not ours"]
_BEHIND: Final[tuple[Became, ...]] = ("written", "updated", "drift", "orphaned")
_TOLD: Final = 6
"""So many changes of a file are told one by one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a file, and why."""

    name: str
    became: Became
    details: tuple[str, ...] = ()
    text: str | None = None
    """What to write; None for a file that stays as it is."""
    scenario: str = ""
    """The id of its scenario; empty where the architecture has none."""

    @property
    def is_behind(self) -> bool:
        """Whether the folder does not say what the architecture gives."""
        return self.became in _BEHIND


@dataclass(frozen=True, slots=True)
class Plan:
    outcomes: Sequence[Outcome]
    passed: Sequence[Passed]
    """Rows that were passed over, and why."""
    wanted: Sequence[str]
    """The files of the first rows, in their order."""


def plan(shown: Listing, top: int, setting: Setting, there: Mapping[str, str]) -> Plan:
    """`there` are the texts of the folder's files by name."""
    setting = setting._replace(remembered=_remembered(there))
    first, passed = write_top(shown, top, setting)
    places = {row.scenario.id: (place, row) for place, row in enumerate(shown.rows, 1)}
    scenarios = {" ".join(name.split()): name for name in places}  # as marks have them, on one line
    outcomes = [replace(_outcome(one, _file_of(one, there), there), scenario=one.of) for one in first]
    seen = {outcome.name for outcome in outcomes}
    for name, text in sorted(there.items()):
        known = mark(text)
        if known is None or name in seen:
            continue
        row = places.get(scenarios.get(known.of, ""))
        if row is None or not row[1].scenario.faults:
            outcomes.append(Outcome(name, "orphaned", (f"the architecture no longer has {known.of}",)))
        else:
            fresh = write(row[1], row[0], len(shown.rows), setting)
            outcomes.append(replace(_outcome(fresh, name, there), scenario=fresh.of))
    return Plan(outcomes, passed, [outcome.name for outcome in outcomes[: len(first)]])


def _file_of(written: Written, there: Mapping[str, str]) -> str:
    """Where a scenario's file is: a person may have given it another name."""
    own = there.get(written.name)
    if own is not None and mark(own) is not None:
        return written.name
    moved = sorted(name for name, text in there.items() if (known := mark(text)) is not None and known.of == written.of)
    return moved[0] if moved else written.name


def _outcome(fresh: Written, name: str, there: Mapping[str, str]) -> Outcome:
    text = there.get(name)
    if text is None:
        return Outcome(name, "written", (), fresh.text)
    if mark(text) is None:
        return Outcome(name, "not ours", ("a file of that name is there already; it was not written by the catalogue",))
    if is_untouched(text):
        if same(text, fresh.text):
            return Outcome(name, "unchanged")
        return Outcome(name, "updated", tuple(_changes(text, fresh.text)), fresh.text)
    try:
        found = drifts(text, fresh.text)
    except InvalidSpec as error:
        return Outcome(name, "drift", (mentions(error),))
    if not found:
        return Outcome(name, "kept")
    return Outcome(name, "drift", tuple(map(str, found)))


def _changes(text: str, fresh: str) -> Iterator[str]:
    """What a new text says differently, in short."""
    before, now = leaves(text), leaves(fresh)
    changed = [
        f"{path}: {before.get(path, 'nothing')} -> {now.get(path, 'nothing')}"
        for path in dict.fromkeys((*before, *now))
        if before.get(path) != now.get(path)
    ]
    yield from changed[:_TOLD]
    if len(changed) > _TOLD:
        yield f"and {len(changed) - _TOLD} more"
    if not changed:
        moved = [line for line in difflib.ndiff(text.splitlines(), fresh.splitlines()) if line.startswith("+ ")]
        yield f"comments only, {len(moved)} line{'' if len(moved) == 1 else 's'}"


def _remembered(there: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """By flow or edge, what the files were made with that is not in the architecture."""
    found: dict[str, dict[str, Any]] = {}
    for _, text in sorted(there.items()):
        known = mark(text)
        if known is not None and isinstance(key := known.given.get("for"), str):
            found.setdefault(key, {}).update(known.given)
    return found
