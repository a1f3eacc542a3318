"""A finding is a line with its place, its severity, what is wrong, what to do, and its code."""

from __future__ import annotations

import pytest

from brownout_core.document import Value
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


def test_thousands_of_findings_list_a_document_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = {"lists": 0}
    items = Value.items

    def counting(value: Value, wanted: str) -> list[Value]:
        counted["lists"] += value.path == "hypotheses"
        return items(value, wanted)

    monkeypatch.setattr(Value, "items", counting)
    once = len(found(claims("traffic: errors, expect: < 95%")))
    before, counted["lists"] = counted["lists"], 0
    assert len(found(claims(*["traffic: errors, expect: < 95%"] * 50))) == 50 + 49
    assert (once, counted["lists"]) == (1, before)
