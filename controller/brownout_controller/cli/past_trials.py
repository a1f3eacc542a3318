"""What the catalogue learns from past runs: a trial for each fault of each run that came to a conclusion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from brownout_catalogue.scoring.fault_coverage import fault_of
from brownout_catalogue.scoring.past_trials import PastTrial
from brownout_controller.model.run_summary import RunSummary
from brownout_core.faults.spec import FaultSpec


def past_trials(runs: Iterable[RunSummary], now: datetime) -> Iterator[PastTrial]:
    """The trials of the runs, in the order of the runs; `now` is in UTC."""
    for run in runs:
        if not run.conclusive:
            continue
        days = (now - run.started) / timedelta(days=1)
        verdict: Literal["passed", "refuted"] = "passed" if run.finding == "held" else "refuted"
        known = [fault for text in run.played if (fault := fault_of(text)) is not None]
        for kind in run.faults:
            faults: Sequence[FaultSpec | None] = [fault for fault in known if fault.kind == kind] or [None]
            for fault in faults:
                yield PastTrial(run.edge, kind, fault, verdict, days, run.run, run.environment)
