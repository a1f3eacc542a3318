"""What a rule is and what it finds: a sentence with its numbers, the line that it is about, and the remedy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from brownout_controller.lint.subject import Path, Subject
from brownout_proxy.document import Value
from brownout_proxy.errors import InvalidSpec

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
        """Why it matters: what the check's docstring says."""
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
    found = []
    for one in rules:
        if one.code in subject.accepted:
            continue
        for item in one.check(subject):
            where = root.at(item.path)
            finding = Finding(one.code, one.severity, where.exact_place, item.sentence, item.remedy or one.remedy)
            found.append((where.position, finding))
    return [finding for _, finding in sorted(found, key=lambda pair: pair[0])]
