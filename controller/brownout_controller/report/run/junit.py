"""JUnit XML for CI: a suite for a run, a case for each hypothesis in each phase.

Refuted is a failure. Whatever allows no conclusion is an error and never `skipped`, which dashboards show as green.
What belongs to no hypothesis has cases of its own: the run, and the revert on each target.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from xml.etree import ElementTree

from brownout_controller.model.journal import Stop
from brownout_controller.model.results import Result
from brownout_controller.report.run.run_report import RunReport, phase_seconds
from brownout_controller.report.sentences import accounted, sentence
from brownout_core.formatting import clipped, line
from brownout_core.safe_text import block
from brownout_core.verdict import Verdict

MAX_TEXT: Final = 2000
_CONCLUSIVE: Final = frozenset({Verdict.REFUTED, Verdict.STOPPED, Verdict.NOT_REVERTED, Verdict.INTERNAL})
"""Verdicts beside which a hypothesis that broke under the fault is refuted; with others the fault is in doubt."""


class _Case(NamedTuple):
    name: str
    seconds: float
    problem: str = ""
    """`failure` or `error`."""
    why: str = ""
    measurements: str = ""
    """What its measurements came to, whether or not it failed."""


def render(*runs: RunReport) -> str:
    """The XML document."""
    root = ElementTree.Element("testsuites", {"name": "brownout"})
    suites = [_suite(root, report) for report in runs]
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.set("time", f"{sum(report.ends for report in runs):.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, report: RunReport) -> ElementTree.Element:
    run, judgement = report.run, report.judgement
    cases = [*_hypotheses(report), *_reverts(report), _run(report)]
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {
            "name": _short(report.name),
            "skipped": "0",
            "tests": str(len(cases)),
            "failures": str(sum(case.problem == "failure" for case in cases)),
            "errors": str(sum(case.problem == "error" for case in cases)),
            "time": f"{report.ends:.3f}",
        },
    )
    if run.started:
        suite.set("timestamp", _short(run.started)[:19])
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in {
        "run": run.run_id, "seed": run.seed, "verdict": judgement.verdict.value, "exit": judgement.exit,
        "version": run.version, "environment": run.environment.get("name", ""), "source": run.source,
        "replay": run.replay, "recovery_seconds": judgement.recovery, "stopping_seconds": judgement.stopping,
    }.items():  # fmt: skip
        if value not in (None, ""):
            ElementTree.SubElement(properties, "property", {"name": name, "value": _short(value)})
    for case in cases:
        _add(suite, report.name, case)
    output = [f"verdict: {judgement.verdict} ({judgement.verdict.meaning})", *report.reasons[:20]]
    output += [f"evidence: {report.evidence_sentence}"] if report.evidence_sentence else []
    ElementTree.SubElement(suite, "system-out").text = "\n".join(map(_short, output))
    return suite


def _add(suite: ElementTree.Element, experiment: str, case: _Case) -> None:
    element = ElementTree.SubElement(
        suite, "testcase", {"classname": _short(experiment), "name": _short(case.name), "time": f"{case.seconds:.3f}"}
    )
    if case.problem:
        ElementTree.SubElement(element, case.problem, {"message": _short(case.why)}).text = clipped(
            block(case.why), MAX_TEXT
        )
    if case.measurements:
        ElementTree.SubElement(element, "system-out").text = _short(case.measurements)


def _hypotheses(report: RunReport) -> list[_Case]:
    lasted = phase_seconds(report)
    stop = report.first(Stop)
    return [
        _Case(
            f"{result.name} [{result.phase}]",
            lasted.get(result.phase, 0.0),
            _problem(result, report.judgement.verdict, stop),
            sentence(result.reason),
            accounted(result.reason),
        )
        for result in report.judgement.results
    ]


def _problem(result: Result, verdict: Verdict, stop: Stop | None) -> str:
    if stop is not None and stop.cause == "condition" and (result.name, result.phase) == (stop.hypothesis, "during"):
        return "failure"  # its own stop condition was met, even where `expect` or `tolerate` would bear it
    if result.accounted:
        return ""
    refuted = result.outcome == "broke" and result.phase != "baseline" and verdict in _CONCLUSIVE
    return "failure" if refuted else "error"


def _reverts(report: RunReport) -> list[_Case]:
    found = []
    for injection in report.injections:
        why = "the journal has no proof that it was undone" if injection.reverted is None else injection.reverted[1].why
        name = f"revert on {injection.undo.target.get('id', injection.undo.id)}"
        found.append(_Case(name, 0.0, "" if injection.verified else "error", why or "not verified"))
    return found


def _run(report: RunReport) -> _Case:
    """Refuted runs went through: their hypotheses have the failure."""
    went_through = report.judgement.verdict in (Verdict.PASSED, Verdict.REFUTED, Verdict.DONE)
    return _Case("the run", report.ends, "" if went_through else "error", "; ".join(report.reasons))


def _short(text: object) -> str:
    return clipped(line(text), MAX_TEXT)
