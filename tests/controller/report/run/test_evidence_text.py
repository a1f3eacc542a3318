"""Evidence in words: the facts are there, in units, and without the run that a fault is named after."""

from __future__ import annotations

import json

import pytest

from brownout_controller.model.disturbances import DISTURBANCES, Strength
from brownout_controller.model.evidence import Contact, Evidence, Flow, Move, Share
from brownout_controller.model.journal import TargetState
from brownout_controller.model.reasons import Number, Reason
from brownout_controller.report.run import junit, run_json, run_markdown, run_page
from brownout_controller.report.run.evidence_text import (
    SENTENCES,
    attributes_text,
    disturbance_lines,
    fault_name,
    flow_text,
    plain,
    rows,
    share_text,
    summary,
)
from brownout_core.units import SECONDS, SHARE
from brownout_core.verdict import Verdict
from tests.support.builders.journals import NASTY, TERMS, Story

FAULT = "latency.20260101-000000-try-00000001"
UNITS = {"p99": SECONDS, "errors": SHARE}
SEEN = Evidence(
    contacts=[Contact("a", FAULT, 412, 10, 411), Contact("b", FAULT, 0, 0, 0)],
    share=Share(0.685, 411, 600, "requests", 0.9),
    flows=[Flow("during", 10, 10, 411, 41_100, 8_220_000, 123.0, 2, 3, 1)],
    strengths=[Strength("a", FAULT, "latency", "downstream", {"latency": 3000, "jitter": 0}, {}, 20.0, 40.0)],
    moves=[Move("p99", 0.012, 3.1, changed=True), Move("errors", 0.0, 0.0, changed=False)],
    claims=True,
    claimed=True,
)  # fmt: skip


def test_every_part_of_the_evidence_has_its_row() -> None:
    report = rows(SEEN, UNITS)
    assert [what for what, _ in report] == [
        "met the fault",
        "met the fault",
        "share",
        "on the edge",
        "fault in force",
        "measured",
        "measured",
        "changed by others",
    ]
    text = "\n".join(line for _, line in report)
    for fact in ("412 hits", "10 connections", "b: no traffic", "411 of 600", "41.1 exchanges/s", "822 kB/s down",
                 "2m 3s" if "2m 3s" in text else "123", "latency 3s", "12ms", "3.1s", "usual spread"):  # fmt: skip
        assert fact in text, fact
    assert "20260101" not in text
    assert rows(Evidence(), {}) == []


def test_the_summary_names_the_targets_that_met_nothing_and_what_moved() -> None:
    text = summary(SEEN, UNITS)
    assert text.startswith("1 of 2 targets met the fault")
    assert "p99: 12ms before, 3.1s under the fault" in text
    assert summary(Evidence(), {}) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"moves": [Move("errors", 0.0, 0.0, changed=False)]}, "nothing measured changed"),
        ({"claimed": False, "moves": []}, "nothing was claimed for the time of the fault"),
    ],
)
def test_the_summary_says_what_is_proved_less(changes: dict[str, object], words: str) -> None:
    assert words in summary(Evidence(**{"contacts": SEEN.contacts, "claims": True, "claimed": True} | changes), UNITS)  # type: ignore[arg-type]


def test_programs_get_all_of_it() -> None:
    content = json.loads(json.dumps(plain(SEEN), allow_nan=False))
    assert content["met"][0] == {"target": "a", "fault": "latency", "hits": 412, "connections": 10, "exchanges": 411}
    assert content["share"]["value"] == 0.685
    assert content["moved"][0]["changed"] is True
    assert (content["edge"][0]["delay"], content["strength"][0]["attributes"]["latency"]) == (123.0, 3000)


def test_names_and_attributes_are_as_people_wrote_them() -> None:
    assert fault_name(FAULT) == "latency"
    assert fault_name("shop.v2") == "shop.v2"
    assert attributes_text("latency", {"latency": 3000, "jitter": 0, "toxicity": 0.5}) == "latency 3s, toxicity 0.5"
    assert attributes_text("refuse", {}) == "refuse"
    assert attributes_text("of a later version", {"x": 1}) == "x 1"
    assert "not dialled" in flow_text(SEEN.flows[0])


@pytest.mark.parametrize("code", DISTURBANCES)
def test_what_others_did_says_where_when_and_for_how_long(code: str) -> None:
    numbers = {"at": Number(12.0, "s"), "seconds": Number(5.0, "s")}
    words = {"fault": FAULT, "kind": "timeout", "run": "other", "was:latency": "3000", "now:latency": "1",
             "before": "db:1", "after": "db:2"}  # fmt: skip
    (text,) = disturbance_lines([Reason(code, subject="here/db", numbers=numbers, words=words)])
    for fact in ("here/db", "12", "5"):
        assert fact in text


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (Share(1.0, 202, 181, "requests", 1.0), "all 181 requests"),
        (Share(0.5, 202, 181, "requests"), "202 exchanges of 181 requests (50%)"),
        (Share(1.0, 20, 0, "exchanges"), "all 20 exchanges"),
        (Share(1.0, 24, 103, "requests", 1.0), "24 of 103 requests (100% went over the edge before the fault)"),
    ],
)
def test_a_share_is_never_more_than_all(share: Share, words: str) -> None:
    assert share_text(Evidence(share=share)) == words


def test_a_changed_attribute_has_the_unit_of_its_fault() -> None:
    words = {"fault": FAULT, "kind": "latency", "was:latency": "3000", "now:latency": "1"}
    text = SENTENCES["fault-changed"](Reason("fault-changed", subject="here/db", words=words))
    assert "latency from 3s to 1ms" in text
    assert "latency from unset to 1" in SENTENCES["fault-changed"](
        Reason("fault-changed", words={"was:latency": "", "now:latency": "1"})
    )


def test_a_sliver_says_how_little_and_why_that_may_be() -> None:
    numbers = {"share": Number(0.0095, "share"), "min_share": Number(0.05, "share"), "met": Number(2),
               "possible": Number(210), "before": Number(0.01, "share")}  # fmt: skip
    text = SENTENCES["small-share"](Reason("small-share", numbers=numbers, words={"of": "requests"}))
    for fact in ("2 of 210 requests", "min_share", "5", "cache", "Kafka", "Redis Cluster", "MongoDB"):
        assert fact in text


def test_every_report_carries_the_evidence() -> None:
    report = (
        Story(terms=[{**TERMS, "when": ["baseline", "during", "recovery"]}])
        .planned()
        .at(0.2, TargetState("127.0.0.1:8475/db", "one", True, "db:1"))
        .samples("baseline", 1, 0.01, 0.011, 0.012)
        .injected()
        .samples("during", 6, 0.15, 0.16, 0.15)
        .at(7, TargetState("127.0.0.1:8475/db", "one", False, f"db:1 {NASTY}"))
        .at(8, TargetState("127.0.0.1:8475/db", "one", True, "db:1"))
        .hit()
        .reverted()
        .samples("recovery", 11, 0.01, 0.01, 0.01)
        .judged()
        .report()
    )
    assert report.judgement.verdict is Verdict.INCONCLUSIVE
    assert "somebody disabled 127.0.0.1:8475/db" in report.sentence
    content = json.loads(run_json.render(report))["evidence"]
    assert content["met"][0]["hits"] == 425
    assert {item["code"] for item in content["disturbances"]} == {"proxy-disabled", "upstream-changed"}
    assert any(event.grave and "somebody disabled" in event.what and event.at == 7 for event in report.events)
    page, text, suite = run_page.render(report), run_markdown.render(report), junit.render(report)
    assert ">Evidence<" in page
    assert "| evidence |" in text
    assert "evidence: " in suite
    for made in (page, text, suite):
        assert "p99 stays low: 11ms before, 150ms under the fault" in made.replace("\\", "")
        assert "<script>alert" not in made


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"requests": 412, "delay": 1236.0, "ended": 0}, ["412 exchanges", "21 min"]),
        ({"requests": 412, "delay": 0.0, "ended": 7}, ["412", "7 connections"]),
        ({"requests": 0, "delay": 0.0, "ended": 0}, ["too weak"]),
        ({}, ["too weak"]),
    ],
)
def test_what_was_done_without_a_change_is_in_the_sentence(numbers: dict[str, float], words: list[str]) -> None:
    reason = Reason("passed-unmoved", numbers={name: Number(value) for name, value in numbers.items()})
    text = SENTENCES["passed-unmoved"](reason)
    assert all(word in text for word in words), text
