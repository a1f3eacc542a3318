"""The report for programs."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from brownout_controller.model.journal import Sample
from brownout_controller.report.run import run_json
from brownout_controller.report.run.run_report import run_report
from tests.support.builders import journals


@pytest.mark.parametrize("verdict", journals.ALL)
def test_it_has_the_verdict_and_what_it_rests_on(verdict: str) -> None:
    report = json.loads(run_json.render(journals.ALL[verdict]().report()))
    assert (report["verdict"], report["run"], report["seed"], report["finished"]) == (verdict, journals.RUN_ID, 7, True)
    assert report["reasons"]
    assert [item["name"] for item in report["hypotheses"]] == [journals.NAME] * 3


def test_hits_reverts_and_times_are_numbers() -> None:
    report = json.loads(run_json.render(journals.stopped().report()))
    assert report["hits"] == {"latency_downstream": {"hits": 425, "connections": 251}}
    assert report["stopping_seconds"] == pytest.approx(0.51)
    (revert,) = report["reverts"]
    assert (revert["verified"], revert["injected_at"], revert["reverted_at"]) == (True, 5.0, 7.51)


def test_several_runs_are_a_list() -> None:
    report = json.loads(run_json.render(journals.passed().report(), journals.refuted().report()))
    assert [item["verdict"] for item in report] == ["passed", "refuted"]
    assert json.loads(run_json.render()) == []


def test_a_change_that_nobody_undid_says_so() -> None:
    (revert,) = json.loads(run_json.render(journals.killed().report()))["reverts"]
    assert (revert["verified"], revert["reverted_at"]) == (False, None)


def _strictly(text: str) -> Any:
    def fail(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=fail)


def test_it_is_json_whatever_the_journal_holds() -> None:
    assert _strictly(run_json.render(run_report([], "x")))["run"] == "x"
    assert _strictly(run_json.render(journals.nasty().report()))["verdict"] == "not-reverted"
    endless = journals.Story().at(1, Sample(journals.NAME, "baseline", None, series=(("a", math.inf),)))
    assert _strictly(run_json.render(endless.report()))["hypotheses"][0]["worst"] is None
