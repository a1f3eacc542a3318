"""The history for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from brownout_controller.model.journal import LeftOut
from brownout_controller.model.run_summary import RunSummary
from brownout_controller.model.trend import QuarterStats, RecoveryTrend, Review, Transition
from brownout_controller.report import unread_journals
from brownout_core.safe_text import json_text


def render(review: Review, warnings: Sequence[str] = (), unread: Sequence[LeftOut] = ()) -> str:
    """Keys are only ever added. Runs are named by their ids; times are in seconds. `unread` are journals that could not
    be read, which are among the warnings as well."""
    return json_text(content(review, warnings, unread)) + "\n"


def content(review: Review, warnings: Sequence[str] = (), unread: Sequence[LeftOut] = ()) -> dict[str, Any]:
    return {
        "runs": [_run(run) for run in review.runs],
        "quarters": [_quarter(stats) for stats in review.quarter_stats],
        "regressions": [_transition(transition) for transition in review.of_kind("regression")],
        "fixed": [_transition(transition) for transition in review.of_kind("fixed")],
        "changed": [_transition(transition) for transition in review.of_kind("changed")],
        "recovery": [_recovery_trend(trend) for trend in review.recovery_trends],
        "expired": [
            {
                "experiment": run.experiment,
                "environment": run.environment,
                "last_run": run.run,
                "last_result": run.started.isoformat() if ever else None,
            }
            for run, ever in review.expired
        ],
        "expires_after_seconds": review.lasting.total_seconds(),
        "warnings": list(warnings),
        "left_out": unread_journals.content(unread),
    }


def _run(run: RunSummary) -> dict[str, Any]:
    return {
        "run": run.run,
        "directory": run.directory,
        "experiment": run.experiment,
        "edge": run.edge,
        "environment": run.environment,
        "faults": list(run.faults),
        "started": run.started.isoformat(),
        "duration_seconds": run.duration,
        "state": run.state,
        "verdict": run.verdict if run.ended else None,
        "exit": run.exit if run.ended else None,
        "conclusive": run.conclusive,
        "finding": run.finding if run.ended else "nothing",
        "reason": run.reason,
        "recovery_seconds": run.recovery,
        "unrecovered": run.unrecovered,
        "stopping_seconds": run.stopping,
        "seed": run.seed,
        "version": run.version,
        "source": run.source,
        "fingerprint": run.fingerprint,
    }


def _quarter(stats: QuarterStats) -> dict[str, Any]:
    return {
        "quarter": str(stats.quarter),
        "runs": stats.runs,
        "states": dict(sorted(stats.states.items())),
        "held": stats.held,
        "broke": stats.broke,
        "pass_rate": stats.pass_rate,
        "regressions": stats.regressions,
        "fixed": stats.fixed,
    }


def _transition(transition: Transition) -> dict[str, Any]:
    return {
        "experiment": transition.now.experiment,
        "environment": transition.now.environment,
        "at": transition.now.started.isoformat(),
        "before": transition.before.run,
        "now": transition.now.run,
        "reason": transition.now.reason,
        "ended_by": None if transition.ended is None else transition.ended.run,
    }


def _recovery_trend(trend: RecoveryTrend) -> dict[str, Any]:
    return {
        "experiment": trend.experiment,
        "environment": trend.environment,
        "change_seconds": _finite(trend.change),
        "quarters": [
            {
                "quarter": str(item.quarter),
                "median_seconds": _finite(item.median),
                "runs": item.runs,
                "unrecovered": item.unrecovered,
            }
            for item in trend.quarters
        ],
    }


def _finite(value: float | None) -> float | None:
    """None for a recovery that did not come."""
    return value if value is not None and math.isfinite(value) else None
