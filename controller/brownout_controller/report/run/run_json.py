"""A run as JSON: the content of the other reports."""

from __future__ import annotations

import math
from typing import Any

from brownout_controller.model.results import Result
from brownout_controller.report.run import evidence_text
from brownout_controller.report.run.load_table import load_json
from brownout_controller.report.run.run_report import RunReport
from brownout_controller.report.sentences import sentence
from brownout_core.safe_text import json_text


def render(*runs: RunReport) -> str:
    """An object for one run, a list of them for several. Keys are only ever added."""
    found = [_finite(content(report)) for report in runs]
    return json_text(found[0] if len(found) == 1 else found) + "\n"


def content(report: RunReport) -> dict[str, Any]:
    """The report, times in seconds."""
    run, judgement = report.run, report.judgement
    return {
        "run": run.run_id,
        "experiment": report.name,
        "edge": run.experiment.get("edge", ""),
        "environment": run.environment.get("name", ""),
        "version": run.version,
        "started": run.started,
        "finished": report.finished,
        "seed": run.seed,
        "source": run.source,
        "replay": run.replay,
        "nets_off": dict(run.nets_off),
        "verdict": judgement.verdict.value,
        "exit": judgement.exit,
        "reasons": list(report.reasons),
        "typed_reasons": [reason.plain() for reason in judgement.reasons],
        "recovery_seconds": judgement.recovery,
        "stopping_seconds": judgement.stopping,
        "hits": {name: {"hits": hits, "connections": met} for name, (hits, met) in report.hits.items()},
        "hypotheses": [
            {**plain_result(result), "expect": hypothesis.terms.expect, "because": hypothesis.terms.because}
            for hypothesis in report.hypotheses
            for result in hypothesis.results
        ],
        "evidence": evidence_json(report),
        "traffic": [load_json(load) for load in report.load],
        "states": [span._asdict() for span in report.spans],
        "reverts": [
            {
                "target": injection.undo.target.get("id", ""),
                "undo": injection.undo.what,
                "injected_at": None if injection.injected is None else injection.injected[0],
                "reverted_at": None if injection.reverted is None else injection.reverted[0],
                "verified": injection.verified,
                "how": "" if injection.reverted is None else injection.reverted[1].how or injection.reverted[1].why,
            }
            for injection in report.injections
        ],
    }


def evidence_json(report: RunReport) -> dict[str, Any]:
    """What met the fault, what moved and what others did."""
    return {
        **evidence_text.plain(report.judgement.evidence),
        "sentence": report.evidence_sentence,
        "disturbances": [{**reason.plain(), "sentence": sentence(reason)} for reason in report.judgement.disturbances],
    }


def plain_result(result: Result) -> dict[str, Any]:
    """One hypothesis in one phase: its four counts, and why in words and typed."""
    counts = result.counts
    return {
        "name": result.name,
        "phase": result.phase,
        "outcome": result.outcome,
        "samples": counts.total,
        **counts._asdict(),
        "unanswered_kinds": dict(result.kinds),
        "worst": result.worst,
        "sentence": sentence(result.reason),
        "reason": result.reason.plain(),
    }


def _finite(value: Any) -> Any:
    """JSON has no NaN, which a journal of another hand may hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
