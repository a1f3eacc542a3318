"""The verdicts that commands print after their runs, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brownout_controller.cli.client.follow import Finished
from brownout_controller.cli.client.run_client import ClientOptions
from brownout_controller.cli.commands.report import PAGE, attempt_reports
from brownout_controller.cli.console import outcome
from brownout_controller.cli.console.output import echo
from brownout_controller.model.journal import Run
from brownout_controller.report.run.run_json import evidence_json, plain_result
from brownout_controller.report.run.run_report import RunReport
from brownout_core.safe_text import printable
from brownout_core.verdict import SIGNALS, Verdict, worst


def print_verdict(finished: Finished, where: ClientOptions) -> None:
    """Prints the verdict and its reasons."""
    run = next((entry.record for entry in finished.entries if isinstance(entry.record, Run)), None)
    echo(outcome.verdict_text(run, finished.judgement, outcome.fitting()), end="", styled=True)
    again = "" if run is None else run.replay
    echo(f"run {finished.run} {where.place_of(finished.run)}")
    if again:
        echo(f"again with: {printable(again)}")


def leave(finished: Finished, where: ClientOptions, *, quiet: bool) -> None:
    """Writes the report page of a run of this process; a controller writes those of its own runs."""
    if where.controller is None and (page := leave_page(where.directory / finished.run)) is not None and not quiet:
        echo(f"report in {page}")


def leave_page(directory: Path) -> Path | None:
    """Writes the report page into a run's directory. Returns None, after a line on stderr, if it cannot be written."""
    page = directory / PAGE
    return page if attempt_reports([directory], [page]) else None


def report(finished: Sequence[Finished], outputs: Sequence[Path], *, quiet: bool) -> None:
    """Writes a report of all the runs into each of the files."""
    reports = [report_of(each) for each in finished]
    for output in outputs if reports else ():
        if attempt_reports(reports, [output]) and not quiet:
            echo(f"report in {output}")


def report_of(finished: Finished) -> RunReport:
    """The report with the verdict as it was received: records of a run whose controller was lost are incomplete."""
    return RunReport(finished.entries, finished.judgement, finished.run)


def run_content(finished: Finished) -> Mapping[str, Any]:
    """The verdict as JSON content."""
    judgement = finished.judgement
    return {
        "run": finished.run,
        "verdict": judgement.verdict.value,
        "exit": judgement.exit,
        "reasons": list(report_of(finished).reasons),
        "recovery_seconds": judgement.recovery,
        "stopping_seconds": judgement.stopping,
        "hits": dict(judgement.hits),
        "evidence": evidence_json(report_of(finished)),
        "hypotheses": [plain_result(result) for result in judgement.results],
    }


def status(finished: Sequence[Finished]) -> int:
    """The exit status of a command: the worst verdict wins, and a signal over all but a fault that may be left."""
    verdict = worst(each.judgement.verdict for each in finished)
    signals = [each.judgement.exit for each in finished if each.judgement.exit in SIGNALS.values()]
    if signals and verdict is not Verdict.NOT_REVERTED:
        return signals[0]
    return verdict.exit
