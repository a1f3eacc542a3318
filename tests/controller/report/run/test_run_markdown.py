"""Markdown for step summaries."""

from __future__ import annotations

import re

import pytest

from brownout_controller.model.journal import Failure
from brownout_controller.report.run import run_markdown
from brownout_controller.report.run.run_report import run_report
from brownout_core.markdown import escaped
from brownout_core.verdict import Verdict
from tests.support.builders import journals
from tests.support.builders.journals import TERMS, Story


@pytest.mark.parametrize("verdict", journals.ALL)
def test_verdict_and_reason_come_first(verdict: str) -> None:
    report = journals.ALL[verdict]().report()
    lines = run_markdown.render(report).splitlines()
    assert lines[0].endswith(f"database-latency: {verdict}")
    assert escaped(report.sentence) in lines[2]


def test_what_is_said_by_the_verdict_alone_is_said_once() -> None:
    report = journals.ALL["passed"]().report()
    assert run_markdown.render(report).count(escaped(report.sentence)) == 1


def test_several_runs_are_sections_under_a_list_of_their_verdicts() -> None:
    lines = run_markdown.render(*[story().report() for story in journals.ALL.values()]).splitlines()
    head = lines[: next(number for number, line in enumerate(lines) if line.startswith("## "))]
    for verdict in journals.ALL:
        assert any(
            line.startswith(f"| {run_markdown.MARKS[Verdict(verdict)]} {verdict} | database-latency |") for line in head
        )
        assert f"## {run_markdown.MARKS[Verdict(verdict)]} database-latency: {verdict}" in lines


def test_it_has_what_a_summary_needs() -> None:
    text = run_markdown.render(journals.refuted().report())
    assert "```sh\nbrownout run exp.yaml --env local --seed 7\n```" in text
    assert "| p99 stays low | during | &lt; 200ms | 306ms | 1 good, 2 bad, of 3 | ❌ broke |" in text
    assert "| latency\\_downstream | 425 | 251 |" in text
    assert "| 127.0.0.1:8475/db | 5.0 s | 10.0 s | gone by a listing |" in text
    assert "seed 7" in text


def test_a_revert_that_is_not_verified_is_told() -> None:
    assert "**not verified** | nobody answers at 127.0.0.1:8475 |" in run_markdown.render(
        journals.not_reverted().report()
    )
    assert "**not verified** |" in run_markdown.render(journals.killed().report())


def test_a_journal_without_end_is_told_as_such() -> None:
    assert "has no end" in run_markdown.render(journals.killed().report())
    assert "has no end" in run_markdown.render(run_report([], "x"))
    assert "has no end" not in run_markdown.render(journals.passed().report())


def test_text_of_others_makes_no_markup_and_calls_nobody() -> None:
    text = run_markdown.render(journals.nasty().report())
    without_code = re.sub(r"(?s)```+sh.*?\n```+\n|`[^`\n]*`", "", text)
    assert "<script" not in without_code
    assert not re.search(r"@\w", without_code), "GitHub notifies whom an @ names"
    assert not [line for line in text.splitlines() if line.startswith("# x")]
    assert not re.search(r"(?<!\\)`@", without_code)
    text.encode()


def test_a_fence_is_longer_than_the_backticks_in_it() -> None:
    text = run_markdown.render(Story(replay="brownout run '````'").report())
    assert "`````sh\nbrownout run '````'\n`````" in text


def test_rows_of_a_table_have_the_cells_of_its_heading() -> None:
    for block in run_markdown.render(journals.nasty().report()).split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        cells = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(cells) <= 1, block


def test_it_stays_below_the_limit_of_a_step_summary_and_says_what_is_missing() -> None:
    terms = [{**TERMS, "name": f"{number} " + "ü" * 190, "expect": "< 200ms"} for number in range(400)]
    story = Story(terms=terms, environment={"name": "x" * 2_000_000})
    for number in range(2000):
        story.at(number, Failure("probe", "&" * 900 + str(number)))
    text = run_markdown.render(story.report())
    assert len(text.encode()) <= run_markdown.LIMIT
    assert "brownout run exp.yaml" in text
    assert "cut here" in text
    assert "… and 900 more" in text
