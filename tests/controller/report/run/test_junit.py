"""JUnit XML as dashboards read it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from brownout_controller.report.run import junit
from brownout_controller.report.run.run_report import RunReport, run_report
from tests.support.builders import journals
from tests.support.builders.journals import NAME, Story


def _suite(report: RunReport) -> ElementTree.Element:
    root = ElementTree.fromstring(junit.render(report))
    (suite,) = root.findall("testsuite")
    cases = suite.findall("testcase")
    for element in (root, suite):
        assert element.get("tests") == str(len(cases))
        assert element.get("failures") == str(len(suite.findall("testcase/failure")))
        assert element.get("errors") == str(len(suite.findall("testcase/error")))
    assert suite.get("skipped") == "0"
    assert not suite.findall("testcase/skipped"), "dashboards show it as green"
    return suite


def _troubles(report: RunReport) -> dict[str, str]:
    return {
        case.get("name", ""): next((child.tag for child in case if child.tag in ("failure", "error")), "")
        for case in _suite(report).findall("testcase")
    }


def test_a_suite_is_an_experiment_and_a_case_a_hypothesis_in_a_phase() -> None:
    suite = _suite(journals.passed().report())
    assert suite.get("name") == "database-latency"
    assert _troubles(journals.passed().report()) == {
        f"{NAME} [baseline]": "",
        f"{NAME} [during]": "",
        f"{NAME} [recovery]": "",
        "revert on 127.0.0.1:8475/db": "",
        "the run": "",
    }


def test_each_case_of_a_hypothesis_has_the_account_of_its_measurements() -> None:
    cases = {
        case.get("name"): case.findtext("system-out")
        for case in _suite(journals.refuted().report()).findall("testcase")
    }
    assert cases[f"{NAME} [during]"] == "1 good, 2 bad, of 3"
    assert cases[f"{NAME} [baseline]"] == "2 good, of 2", "whether or not it failed"
    assert cases["the run"] is None


def test_several_runs_are_as_many_suites_and_the_root_has_their_sums() -> None:
    root = ElementTree.fromstring(junit.render(*[story().report() for story in journals.ALL.values()]))
    suites = root.findall("testsuite")
    verdicts = [suite.find("properties/property[@name='verdict']") for suite in suites]
    assert [item.get("value") for item in verdicts if item is not None] == list(journals.ALL)
    for count in ("tests", "failures", "errors"):
        assert root.get(count) == str(sum(int(suite.get(count, "")) for suite in suites))


def test_run_and_seed_are_properties() -> None:
    properties = {item.get("name"): item.get("value") for item in _suite(journals.passed().report()).iter("property")}
    assert (properties["run"], properties["seed"], properties["verdict"]) == (journals.RUN_ID, "7", "passed")
    assert "stopping_seconds" not in properties


def test_refuted_is_a_failure_and_the_run_itself_went_through() -> None:
    troubles = _troubles(journals.refuted().report())
    assert {name for name, trouble in troubles.items() if trouble} == {f"{NAME} [during]"}
    assert troubles[f"{NAME} [during]"] == "failure"


@pytest.mark.parametrize("verdict", sorted(journals.ALL.keys() - {"passed", "refuted"}))
def test_every_other_verdict_is_an_error(verdict: str) -> None:
    assert _troubles(journals.ALL[verdict]().report())["the run"] == "error"


def test_a_baseline_that_was_not_met_is_no_failure() -> None:
    assert set(_troubles(journals.untouched().report()).values()) == {"error"}


def test_a_hypothesis_that_broke_while_no_traffic_met_the_fault_is_no_failure() -> None:
    story = Story().planned().samples("baseline", 1, 0.005).injected().samples("during", 6, 0.3).hit(hits=0).reverted()
    troubles = _troubles(story.samples("recovery", 11, 0.005).judged().report())
    assert troubles[f"{NAME} [during]"] == "error"


def test_the_hypothesis_that_stopped_the_run_has_failed_even_where_it_is_tolerated() -> None:
    terms = {**journals.TERMS, "expect": "< 10s", "stop": "> 500ms"}
    assert _troubles(journals.stopped(terms=[terms]).report())[f"{NAME} [during]"] == "failure"
    assert _troubles(journals.stopped("blind", terms=[terms]).report())[f"{NAME} [during]"] == ""


def test_a_revert_that_is_not_verified_is_an_error() -> None:
    assert _troubles(journals.not_reverted().report())["revert on 127.0.0.1:8475/db"] == "error"
    assert _troubles(journals.killed().report())["revert on 127.0.0.1:8475/db"] == "error"


def test_a_journal_without_anything_is_an_error() -> None:
    assert _troubles(run_report([], "x")) == {"the run": "error"}


def test_it_is_xml_whatever_the_journal_holds() -> None:
    text = junit.render(journals.nasty().report())
    assert not set(text) & {"\x00", "\x1b", "\ud800", "\u202e"}
    assert "script>" in "".join(case.get("name", "") for case in _suite(journals.nasty().report()))
    text.encode()
