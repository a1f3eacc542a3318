"""The catalogue in GitHub's Markdown, to be kept in a repository or a wiki."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from brownout_catalogue.rendering.listing import Explanation, Listing, cut_short, explained, heading, known, told, word
from brownout_core.formatting import line
from brownout_core.markdown import escaped

_EFFECTS: Final = 5


def render(shown: Listing, top: int) -> str:
    """The first `top` rows as a table, and then each with everything about it."""
    return "\n".join(_lines(shown, top)) + "\n"


def _lines(shown: Listing, top: int) -> Iterator[str]:
    rows = list(enumerate(shown.rows[:top], 1))
    yield f"# What could go wrong with {escaped(shown.architecture.name)}"
    yield ""
    head = heading(len(shown.rows), len(rows))
    yield f"{head[:1].upper()}{head[1:]}; score = 100 × impact × exposure × ignorance × safety × certainty."
    yield ""
    yield "| # | score | scenario | impact | exposure | tested | safety | call | locally |"
    yield "| ---: | ---: | --- | --- | --- | --- | --- | --- | --- |"
    for place, row in rows:
        words = (
            word(row.impact.value),
            word(row.exposure.value),
            known(row.ignorance),
            word(row.safety.value),
            row.certainty.level,
        )
        local = "yes" if row.scenario.faults else "no"
        cells = (str(place), f"{100 * row.score:.0f}", escaped(row.scenario.title), *words, local)
        yield f"| {' | '.join(cells)} |"
    yield ""
    if shown.missing.effects:
        yield "## Missing lines"
        yield ""
        yield "What nobody has said in the architecture, and what would change the order most:"
        yield ""
        for effect in shown.missing.effects[:_EFFECTS]:
            yield f"- `{line(effect.path).replace('`', '')}`: {escaped(told(effect))}"
        yield ""
    if cut := cut_short(shown.missing):
        yield f"The search for missing lines was cut short: {cut}."
        yield ""
    yield "## Scenarios by mode"
    yield ""
    yield ", ".join(f"{mode} {count}" for mode, count in shown.by_mode.items())
    for place, row in rows:
        yield ""
        yield from _explanation(explained(place, row))


def _explanation(told: Explanation) -> Iterator[str]:
    yield f"## {told.place}. {escaped(told.row.scenario.title)}"
    yield ""
    yield "| factor | | why |"
    yield "| --- | --- | --- |"
    for name, value, described, reasons in told.factors:
        yield f"| {name} | {described} ({value:.2f}) | {escaped('; '.join(reasons))} |"
    yield ""
    yield escaped(told.goes_wrong)
    yield ""
    yield "What to look for:"
    yield ""
    yield from _listed(told.look_for)
    yield "Hypotheses to begin with:"
    yield ""
    yield from _listed([f"{name}: {expect} ({measured})" for name, expect, measured in told.hypotheses])
    yield f"**Locally:** {escaped('; '.join(told.local))}"
    yield ""
    yield f"**In a cluster:** {escaped('; '.join(told.cluster))}"


def _listed(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield f"- {escaped(text)}"
    yield ""
