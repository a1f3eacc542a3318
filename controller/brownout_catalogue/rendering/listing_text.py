"""The catalogue for people at a terminal: the ranked table, and everything about one row."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

import click

from brownout_catalogue.rendering.listing import Explanation, Listing, cut_short, heading, known, told, word
from brownout_catalogue.scoring.ranking import Row
from brownout_core.formatting import line, wrapped
from brownout_core.safe_text import printable
from brownout_core.tables import Cell, Column, table

WIDTH: Final = 80
"""Columns where the output is no terminal."""
_COLUMNS: Final = (
    Column("#", right=True), Column("score", right=True), Column("scenario"), Column("impact"), Column("exposure"),
    Column("tested"), Column("safety"), Column("call"),
)  # fmt: skip
"""The last one is left out where a person has written every call."""
_COLOURS: Final = {"high": "red", "broken": "red", "never": "yellow", "expired": "yellow", "weak": "yellow"}
_OTHERS: Final = 48
"""Columns of the table beside the scenario, gaps included, at the most."""
_CALL: Final = 9
_LEAST: Final = 24
_EFFECTS: Final = 3


def render(shown: Listing, top: int, width: int = WIDTH, again: str = "") -> str:
    """`top` rows; `again` is the command that was given, for the hint at the end."""
    return "\n".join(_lines(shown, top, width, again)) + "\n"


def _lines(shown: Listing, top: int, width: int, again: str) -> Iterator[str]:
    rows = shown.rows[:top]
    if not rows:
        yield "There is nothing to rank: no component calls another, and none is of a kind that fails by itself."
        return
    yield from _wrapped(f"{line(shown.architecture.name)}: {heading(len(shown.rows), len(rows))}", width)
    yield ""
    guessed = any(row.certainty.guess for row in rows)
    columns = _COLUMNS if guessed else _COLUMNS[:-1]
    room = width - _OTHERS - (_CALL if guessed else 0)
    cells = [row[: len(columns)] for place, one in enumerate(rows, 1) for row in _row(place, one, room)]
    yield from table(columns, cells, None)
    yield ""
    if any(not row.scenario.faults for row in rows):
        yield from _wrapped(
            "* cannot be injected by the proxy; --explain says what comes nearest, and how a cluster does it", width
        )
        yield ""
    yield from _missing(shown, width)
    counts = ", ".join(f"{mode} {count}" for mode, count in shown.by_mode.items())
    yield from _wrapped(f"By mode: {counts}.", width)
    if again:
        yield from _wrapped(f"Everything about a row: {again} --explain 1", width)


def _row(place: int, row: Row, room: int) -> Iterator[Sequence[Cell]]:
    title = line(row.scenario.title) + ("" if row.scenario.faults else " *")
    pieces = [
        printable(piece)
        for piece in textwrap.wrap(title, max(_LEAST, room), subsequent_indent="  ", break_on_hyphens=False)
    ]
    words = (
        word(row.impact.value),
        word(row.exposure.value),
        known(row.ignorance),
        word(row.safety.value),
        row.certainty.level,
    )
    factors = [Cell(text, _COLOURS.get(text) if n != 3 else None) for n, text in enumerate(words)]
    yield [Cell(str(place)), Cell(f"{100 * row.score:.0f}"), Cell(pieces[0]), *factors]
    for piece in pieces[1:]:
        yield [Cell(""), Cell(""), Cell(piece), *(Cell("") for _ in factors)]


def _missing(shown: Listing, width: int) -> Iterator[str]:
    effects, cut = shown.missing.effects, cut_short(shown.missing)
    if effects:
        yield from _wrapped(f"The missing line that matters most: {effects[0].path}", width)
        yield from _wrapped(f"  {told(effects[0])}.", width)
        if len(effects) > 1:
            yield "Next:"
            for effect in effects[1:_EFFECTS]:
                yield f"  {line(effect.path)}"
    if cut:
        yield from _wrapped(f"The search for it was cut short: {cut}.", width)
    if effects or cut:
        yield ""


def explain(told: Explanation, width: int = WIDTH) -> str:
    """Everything about one row."""
    return "\n".join(_explanation(told, width)) + "\n"


def _explanation(told: Explanation, width: int) -> Iterator[str]:
    row = told.row
    yield click.style(f"{told.place}. {line(row.scenario.title)}", bold=True)
    formula = " x ".join(f"{name} {value:.2f}" for name, value, _, _ in told.factors)
    yield from _wrapped(f"{row.scenario.id}: score {100 * row.score:.1f} = 100 x {formula}", width)
    for name, value, described, reasons in told.factors:
        yield ""
        yield f"{name.capitalize()}: {described} ({value:.2f})"
        yield from _listed(reasons, width)
    yield ""
    yield "What goes wrong"
    yield from _wrapped(told.goes_wrong, width, "  ")
    yield ""
    yield "What to look for"
    yield from _listed(told.look_for, width)
    yield ""
    yield "Hypotheses to begin with"
    for name, expect, measured in told.hypotheses:
        yield from _wrapped(f"- {name}: {expect} ({measured})", width, "  ", "    ")
    for title, lines in (("Locally", told.local), ("In a cluster", told.cluster)):
        yield ""
        yield title
        for text in lines:
            yield from _wrapped(text, width, "  ", "    ")


def _listed(texts: Sequence[str], width: int) -> Iterator[str]:
    for text in texts:
        yield from _wrapped(f"- {text}", width, "  ", "    ")


def _wrapped(text: str, width: int, first: str = "", then: str | None = None) -> Iterator[str]:
    """Every line as far in as the text is, unless `then` says how far the others are."""
    begin = first + " " * (len(text) - len(text.lstrip()))
    yield from wrapped(text, width, begin, begin if then is None else then)
