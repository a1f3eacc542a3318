"""The outcome of a run as text: a table of hypotheses, the reasons, and the verdict.

Other commands use its tables: values in the unit of the measurement, lines as wide as the terminal.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from brownout_controller.model.hypothesis import RecordedTerms
from brownout_controller.model.journal import Run
from brownout_controller.model.journal_index import terms_of
from brownout_controller.model.judge import Judgement
from brownout_controller.model.results import Result
from brownout_controller.report.run.evidence_text import summary
from brownout_controller.report.sentences import accounted, sentence
from brownout_core.formatting import line, quantity, wrapped
from brownout_core.quantity import UNITS
from brownout_core.terminal import coloured
from brownout_core.units import COUNT

_COLOURS: Final = {
    "held": "green",
    "broke": "bold red",
    "passed": "green",
    "refuted": "bold red",
    "ok": "green",
    "accepted": "cyan",
}
_UNSURE: Final = "yellow"
_MEANINGS: Final = frozenset({"passed", "done"})
"""Codes of reasons that repeat the line of the verdict."""
_ROOMY: Final = 90
"""Columns from which on the whole table fits."""
_UNCUT: Final = 10_000
"""Columns of a file: nothing in it is cut or wrapped."""


class OutputStyle(NamedTuple):
    """The width of the output, None where it is unlimited, and whether it has colours."""

    width: int | None = None
    colour: bool = False


def verdict_text(run: Run | None, judgement: Judgement, look: OutputStyle | None = None) -> str:
    """The table, the reasons, and the verdict on the last line."""
    parts = []
    terms = {} if run is None else {item.name: item for item in terms_of(run)}
    results = [result for result in judgement.results if result.name in terms]
    # One that stopped the run is refuted, perhaps before any sample counts.
    if run is not None and any(result.counts.total or result.outcome == "broke" for result in results):
        rows = [_row(terms[result.name], result) for result in results]
        head = ("hypothesis", "phase", "expected", "worst seen", "measurements", "outcome")
        if look is not None and look.width is not None:  # in a file each line has to stand for itself
            rows = [(("" if same else row[0]), *row[1:]) for row, same in zip(rows, _repeated(rows), strict=True)]
        if look is not None and look.width is not None and look.width < _ROOMY:
            parts.append(table([(*row[:4], row[5]) for row in [head, *rows]], look))
            parts.append(table([(*row[:2], row[4]) for row in [head, *rows]], look))
        else:
            parts.append(table([head, *rows], look))
    width = _UNCUT if look is None or look.width is None else look.width
    for reason in judgement.reasons:
        if reason.code not in _MEANINGS:
            parts += [f"{text}\n" for text in wrapped(sentence(reason), width, "  ", "    ")]
    seen = summary(judgement.evidence, {name: UNITS.get(item.unit or "", COUNT) for name, item in terms.items()})
    if seen:
        parts.append(drawn(Text(f"evidence: {seen}"), look))
    if judgement.recovery is not None:
        parts.append(f"recovered {judgement.recovery:.1f} s after the revert\n")
    verdict = Text.assemble(
        "verdict: ", (judgement.verdict.value, _COLOURS.get(judgement.verdict.value, _UNSURE)),
        f", exit status {judgement.exit}: {judgement.verdict.meaning}",
    )  # fmt: skip
    return "".join(parts) + drawn(verdict, look)


def valued(terms: RecordedTerms) -> Callable[[float | None], str]:
    """Writes values of a hypothesis in its unit."""
    unit = UNITS.get(terms.unit or "", COUNT)
    return lambda value: quantity(value, unit)


def table(rows: Iterable[Sequence[str]], look: OutputStyle | None = None) -> str:
    """Lines of cells; the first row is the head, and a last cell that is an outcome has its colour."""
    head, *others = rows
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    for name in head:
        made.add_column(name, overflow="fold", justify="right" if name in ("worst seen", "now") else "left")
    for row in others:
        *cells, last = map(line, row)
        made.add_row(*map(Text, cells), Text(last, _COLOURS.get(last, "" if " " in last else _UNSURE)))
    return drawn(made, look)


def drawn(what: Table | Text, look: OutputStyle | None) -> str:
    """The text of a table or a line."""
    width, colour = look or OutputStyle()
    console = Console(
        file=io.StringIO(), width=width or _UNCUT, force_terminal=colour, color_system="standard" if colour else None,
        highlight=False, emoji=False, markup=False, legacy_windows=False,
    )  # fmt: skip
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{text.rstrip()}\n" for text in console.file.getvalue().splitlines())


def fitting(out: TextIO | None = None) -> OutputStyle:
    """How to write to `out`, stdout by default."""
    stream = out or sys.stdout
    return OutputStyle(shutil.get_terminal_size().columns, coloured(stream)) if stream.isatty() else OutputStyle()


def _repeated(rows: Sequence[Sequence[str]]) -> Iterator[bool]:
    """Whether each row has the first cell of the row above it."""
    return (bool(number) and rows[number - 1][0] == row[0] for number, row in enumerate(rows))


def _row(terms: RecordedTerms, result: Result) -> Sequence[str]:
    worst = valued(terms)(result.worst) if result.worst is not None else "-"
    return (result.name, result.phase, terms.expect, worst, accounted(result.reason), result.outcome)
