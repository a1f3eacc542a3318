"""What commands print: JSON with --json, lines with tabs for a pipe, a table with colours for a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from brownout_core.safe_text import json_text, printable
from brownout_core.terminal import colour_allowed, columns

_GAP: Final = "  "
_COLOURS: Final[Mapping[str, str]] = {"enabled": "green", "disabled": "red"}


class Output:
    """Where a command's results go. Data goes to stdout; with `as_json` nothing else does."""

    def __init__(
        self, *, as_json: bool = False, terminal: bool | None = None, colour: bool | None = None, width: int = 0
    ) -> None:
        """What is None is found out: whether stdout is a terminal, its colours and its width."""
        self.as_json = as_json
        self.terminal = sys.stdout.isatty() if terminal is None else terminal
        self._colour = self.terminal and colour_allowed() if colour is None else colour
        self._width = width or shutil.get_terminal_size().columns

    def data(self, value: Any) -> None:
        """`value` as JSON."""
        click.echo(json_text(value))

    def done(self, text: str, value: Any) -> None:
        """A sentence for people, or `value` for programs."""
        if self.as_json:
            self.data(value)
        else:
            click.echo(printable(text))

    def line(self, text: str = "") -> None:
        click.echo(text)

    def tabbed(self, *cells: str) -> None:
        """A line for programs that cut at tabs."""
        click.echo("\t".join(map(printable, cells)))

    def table(self, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns under a heading; where they do not fit, a paragraph for each row, so that nothing is cut off."""
        clean = [[printable(cell) for cell in row] for row in rows]
        widths = [max(map(columns, column)) for column in zip(heading, *clean, strict=True)]
        if sum(widths) + len(_GAP) * (len(widths) - 1) > self._width:
            self._paragraphs(heading, clean)
            return
        self.line(self._style(_padded(heading, widths), bold=True))
        for row in clean:
            cells = [self._cell(cell, width) for cell, width in zip(row, widths, strict=True)]
            self.line(_GAP.join(cells).rstrip())

    def _paragraphs(self, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        for number, row in enumerate(rows):
            if number:
                self.line()
            for title, cell in zip(heading, row, strict=True):
                self.line(f"{self._style(title + ':', bold=True)} {self._cell(cell, 0)}".rstrip())

    def _cell(self, text: str, width: int) -> str:
        padding = " " * max(0, width - columns(text))
        return self._style(text, fg=_COLOURS.get(text)) + padding

    def _style(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._colour and any(style.values()) else text


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    pairs = zip(cells, widths, strict=True)
    return _GAP.join(cell + " " * (width - columns(cell)) for cell, width in pairs).rstrip()
