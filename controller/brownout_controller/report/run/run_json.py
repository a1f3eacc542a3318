"""A run for programs: what the other reports say, as JSON."""

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
    found = [_finite(content(told)) for told in runs]
    return json_text(found[0] if len(found) == 1 else found) + "\n"


def content(told: RunReport) -> dict[str, Any]:
    """The report, times in seconds."""
    run, judgement = told.run, told.judgement
    return {
        "run": run.run_id,
        "experiment": told.name,
        "edge": run.experiment.get("edge", ""),
        "environment": run.environment.get("name", ""),
        "version": run.version,
        "started": run.started,
        "finished": told.finished,
        "seed": run.seed,
        "source": run.source,
        "replay": run.replay,
        "nets_off": dict(run.nets_off),
        "verdict": judgement.verdict.value,
        "exit": judgement.exit,
        "reasons": list(told.reasons),
        "typed_reasons": [reason.plain() for reason in judgement.reasons],
        "recovery_seconds": judgement.recovery,
        "stopping_seconds": judgement.stopping,
        "hits": {name: {"hits": hits, "connections": met} for name, (hits, met) in told.hits.items()},
        "hypotheses": [
            {**plain_result(result), "expect": claim.terms.expect, "because": claim.terms.because}
            for claim in told.claims
            for result in claim.results
        ],
        "evidence": evidence_json(told),
        "traffic": [load_json(load) for load in told.load],
        "states": [span._asdict() for span in told.spans],
        "reverts": [
            {
                "target": change.undo.target.get("id", ""),
                "undo": change.undo.what,
                "injected_at": None if change.injected is None else change.injected[0],
                "reverted_at": None if change.reverted is None else change.reverted[0],
                "verified": change.verified,
                "how": "" if change.reverted is None else change.reverted[1].how or change.reverted[1].why,
            }
            for change in told.changes
        ],
    }


def evidence_json(told: RunReport) -> dict[str, Any]:
    """What met the fault, what moved and what others did."""
    return {
        **evidence_text.plain(told.judgement.evidence),
        "sentence": told.evidence_sentence,
        "disturbances": [{**reason.plain(), "sentence": sentence(reason)} for reason in told.judgement.disturbances],
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
