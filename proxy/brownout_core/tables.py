"""Tables of text: columns under a heading, fitted to a width if there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import click

from brownout_core.terminal import columns as screen_columns
from brownout_core.terminal import fitted

_GAP: Final = "  "
_LEAST: Final = 12
"""Columns of the screen that a clipped column keeps."""


class Column(NamedTuple):
    """`gives` is how the column makes room where there is not enough: "never", by being "clipped", or by being "left
    out". One that gives "last" is clipped after every column that may be left out is gone."""

    title: str
    right: bool = False
    gives: str = "never"


class Cell(NamedTuple):
    """The text of one row in one column. `colour` is a name of click's."""

    text: str
    colour: str | None = None


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None) -> Iterator[str]:
    """The lines of the table, which has its natural width for None. Columns are left out from the left first, then
    clipped."""
    kept = list(range(len(columns)))
    widths = [
        max([screen_columns(column.title), *(screen_columns(row[n].text) for row in rows)])
        for n, column in enumerate(columns)
    ]
    if width is not None:
        for n in range(len(columns)):
            least = sum(min(widths[m], _LEAST) if columns[m].gives == "clipped" else widths[m] for m in kept)
            if columns[n].gives == "left out" and least + len(_GAP) * (len(kept) - 1) > width:
                kept.remove(n)
        for n in reversed(kept):  # from the right, so that the first column that may be clipped keeps most
            over = sum(widths[m] for m in kept) + len(_GAP) * (len(kept) - 1) - width
            if over > 0 and columns[n].gives in ("clipped", "last"):
                widths[n] = max(min(widths[n], _LEAST), widths[n] - over)

    def padded(n: int, text: str) -> str:
        text = fitted(text, widths[n])
        room = " " * (widths[n] - screen_columns(text))
        return room + text if columns[n].right else text + room

    yield click.style(_GAP.join(padded(n, columns[n].title) for n in kept).rstrip(), bold=True)
    for row in rows:
        cells = [(padded(n, row[n].text), row[n].colour) for n in kept]
        yield _GAP.join(click.style(text, fg=colour) if colour else text for text, colour in cells).rstrip()
