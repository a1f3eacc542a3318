"""The catalogue as a page: the ranked table, and everything about each row to open."""

from __future__ import annotations

from brownout_catalogue.rendering.listing import Listing, cut_short, explained, heading, known, told, word
from brownout_core.html import page


def render(shown: Listing, top: int) -> str:
    """One file that loads nothing, with the first `top` rows."""
    rows = [
        (told_of, word(told_of.row.impact.value), word(told_of.row.exposure.value), known(told_of.row.ignorance),
         word(told_of.row.safety.value))
        for place, row in enumerate(shown.rows[:top], 1)
        for told_of in (explained(place, row),)
    ]  # fmt: skip
    return page.render(
        "catalogue.html.j2",
        name=shown.architecture.name,
        head=heading(len(shown.rows), len(rows)),
        rows=rows,
        missing=[(effect.path, told(effect)) for effect in shown.missing.effects[:5]],
        cut=cut_short(shown.missing),
        by_mode=shown.by_mode,
    )
