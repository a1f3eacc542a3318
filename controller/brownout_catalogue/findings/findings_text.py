"""Findings for people at a terminal: by level, each with its place, its sentence and what ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import click

from brownout_catalogue.findings.rule import LEVELS, Finding, Idle, Level, position
from brownout_core.document import Value
from brownout_core.formatting import line, wrapped

NEEDS_SHOWN: Final = 4
WIDTH: Final = 80
"""Columns where the output is no terminal."""
_TITLES: Final[Mapping[Level, str]] = {"error": "Errors", "warning": "Warnings", "note": "Notes"}
_COLOURS: Final[Mapping[Level, str]] = {"error": "red", "warning": "yellow", "note": "blue"}


def render(name: str, found: Sequence[Finding], root: Value, width: int = WIDTH, idle: Idle | None = None) -> str:
    """`root` is the file of which they are; `idle` are the rules that had nothing to look at."""
    lines = [*_lines(name, found, root, width)]
    if idle is not None and idle.rules:
        lines += ["", *wrapped(nothing_to_look_at(idle), width)]
    return "\n".join(lines) + "\n"


def nothing_to_look_at(idle: Idle) -> str:
    """`12 of 15 rules had nothing to look at: state timeouts, pools, replicas`."""
    more = f" and {len(idle.needs) - NEEDS_SHOWN} more" if len(idle.needs) > NEEDS_SHOWN else ""
    needs = f"{', '.join(idle.needs[:NEEDS_SHOWN])}{more}"
    return f"{len(idle.rules)} of {idle.of} rules had nothing to look at: state {needs}"


def summary(found: Sequence[Finding]) -> str:
    """`2 errors, 1 warning`; `nothing` if there is none."""
    counts = [(level, sum(finding.level == level for finding in found)) for level in LEVELS]
    told = [f"{count} {level}{'' if count == 1 else 's'}" for level, count in counts if count]
    return ", ".join(told) or "nothing"


def _lines(name: str, found: Sequence[Finding], root: Value, width: int) -> Iterator[str]:
    yield f"{line(name)}: {summary(found)} found before any fault"
    for level in LEVELS:
        those = [finding for finding in found if finding.level == level]
        if those:
            yield ""
            yield click.style(_TITLES[level], fg=_COLOURS[level], bold=True)
        for finding in those:
            yield from _finding(finding, root, width)


def _finding(finding: Finding, root: Value, width: int) -> Iterator[str]:
    row, column = position(root, finding.path)
    yield f"  {click.style(f'{line(root.file)}:{row}:{column}', bold=True)} {finding.rule.id}"
    yield from wrapped(f"{finding.sentence}.", width, "    ", "    ")
    for number, fix in enumerate(finding.fixes):
        yield from wrapped(f"{'or ' if number else 'fix'} {fix.text}", width, "    ", "        ")
