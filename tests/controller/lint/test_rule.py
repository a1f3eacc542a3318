"""A finding is a line with its place, its severity, what is wrong, what to do, and its code."""

from __future__ import annotations

from tests.controller.lint.table import claims, found


def test_a_finding_reads_as_one_line() -> None:
    (finding,) = found("fault: {latency: 0ms}")
    place, sentence, remedy = finding.place, finding.sentence, finding.remedy
    assert str(finding) == f"{place}: error: {sentence}; {remedy} [fault-does-nothing]"
    assert place == "x.yaml:3:1: fault"


def test_findings_are_in_the_order_of_the_file() -> None:
    both = claims("traffic: errors, expect: < 95%", 'traffic: rate, expect: ">= -1 * baseline"')
    assert [finding.place.partition(": ")[2] for finding in found(f"fault: {{latency: 1ms}}\n{both}")] == [
        "fault", "hypotheses[0].expect", "hypotheses[1].expect",
    ]  # fmt: skip
