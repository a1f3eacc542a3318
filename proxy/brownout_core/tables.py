"""Tables of text: columns under a heading, made to fit where a width is given."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import click

_GAP: Final = "  "
_LEAST: Final = 12
"""To how many columns of the screen one that gives way may shrink."""


class Column(NamedTuple):
    """`gives` way when there is not enough room: "never", by being "clipped", or by being "left out"; "last" is clipped
    once everything is left out that may be."""

    title: str
    right: bool = False
    gives: str = "never"


class Cell(NamedTuple):
    """What stands in a row. `colour` is one of click's."""

    text: str
    colour: str | None = None


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None) -> Iterator[str]:
    """The lines; None is as wide as it takes. Columns are left out from the left, then clipped."""
    shown = list(range(len(columns)))
    widths = [max([wide(column.title), *(wide(row[n].text) for row in rows)]) for n, column in enumerate(columns)]
    if width is not None:
        for n in range(len(columns)):
            clips = [m for m in shown if columns[m].gives == "clipped"]
            least = sum(min(widths[m], _LEAST) if m in clips else widths[m] for m in shown)
            if columns[n].gives == "left out" and least + len(_GAP) * (len(shown) - 1) > width:
                shown.remove(n)
        _shrink(columns, shown, widths, width)
    yield click.style(_line([_set(columns[n], columns[n].title, widths[n]) for n in shown]), bold=True)
    for row in rows:
        yield _line([_coloured(row[n], _set(columns[n], row[n].text, widths[n])) for n in shown])


def _shrink(columns: Sequence[Column], shown: Sequence[int], widths: list[int], width: int) -> None:
    """From the right, so that the first of those that may be clipped keeps most."""
    for n in reversed(shown):
        over = sum(widths[m] for m in shown) + len(_GAP) * (len(shown) - 1) - width
        if over > 0 and columns[n].gives in ("clipped", "last"):
            widths[n] = max(min(widths[n], _LEAST), widths[n] - over)


def _line(cells: Sequence[str]) -> str:
    return _GAP.join(cells).rstrip()


def _set(column: Column, text: str, width: int) -> str:
    text = fitted(text, width)
    room = " " * (width - wide(text))
    return room + text if column.right else text + room


def _coloured(cell: Cell, text: str) -> str:
    return click.style(text, fg=cell.colour) if cell.colour else text


def wide(text: str) -> int:
    """How many columns of a screen it takes."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def fitted(text: str, width: int) -> str:
    """Its beginning, and a sign that there was more."""
    if wide(text) <= width:
        return text
    while text and wide(text) > width - 1:
        text = text[:-1]
    return f"{text}…"
