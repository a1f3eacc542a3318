"""The row that the history keeps of a run, from its report. Pure."""

from __future__ import annotations

import math
from typing import Any, Final

from brownout_controller.model.journal import Injected, Judged, Run, Stop
from brownout_controller.model.judge import Judgement
from brownout_controller.model.run_summary import Finding, RunSummary, fault_kinds, faults_played, fingerprint, utc
from brownout_controller.report.run.run_report import RunReport
from brownout_core.formatting import clipped, line
from brownout_core.verdict import Verdict

_LONGEST: Final = 500
"""Characters of a text: a row is not a report."""


def summarise(report: RunReport) -> RunSummary:
    """Raises ValueError for a journal without a run or without the time of its start, which a history cannot list."""
    if report.first(Run) is None:
        raise ValueError("it does not name what was run")
    run, judgement = report.run, report.judgement
    try:
        started = utc(run.started)
    except (TypeError, ValueError):
        raise ValueError("it does not have the time when the run began") from None
    return RunSummary(
        run=_text(run.run_id),
        directory=report.directory,
        experiment=_text(report.name),
        edge=_text(run.experiment.get("edge", "")),
        environment=_text(run.environment.get("name", "")),
        faults=tuple(map(_text, fault_kinds(run.experiment))),
        started=started,
        duration=_finite(report.ends) or 0.0,
        verdict=judgement.verdict.value,
        exit=judgement.exit,
        finding=finding(report),
        reason=_text(report.sentence),
        recovery=_finite(judgement.recovery),
        unrecovered=_unrecovered(judgement),
        stopping=_finite(judgement.stopping),
        seed=_text(run.seed),
        version=_text(run.version),
        source=_text(run.source),
        fingerprint=fingerprint(run.experiment),
        ended=report.first(Judged) is not None,
        part_of=_text(run.part_of),
        claims=bool(run.terms),
        played=tuple(map(_text, faults_played(run.experiment))),
    )


def finding(report: RunReport) -> Finding:
    """A stop condition that was met under the fault is as good as a refutation; met before it, or a run that was ended
    for any other reason, it is no finding about the fault."""
    verdict = report.judgement.verdict
    if verdict is Verdict.PASSED:
        return "held"
    if verdict is Verdict.REFUTED:
        return "broke"
    stops, injections = report.all(Stop), report.all(Injected)
    if verdict is Verdict.STOPPED and stops and injections:
        at, stop = stops[0]
        return "broke" if stop.cause == "condition" and injections[0][0] <= at else "nothing"
    return "nothing"


def _unrecovered(judgement: Judgement) -> bool:
    """Late is not never: that has a time."""
    broken = any(result.phase == "recovery" and result.outcome == "broke" for result in judgement.results)
    return broken and judgement.recovery is None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _text(text: Any) -> str:
    return clipped(line(text), _LONGEST)
