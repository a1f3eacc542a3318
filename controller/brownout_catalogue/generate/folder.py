"""The decisions about a folder of experiments when the catalogue is written again; the caller carries them out.

An untouched file is written anew. A changed file is kept and its drift reported. A file whose scenario is gone is
reported and kept as well. Nothing is ever deleted.
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
_MAX_CHANGES: Final = 6
"""Changes of a file that are listed one by one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decision about a file, and its reason."""

    name: str
    became: Became
    details: tuple[str, ...] = ()
    text: str | None = None
    """The text to write; None for a file that stays as it is."""
    scenario: str = ""
    """The id of its scenario; empty where the architecture has none."""

    @property
    def is_behind(self) -> bool:
        """Whether the folder and the architecture differ."""
        return self.became in _BEHIND


@dataclass(frozen=True, slots=True)
class Plan:
    outcomes: Sequence[Outcome]
    passed: Sequence[Passed]
    """Rows that were passed over, and why."""
    wanted: Sequence[str]
    """The files of the first rows, in their order."""


def plan(listing: Listing, top: int, setting: Setting, there: Mapping[str, str]) -> Plan:
    """`there` are the texts of the folder's files by name."""
    setting = setting._replace(remembered=_remembered(there))
    first, passed = write_top(listing, top, setting)
    places = {row.scenario.id: (place, row) for place, row in enumerate(listing.rows, 1)}
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
            fresh = write(row[1], row[0], len(listing.rows), setting)
            outcomes.append(replace(_outcome(fresh, name, there), scenario=fresh.of))
    return Plan(outcomes, passed, [outcome.name for outcome in outcomes[: len(first)]])


def _file_of(written: Written, there: Mapping[str, str]) -> str:
    """The name of a scenario's file, which a person may have renamed."""
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
    """A summary of the changes in a new text."""
    before, now = leaves(text), leaves(fresh)
    changed = [
        f"{path}: {before.get(path, 'nothing')} -> {now.get(path, 'nothing')}"
        for path in dict.fromkeys((*before, *now))
        if before.get(path) != now.get(path)
    ]
    yield from changed[:_MAX_CHANGES]
    if len(changed) > _MAX_CHANGES:
        yield f"and {len(changed) - _MAX_CHANGES} more"
    if not changed:
        moved = [line for line in difflib.ndiff(text.splitlines(), fresh.splitlines()) if line.startswith("+ ")]
        yield f"comments only, {len(moved)} line{'' if len(moved) == 1 else 's'}"


def _remembered(there: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """By flow or edge, the inputs of the files that the architecture does not hold."""
    found: dict[str, dict[str, Any]] = {}
    for _, text in sorted(there.items()):
        known = mark(text)
        if known is not None and isinstance(key := known.inputs.get("for"), str):
            found.setdefault(key, {}).update(known.inputs)
    return found
