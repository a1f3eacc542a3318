"""The table of the demo: per act what the client saw before, during and after. It decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import click

from deploy.demo.acts import Act, Verdict
from deploy.demo.clients import Seen

_HEADINGS: Final = ("", "calls", "errors", "p50", "p99", "injected", "measured", "")
_WIDTHS: Final = (8, 6, 6, 8, 8, 24, 22, 2)
_LEFT: Final = frozenset((0, 5, 6, 7))
"""Columns of text; numbers stand on the right of theirs."""


@dataclass(frozen=True)
class Phase:
    """A part of an act: before, during or after its fault."""

    name: str
    seen: Seen
    verdict: Verdict


@dataclass(frozen=True)
class Result:
    act: Act
    phases: tuple[Phase, ...]

    @property
    def good(self) -> bool:
        return all(phase.verdict.good for phase in self.phases)


def lines(results: list[Result]) -> list[str]:
    """At most 100 columns, and coloured: what prints them drops the colours where there is no terminal."""
    table = [click.style(_line(_HEADINGS), bold=True)]
    for result in results:
        table.append(click.style(f"{result.act.service}: {result.act.title}", bold=True))
        table += [_line(_cells(result.act, phase), good=phase.verdict.good) for phase in result.phases]
    return table


def _cells(act: Act, phase: Phase) -> tuple[str, ...]:
    seen, during = phase.seen, phase.name == "during"
    return (
        phase.name,
        str(seen.calls),
        str(seen.failed),
        duration(seen.quantile(0.5)),
        duration(seen.quantile(0.99)),
        act.injected if during else "",
        phase.verdict.measured,
        "ok" if phase.verdict.good else "NO",
    )


def duration(seconds: float) -> str:
    """Seconds, or milliseconds below one; a dash for NaN."""
    if seconds != seconds:
        return "-"
    return f"{seconds:.3f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


def _line(cells: tuple[str, ...], *, good: bool | None = None) -> str:
    padded = [
        cell.ljust(width) if column in _LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    ]
    if good is not None:
        padded[-1] = click.style(cells[-1], fg="green" if good else "red", bold=not good)
    return "  ".join(["", *padded]).rstrip()
