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


def render(told: Review, warnings: Sequence[str] = (), unread: Sequence[LeftOut] = ()) -> str:
    """Keys are only ever added. Runs are named by their ids; times are in seconds. `unread` are journals that could not
    be read, which are among the warnings as well."""
    return json_text(content(told, warnings, unread)) + "\n"


def content(told: Review, warnings: Sequence[str] = (), unread: Sequence[LeftOut] = ()) -> dict[str, Any]:
    return {
        "runs": [_run(run) for run in told.runs],
        "quarters": [_season(season) for season in told.quarter_stats],
        "regressions": [_turn(turn) for turn in told.of_kind("regression")],
        "fixed": [_turn(turn) for turn in told.of_kind("fixed")],
        "changed": [_turn(turn) for turn in told.of_kind("changed")],
        "recovery": [_course(course) for course in told.recovery_trends],
        "expired": [
            {
                "experiment": run.experiment,
                "environment": run.environment,
                "last_run": run.run,
                "last_result": run.started.isoformat() if ever else None,
            }
            for run, ever in told.expired
        ],
        "expires_after_seconds": told.lasting.total_seconds(),
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


def _season(season: QuarterStats) -> dict[str, Any]:
    return {
        "quarter": str(season.quarter),
        "runs": season.runs,
        "states": dict(sorted(season.states.items())),
        "held": season.held,
        "broke": season.broke,
        "pass_rate": season.pass_rate,
        "regressions": season.regressions,
        "fixed": season.fixed,
    }


def _turn(turn: Transition) -> dict[str, Any]:
    return {
        "experiment": turn.now.experiment,
        "environment": turn.now.environment,
        "at": turn.now.started.isoformat(),
        "before": turn.before.run,
        "now": turn.now.run,
        "reason": turn.now.reason,
        "ended_by": None if turn.ended is None else turn.ended.run,
    }


def _course(course: RecoveryTrend) -> dict[str, Any]:
    return {
        "experiment": course.experiment,
        "environment": course.environment,
        "change_seconds": _finite(course.change),
        "quarters": [
            {
                "quarter": str(item.quarter),
                "median_seconds": _finite(item.median),
                "runs": item.runs,
                "unrecovered": item.unrecovered,
            }
            for item in course.quarters
        ],
    }


def _finite(value: float | None) -> float | None:
    """None for a recovery that did not come."""
    return value if value is not None and math.isfinite(value) else None
