"""What the load of a run came to, by phase, from its journal; and whether the machine that sent it kept its rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from brownout_controller.model.journal import Entered, Entry, Traffic
from brownout_controller.model.lifecycle import PHASE_OF
from brownout_controller.model.reasons import Number, Reason
from brownout_core.experiment_terms import Phase

SHORTFALL: Final = "load-shortfall"
"""The code of the reason: the load did not have its rate, so that what it measured is not what was asked for. Numbers
`sent` and `due`, both a second."""
_ENOUGH: Final = 0.95
"""The share of the requests due that must be sent."""
_SHORTEST: Final = 3
"""Seconds: what one second lacks is sent in the next."""
_MIDDLE: Final = 0.5
"""Seconds before its record is written: in the middle of the second that it is about."""


class PhaseLoad(NamedTuple):
    """The load in one phase, over so many seconds. `unanswered` requests were open when it ended, for too long already.

    `due` is None where the journal, of an older version, does not have it.
    """

    phase: Phase
    seconds: int
    due: int | None
    sent: int
    ok: int
    failed: int
    unanswered: int
    errors: Mapping[str, int]
    """The failed ones by kind, the most frequent first."""


def load_by_phase(entries: Iterable[Entry]) -> Sequence[PhaseLoad]:
    """In the order in which the phases came; those without a load are left out."""
    changes: list[tuple[float, Phase | None]] = []
    seconds: dict[Phase, list[Traffic]] = {}
    for entry in entries:
        if isinstance(entry.record, Entered):
            changes.append((entry.at, PHASE_OF.get(entry.record.state)))
        elif isinstance(entry.record, Traffic):
            before = [phase for at, phase in changes if at <= entry.at - _MIDDLE]
            if before and before[-1] is not None:
                seconds.setdefault(before[-1], []).append(entry.record)
    return [_summed(phase, records) for phase, records in seconds.items()]


def load_shortfall(entries: Iterable[Entry]) -> Sequence[Reason]:
    """A reason for each phase in which this machine sent too little: then its verdict is on another load."""
    return [
        Reason(SHORTFALL, phase=load.phase, numbers={"sent": Number(short[0], "/s"), "due": Number(short[1], "/s")})
        for load in load_by_phase(entries)
        if (short := _short(load.due, load.sent, load.errors, load.seconds)) is not None
    ]


def shortfall(records: Sequence[Traffic]) -> tuple[float, float] | None:
    """Requests sent and due a second over these records, if too few were sent; for whoever watches."""
    load = _summed("during", records)
    return _short(load.due, load.sent, load.errors, load.seconds)


def _short(due: int | None, sent: int, errors: Mapping[str, int], seconds: int) -> tuple[float, float] | None:
    if not due or seconds < _SHORTEST:
        return None
    if sent + errors.get("unsent", 0) >= _ENOUGH * due:  # those were held up by the service
        return None
    return sent / seconds, due / seconds


def _summed(phase: Phase, records: Sequence[Traffic]) -> PhaseLoad:
    errors: Counter[str] = Counter()
    for record in records:
        errors.update(record.errors)
    known = [record.due for record in records if record.due is not None]
    return PhaseLoad(
        phase,
        len(records),
        sum(known) if len(known) == len(records) else None,
        sum(record.sent for record in records),
        sum(record.ok for record in records),
        sum(record.failed for record in records),
        records[-1].unanswered if records else 0,
        dict(errors.most_common()),
    )
