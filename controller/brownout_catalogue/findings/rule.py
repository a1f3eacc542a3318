"""What a rule is and what it finds: a sentence with its numbers, the line it is about, and changes that end it."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from brownout_catalogue.architecture import dotted
from brownout_catalogue.findings.rule_context import NEEDS, Need, RuleContext
from brownout_core.document import Value
from brownout_core.units import SECONDS, SHARE, Unit

Level = Literal["error", "warning", "note"]
LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "note")
"""The gravest first."""
Path = tuple[str | int, ...]
"""The way to a line of the architecture, whether or not the line is there."""

_UNITS: Final[Mapping[str | int, Unit]] = {"timeout": SECONDS, "retry_budget": SHARE}
_MANY: Final = 6
"""So many changes of a fix are told; programs get all."""
SHOWN: Final = 3
"""So many missing lines are named; how many more there are is told."""


@dataclass(frozen=True)
class Change:
    """A line as it should be."""

    path: Path
    value: float | bool | str | tuple[str, ...]
    at_most: bool | None = None
    """Whether a smaller value is as good; False if a larger one is."""

    @property
    def text(self) -> str:
        bound = {None: "", True: " or less", False: " or more"}[self.at_most]
        return f"{dotted(self.path)}: {_written(self.path, self.value)}{bound}"


@dataclass(frozen=True)
class Fix:
    """Changes that end the finding when all of them are made."""

    changes: tuple[Change, ...]
    """None where the file does not say enough to name a value."""
    remark: str = ""

    @property
    def text(self) -> str:
        told = [change.text for change in self.changes]
        if len(told) > _MANY:
            told[_MANY - 1 :] = [f"and {len(told) - _MANY + 1} more like these"]
        changes = ", ".join(told)
        return f"{changes} ({self.remark})" if changes and self.remark else changes or self.remark


@dataclass(frozen=True)
class Found:
    """What a rule's check yields."""

    path: Path
    sentence: str
    fixes: tuple[Fix, ...]
    """Any one of them will do."""
    level: Level | None = None
    """The rule's own if None."""


@dataclass(frozen=True)
class Missing:
    """A line without which the rule cannot tell; the places of one rule are told together."""

    path: Path


Check = Callable[[RuleContext], Iterator[Found | Missing]]


@dataclass(frozen=True)
class Rule:
    """A row of the table."""

    id: str
    level: Level
    title: str
    needs: tuple[Need, ...]
    """The lines that it looks at; with none of one kind in the file it can find nothing."""
    check: Check

    def has_nothing_to_look_at(self, ground: RuleContext) -> bool:
        return not all(NEEDS[need](ground.architecture) for need in self.needs)

    @property
    def reason(self) -> str:
        """Why it matters, and the arithmetic: what the check's docstring says."""
        return inspect.cleandoc(self.check.__doc__ or "")


def rule(id: str, level: Level, title: str, *needs: Need) -> Callable[[Check], Rule]:
    """Makes a rule of the check."""
    return lambda check: Rule(id, level, title, needs, check)


class Idle(NamedTuple):
    """Rules that had nothing to look at."""

    rules: tuple[Rule, ...]
    of: int
    """How many rules there are."""
    needs: tuple[Need, ...]
    """What to state so that they can look at something; what most of them need comes first."""


def idle(rules: Sequence[Rule], ground: RuleContext) -> Idle:
    """The rules that could find nothing, as the file has no line of a kind that they need."""
    found = tuple(one for one in rules if one.has_nothing_to_look_at(ground))
    wanted = Counter(need for one in found for need in one.needs if not NEEDS[need](ground.architecture))
    return Idle(found, len(rules), tuple(sorted(wanted, key=lambda need: (-wanted[need], need))))


@dataclass(frozen=True)
class Finding:
    """Something that is wrong before any fault; or, as a note, that cannot be told for want of a line."""

    rule: Rule
    level: Level
    path: Path
    sentence: str
    fixes: tuple[Fix, ...] = ()
    missing: tuple[Path, ...] = ()
    """The lines that are wanting; if there are any, the finding is about them."""
    order: tuple[Any, ...] = field(default=(), repr=False)


def find(rules: Iterable[Rule], ground: RuleContext) -> tuple[Finding, ...]:
    """The gravest first, then in the order of the rules, then by name; the order of the file does not matter."""
    found: list[Finding] = []
    for place, one in enumerate(rules):
        missing: set[Path] = set()
        for item in one.check(ground):
            if isinstance(item, Missing):
                missing.add(item.path)
            else:
                level, sentence = _sure(ground, item.level or one.level, item)
                order = (LEVELS.index(level), place, tuple(map(str, item.path)), sentence)
                found.append(Finding(one, level, item.path, sentence, item.fixes, order=order))
        if missing:
            found.append(_untold(one, place, tuple(sorted(missing, key=lambda path: tuple(map(str, path))))))
    return tuple(sorted(found, key=lambda finding: finding.order))


def _sure(ground: RuleContext, level: Level, found: Found) -> tuple[Level, str]:
    """What is found about a call that an importer believes in is a note until a person has said that there is one."""
    if found.path[0] == "flows" or found.path[2:3] != ("calls",):
        return level, found.sentence
    edge = ground.architecture.edge(str(found.path[1]), str(found.path[3]))
    if edge.call.guess is None:
        return level, found.sentence
    return "note", f"{found.sentence}; that there is such a call is a guess: {edge.call.guess}"


def _untold(one: Rule, place: int, paths: tuple[Path, ...]) -> Finding:
    names = ", ".join(dotted(path) for path in paths[:SHOWN])
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    sentence = f"{one.id} cannot be told without {names}{more}"
    return Finding(one, "note", paths[0], sentence, missing=paths, order=(LEVELS.index("note"), place, ("",), ""))


def _written(path: Path, value: float | bool | str | tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    unit = _UNITS.get(path[-1])
    return f"{value:g}" if unit is None else unit.format(value)


def position(root: Value, path: Path) -> tuple[int, int]:
    """Line and column of the line that `path` leads to, or of the nearest above it that is there; from 1 on."""
    here = root
    for step in path:
        if here.is_list and isinstance(step, str):  # `calls: [redis]`
            named = [item for item in here.items("a list") if not item.is_mapping and item.plain() == step]
            return (named[0] if named else here).position
        below = here.at([step])
        if below is here or below.path == here.path:
            break
        here = below
    return here.position
