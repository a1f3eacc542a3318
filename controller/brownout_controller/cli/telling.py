"""What the commands that run things print at the end: verdicts, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from brownout_controller.cli import outcome
from brownout_controller.cli.following import Finished
from brownout_controller.cli.venue import Where
from brownout_controller.model.journal import Run
from brownout_controller.model.verdict import SIGNALS, Verdict, worst


def tell(finished: Finished, where: Where) -> None:
    """The verdict and why, for people."""
    judgement = finished.judgement
    run = next((entry.record for entry in finished.entries if isinstance(entry.record, Run)), None)
    click.echo(outcome.told(run, judgement, outcome.fitting()), nl=False)
    again = "" if run is None else run.replay
    click.echo(f"run {finished.run} {where.place_of(finished.run)}")
    if again:
        click.echo(f"again with: {again}")


def shown(finished: Finished) -> Mapping[str, Any]:
    """The same for programs."""
    judgement = finished.judgement
    return {
        "run": finished.run,
        "verdict": judgement.verdict.value,
        "exit": judgement.exit,
        "reasons": list(judgement.reasons),
        "recovery_seconds": judgement.recovery,
        "stopping_seconds": judgement.stopping,
        "hits": dict(judgement.hits),
        "hypotheses": [result._asdict() for result in judgement.results],
    }


def status(finished: Sequence[Finished]) -> int:
    """The exit status of a command: the worst verdict wins, and a signal over all but a fault that may be left."""
    verdict = worst(each.judgement.verdict for each in finished)
    signals = [each.judgement.exit for each in finished if each.judgement.exit in SIGNALS.values()]
    if signals and verdict is not Verdict.NOT_REVERTED:
        return signals[0]
    return verdict.exit
