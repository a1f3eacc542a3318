"""A run in GitHub's Markdown, for step summaries and comments.

A summary over 1 MiB is dropped whole, so this one stays below 900 KiB and says what it left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from brownout_controller.report.run.load_table import HEADING, load_row
from brownout_controller.report.run.run_report import RunReport
from brownout_controller.report.sentences import accounted
from brownout_core.formatting import clipped, line, moment, quantity
from brownout_core.verdict import Verdict

LIMIT: Final = 900 * 1024
"""Bytes."""
_LONGEST: Final = 1000
"""Characters of one text."""
_MOST: Final = 300
"""Rows of one table."""
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]#|~$])")
MARKS: Final = {
    Verdict.PASSED: "✅",
    Verdict.REFUTED: "❌",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.REFUSED: "⛔",
    Verdict.STOPPED: "🛑",
    Verdict.NOT_REVERTED: "🚨",
    Verdict.INTERNAL: "🐞",
    Verdict.DONE: "🏁",
}
_OUTCOMES: Final = {
    "held": "✅ held", "accepted": "☑️ accepted without data", "broke": "❌ broke", "no-data": "❔ no data",
    "missing": "❔ missing", "too-few": "❔ too few", "untested": "❔ untested",
}  # fmt: skip


def render(*runs: RunReport) -> str:
    """At most LIMIT bytes of UTF-8. Several runs are sections under a list of their verdicts."""
    lines = [*_verdicts(runs)] if len(runs) != 1 else []
    for told in runs:
        lines += [*_lines(told), ""] if len(runs) != 1 else _lines(told)
    return _cut("\n".join(lines) + "\n")


def escaped(text: object) -> str:
    """Text that Markdown shows as it is, and that calls nobody: GitHub notifies whom an @ names."""
    shown = clipped(line(text), _LONGEST).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = _SPECIAL.sub(r"\\\1", shown).replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")
    return shown.replace("@", "@<!-- -->")


def _verdicts(runs: Sequence[RunReport]) -> Iterable[str]:
    rows = [
        (f"{MARKS[told.judgement.verdict]} {told.judgement.verdict}", escaped(told.name), escaped(told.sentence))
        for told in runs
    ]
    yield from _table(("verdict", "experiment", "why"), rows)


def _lines(told: RunReport) -> Iterable[str]:
    run, judgement = told.run, told.judgement
    yield f"## {MARKS[judgement.verdict]} {escaped(told.name)}: {judgement.verdict}"
    yield ""
    if not told.finished:
        yield "**The journal has no end: the run is under way or was killed.** What it says so far:"
        yield ""
    meaning = f"{judgement.verdict.meaning}; " if told.sentence != judgement.verdict.meaning else ""
    yield f"**{escaped(told.sentence)}** ({meaning}exit {judgement.exit})"
    yield ""
    for reason in told.reasons[1 : _MOST + 1]:
        yield f"- {escaped(reason)}"
    yield ""
    if run.replay:
        yield f"Run `{_code(run.run_id)}`, seed {run.seed}. Again with:"
        yield ""
        yield from _fenced(run.replay)
        yield ""
    yield from _hypotheses(told)
    yield from _table(HEADING, [[escaped(cell) for cell in load_row(load)] for load in told.load])
    if told.evidence:
        yield from _table(("evidence", told.evidence_sentence and escaped(told.evidence_sentence)),
                          [(what, escaped(text)) for what, text in told.evidence])  # fmt: skip
    yield from _injections(told)
    yield from _table(("", ""), [(escaped(what), escaped(value)) for what, value in told.times])
    yield from _table(
        ("at", "what happened"),
        [(moment(event.at), f"**{escaped(event.what)}**" if event.grave else escaped(event.what))
         for event in told.events],
    )  # fmt: skip
    if run.version:
        where = escaped(run.environment.get("name", ""))
        yield f"brownout {escaped(run.version)} in {where}, started {escaped(run.started)}"


def _hypotheses(told: RunReport) -> Iterable[str]:
    rows = [
        (
            escaped(claim.terms.name), result.phase, escaped(claim.terms.expect),
            escaped(quantity(result.worst, claim.unit)), escaped(accounted(result.reason)), _OUTCOMES[result.outcome],
        )
        for claim in told.claims
        for result in claim.results
    ]  # fmt: skip
    yield from _table(("hypothesis", "phase", "expected", "worst", "measurements", "outcome"), rows)


def _injections(told: RunReport) -> Iterable[str]:
    yield from _table(
        ("fault", "hits", "connections met"),
        [(escaped(name), str(hits), str(met)) for name, (hits, met) in told.hits.items()],
    )
    rows = []
    for change in told.changes:
        how = "nothing says that it was undone"
        if change.reverted is not None:
            how = change.reverted[1].how or change.reverted[1].why
        since = "never in place" if change.injected is None else moment(change.injected[0])
        until = moment(change.reverted[0]) if change.reverted is not None and change.verified else "**not verified**"
        rows.append((escaped(change.undo.target.get("id", change.undo.id)), since, until, escaped(how)))
    yield from _table(("target", "injected at", "undone at", "proof"), rows)


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Nothing if there are no rows."""
    if not rows:
        return
    yield f"| {' | '.join(heading)} |"
    yield f"|{' --- |' * len(heading)}"
    for row in rows[:_MOST]:
        yield f"| {' | '.join(row)} |"
    if len(rows) > _MOST:
        yield f"| … and {len(rows) - _MOST} more |{' |' * (len(heading) - 1)}"
    yield ""


def _fenced(text: str) -> Iterable[str]:
    """Whatever backticks the text has, the fence is longer."""
    shown = clipped(line(text), 10 * _LONGEST)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    yield f"{fence}sh"
    yield shown
    yield fence


def _code(text: str) -> str:
    return clipped(line(text), _LONGEST).replace("`", "'")


def _cut(text: str) -> str:
    """At the end of a line, with a word about it."""
    data = text.encode()
    if len(data) <= LIMIT:
        return text
    told = "\n\n… cut here: the HTML report and the journal have the rest\n"
    kept = data[: LIMIT - len(told.encode())].decode(errors="ignore")
    return kept[: kept.rfind("\n")] + told
