"""What a rule is and what it finds: a sentence with its numbers, the line that it is about, and the remedy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from brownout_controller.lint.subject import Path, Subject
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec

Severity = Literal["error", "warning"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning")


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule's check yields."""

    path: Path
    sentence: str
    remedy: str = ""
    """The rule's own if empty."""


Check = Callable[[Subject], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table. An error is a claim that cannot fail or a fault that cannot act; all else is a warning."""

    code: str
    severity: Severity
    title: str
    remedy: str
    check: Check
    bad: str
    """Keys of an experiment in which the rule finds something..."""
    good: str
    """... and the same, mended."""

    @property
    def reason(self) -> str:
        """Why it matters: the check's docstring."""
        return inspect.cleandoc(self.check.__doc__ or "")


def rule(code: str, severity: Severity, title: str, remedy: str, *, bad: str, good: str) -> Callable[[Check], Rule]:
    """Makes a rule of the check."""
    return lambda check: Rule(code, severity, title, remedy, check, inspect.cleandoc(bad), inspect.cleandoc(good))


class Finding(NamedTuple):
    """Something that can be seen in the file. `place` is `pay.yaml:7:3: hypotheses[0].expect`."""

    code: str
    severity: Severity
    place: str
    sentence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.sentence}; {self.remedy} [{self.code}]"


def errors_of(found: Iterable[Finding]) -> list[InvalidSpec]:
    """The errors among them, as mistakes of the file."""
    return [
        InvalidSpec(one.place, f"{one.sentence}; {one.remedy} [{one.code}]") for one in found if one.severity == "error"
    ]


def find(rules: Iterable[Rule], subject: Subject, root: Value) -> list[Finding]:
    """In the order of the file; what the experiment accepts, with its reason, is left out."""
    return located([(one, one.check(subject)) for one in rules if one.code not in subject.accepted], root)


def located(checked: Iterable[tuple[Rule, Iterable[Found]]], root: Value) -> list[Finding]:
    """What rules have found, with the places in the file, in their order."""
    found = []
    places = _Places(root)
    for one, items in checked:
        for item in items:
            where = places.at(item.path)
            finding = Finding(one.code, one.severity, where.exact_place, item.sentence, item.remedy or one.remedy)
            found.append((where.position, finding))
    return [finding for _, finding in sorted(found, key=lambda pair: pair[0])]


class _Places:
    """Finds lines of a document. What is inside of a line is listed once: thousands of claims may each have a finding,
    and whoever sends a file must not take a controller's time by them."""

    def __init__(self, root: Value) -> None:
        self._root = root
        self._inside: dict[Path, Mapping[str | int, Value]] = {}

    def at(self, path: Path) -> Value:
        """The value that is there, or the nearest one above it that is."""
        here = self._root
        for depth, step in enumerate(path):
            before = path[:depth]
            if before not in self._inside:
                self._inside[before] = _parts(here)
            if step not in self._inside[before]:
                break
            here = self._inside[before][step]
        return here


def _parts(value: Value) -> Mapping[str | int, Value]:
    parts: Iterable[tuple[str | int, Value]] = ()
    if value.is_mapping:
        parts = value.entries("a mapping").items()
    elif value.is_list:
        parts = enumerate(value.items("a list"))
    return dict(parts)
