"""What the commands that run things print at the end: verdicts, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brownout_controller.cli.client.follow import Finished
from brownout_controller.cli.client.run_client import ClientOptions
from brownout_controller.cli.commands.report import PAGE, attempt_reports
from brownout_controller.cli.console import outcome
from brownout_controller.cli.console.output import say
from brownout_controller.model.journal import Run
from brownout_controller.report.run.run_json import evidence_json, plain_result
from brownout_controller.report.run.run_report import RunReport
from brownout_core.safe_text import printable
from brownout_core.verdict import SIGNALS, Verdict, worst


def tell(finished: Finished, where: ClientOptions) -> None:
    """The verdict and why, for people."""
    run = next((entry.record for entry in finished.entries if isinstance(entry.record, Run)), None)
    say(outcome.told(run, finished.judgement, outcome.fitting()), end="", styled=True)
    again = "" if run is None else run.replay
    say(f"run {finished.run} {where.place_of(finished.run)}")
    if again:
        say(f"again with: {printable(again)}")


def leave(finished: Finished, where: ClientOptions, *, quiet: bool) -> None:
    """What a run of this process leaves beside its journal; a controller does it for its own."""
    if where.controller is None and (page := leave_page(where.directory / finished.run)) is not None and not quiet:
        say(f"report in {page}")


def leave_page(directory: Path) -> Path | None:
    """The page that a run has in its own directory; None, and a line on stderr, if it could not be written."""
    page = directory / PAGE
    return page if attempt_reports([directory], [page]) else None


def report(finished: Sequence[Finished], outputs: Sequence[Path], *, quiet: bool) -> None:
    """What the runs have shown, all in each file."""
    told = [account_of(each) for each in finished]
    for output in outputs if told else ():
        if attempt_reports(told, [output]) and not quiet:
            say(f"report in {output}")


def account_of(finished: Finished) -> RunReport:
    """With the verdict that was told: of a run whose controller was lost the records tell less."""
    return RunReport(finished.entries, finished.judgement, finished.run)


def shown(finished: Finished) -> Mapping[str, Any]:
    """The same for programs."""
    judgement = finished.judgement
    return {
        "run": finished.run,
        "verdict": judgement.verdict.value,
        "exit": judgement.exit,
        "reasons": list(account_of(finished).reasons),
        "recovery_seconds": judgement.recovery,
        "stopping_seconds": judgement.stopping,
        "hits": dict(judgement.hits),
        "evidence": evidence_json(account_of(finished)),
        "hypotheses": [plain_result(result) for result in judgement.results],
    }


def status(finished: Sequence[Finished]) -> int:
    """The exit status of a command: the worst verdict wins, and a signal over all but a fault that may be left."""
    verdict = worst(each.judgement.verdict for each in finished)
    signals = [each.judgement.exit for each in finished if each.judgement.exit in SIGNALS.values()]
    if signals and verdict is not Verdict.NOT_REVERTED:
        return signals[0]
    return verdict.exit
