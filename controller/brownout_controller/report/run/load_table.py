"""How a report shows what the run's own load came to: a row for each phase, and what went wrong by kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from brownout_controller.model.load_summary import PhaseLoad

HEADING: Final = ("the load", "sent", "good", "failed", "unanswered", "errors by kind")


def load_row(load: PhaseLoad) -> Sequence[str]:
    """The cells under the heading."""
    sent = f"{load.sent:,}" if load.due is None or load.sent >= load.due else f"{load.sent:,} of {load.due:,}"
    return load.phase, sent, f"{load.ok:,}", f"{load.failed:,}", f"{load.unanswered:,}", kinds(load)


def kinds(load: PhaseLoad) -> str:
    """`12 5xx, 3 reset`."""
    return ", ".join(f"{count:,} {kind}" for kind, count in load.errors.items()) or "none"


def load_json(load: PhaseLoad) -> dict[str, Any]:
    """Counts of requests; `due` is null where the journal does not have it."""
    return {**load._asdict(), "errors": dict(load.errors)}


def rate_sentence(sent: float, due: float) -> str:
    """Requests a second that were sent, and that the rate asks for."""
    return (
        f"this machine sent {sent:,.4g} of {due:,.4g} requests a second; lower traffic.rate, or send from a machine "
        "that can do more"
    )
