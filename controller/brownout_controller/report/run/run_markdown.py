"""A run in GitHub's Markdown, for step summaries and comments.

A summary over 1 MiB is dropped whole, so this one stays below 900 KiB and notes what it left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from brownout_controller.report.run.load_table import HEADING, load_row
from brownout_controller.report.run.run_report import RunReport
from brownout_controller.report.sentences import accounted
from brownout_core.formatting import clipped, line, moment, quantity
from brownout_core.markdown import escaped
from brownout_core.verdict import Verdict

LIMIT: Final = 900 * 1024
"""Bytes."""
MAX_TEXT: Final = 1000
"""Characters of one text."""
MAX_ROWS: Final = 300
"""Rows of one table."""
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
    for report in runs:
        lines += [*_lines(report), ""] if len(runs) != 1 else _lines(report)
    return _cut("\n".join(lines) + "\n")


def _verdicts(runs: Sequence[RunReport]) -> Iterable[str]:
    rows = [
        (
            f"{MARKS[report.judgement.verdict]} {report.judgement.verdict}",
            escaped(report.name),
            escaped(report.sentence),
        )
        for report in runs
    ]
    yield from _table(("verdict", "experiment", "why"), rows)


def _lines(report: RunReport) -> Iterable[str]:
    run, judgement = report.run, report.judgement
    yield f"## {MARKS[judgement.verdict]} {escaped(report.name)}: {judgement.verdict}"
    yield ""
    if not report.finished:
        yield "**The journal has no end: the run is under way or was killed.** What it has so far:"
        yield ""
    meaning = f"{judgement.verdict.meaning}; " if report.sentence != judgement.verdict.meaning else ""
    yield f"**{escaped(report.sentence)}** ({meaning}exit {judgement.exit})"
    yield ""
    for reason in report.reasons[1 : MAX_ROWS + 1]:
        yield f"- {escaped(reason)}"
    yield ""
    if run.replay:
        yield f"Run `{_code(run.run_id)}`, seed {run.seed}. Again with:"
        yield ""
        yield from _fenced(run.replay)
        yield ""
    yield from _hypotheses(report)
    yield from _table(HEADING, [[escaped(cell) for cell in load_row(load)] for load in report.load])
    if report.evidence:
        yield from _table(("evidence", report.evidence_sentence and escaped(report.evidence_sentence)),
                          [(what, escaped(text)) for what, text in report.evidence])  # fmt: skip
    yield from _injections(report)
    yield from _table(("", ""), [(escaped(what), escaped(value)) for what, value in report.times])
    yield from _table(
        ("at", "what happened"),
        [(moment(event.at), f"**{escaped(event.what)}**" if event.grave else escaped(event.what))
         for event in report.events],
    )  # fmt: skip
    if run.version:
        where = escaped(run.environment.get("name", ""))
        yield f"brownout {escaped(run.version)} in {where}, started {escaped(run.started)}"


def _hypotheses(report: RunReport) -> Iterable[str]:
    rows = [
        (
            escaped(hypothesis.terms.name), result.phase, escaped(hypothesis.terms.expect),
            escaped(quantity(result.worst, hypothesis.unit)), escaped(accounted(result.reason)),
            _OUTCOMES[result.outcome],
        )
        for hypothesis in report.hypotheses
        for result in hypothesis.results
    ]  # fmt: skip
    yield from _table(("hypothesis", "phase", "expected", "worst", "measurements", "outcome"), rows)


def _injections(report: RunReport) -> Iterable[str]:
    yield from _table(
        ("fault", "hits", "connections met"),
        [(escaped(name), str(hits), str(met)) for name, (hits, met) in report.hits.items()],
    )
    rows = []
    for injection in report.injections:
        how = "the journal has no proof that it was undone"
        if injection.reverted is not None:
            how = injection.reverted[1].how or injection.reverted[1].why
        since = "never in place" if injection.injected is None else moment(injection.injected[0])
        until = (
            moment(injection.reverted[0])
            if injection.reverted is not None and injection.verified
            else "**not verified**"
        )
        rows.append((escaped(injection.undo.target.get("id", injection.undo.id)), since, until, escaped(how)))
    yield from _table(("target", "injected at", "undone at", "proof"), rows)


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Nothing if there are no rows."""
    if not rows:
        return
    yield f"| {' | '.join(heading)} |"
    yield f"|{' --- |' * len(heading)}"
    for row in rows[:MAX_ROWS]:
        yield f"| {' | '.join(row)} |"
    if len(rows) > MAX_ROWS:
        yield f"| … and {len(rows) - MAX_ROWS} more |{' |' * (len(heading) - 1)}"
    yield ""


def _fenced(text: str) -> Iterable[str]:
    """Whatever backticks the text has, the fence is longer."""
    text = clipped(line(text), 10 * MAX_TEXT)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    yield f"{fence}sh"
    yield text
    yield fence


def _code(text: str) -> str:
    return clipped(line(text), MAX_TEXT).replace("`", "'")


def _cut(text: str) -> str:
    """At the end of a line, with a word about it."""
    data = text.encode()
    if len(data) <= LIMIT:
        return text
    note = "\n\n… cut here: the HTML report and the journal have the rest\n"
    kept = data[: LIMIT - len(note.encode())].decode(errors="ignore")
    return kept[: kept.rfind("\n")] + note
