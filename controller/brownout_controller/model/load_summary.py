"""What the load of a run came to, by phase, from its journal; and whether the machine that sent it kept its rate."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from brownout_controller.model.journal import Entered, Entry, LoadSecond
from brownout_controller.model.lifecycle import PHASE_OF, State
from brownout_controller.model.reasons import Number, Reason
from brownout_core.experiment_terms import PHASES, Phase

SHORTFALL: Final = "load-shortfall"
"""The code of the reason: the load did not have its rate, so that what it measured is not what was asked for. Numbers
`sent` and `due`, both a second."""
_ENOUGH: Final = 0.95
"""The share of the requests due that must be sent."""
_SHORTEST: Final = 3
"""Seconds: what one second lacks is sent in the next."""
_MIDDLE: Final = 0.5
"""Seconds before its record is written: in the middle of the second that it is about."""


Part = Phase | Literal["injecting", "reverting", "whole run"]
"""A phase, the time between two of them, or all together."""
_PHASES: Final[Mapping[Part, Phase]] = {phase: phase for phase in PHASES}
_PARTS: Final[Mapping[State, Part]] = {**PHASE_OF, "injecting": "injecting", "reverting": "reverting"}


class PhaseLoad(NamedTuple):
    """The load in one part of a run, over so many seconds.

    Answers count in the part in which they came. `unanswered` requests were open when it ended, for too long already;
    of the whole run, all those that never had an answer, so that good, failed and unanswered requests are those that
    were sent, and those of `errors` that were `unsent`. `due` is None where the journal, of an older version, does not
    have it.
    """

    phase: Part
    seconds: float
    due: int | None
    sent: int
    ok: int
    failed: int
    unanswered: int
    errors: Mapping[str, int]
    """The failed ones by kind, the most frequent first."""


def load_by_phase(entries: Iterable[Entry]) -> Sequence[PhaseLoad]:
    """In the order in which they came, with the whole run at the end; those without a load are left out."""
    changes: list[tuple[float, Part]] = []
    seconds: dict[Part, list[LoadSecond]] = {}
    for entry in entries:
        if isinstance(entry.record, Entered):
            if (part := _PARTS.get(entry.record.state)) is not None:
                changes.append((entry.at, part))
        elif isinstance(entry.record, LoadSecond):
            before = [part for at, part in changes if at <= entry.at - _MIDDLE]
            if before:
                seconds.setdefault(before[-1], []).append(entry.record)
    if not seconds:
        return []
    whole = _summed("whole run", [record for records in seconds.values() for record in records])
    ended = whole.ok + whole.failed - whole.errors.get("unsent", 0)
    return [
        *(_summed(part, records) for part, records in seconds.items()),
        whole._replace(unanswered=max(0, whole.sent - ended)),
    ]


def load_shortfall(entries: Iterable[Entry]) -> Sequence[Reason]:
    """A reason for each phase in which this machine sent too little: then its verdict is on another load."""
    return [
        Reason(SHORTFALL, phase=phase, numbers={"sent": Number(short[0], "/s"), "due": Number(short[1], "/s")})
        for load in load_by_phase(entries)
        if (phase := _PHASES.get(load.phase)) is not None
        if (short := _short(load.due, load.sent, load.errors, load.seconds)) is not None
    ]


def shortfall(records: Sequence[LoadSecond]) -> tuple[float, float] | None:
    """Requests sent and due a second over these records, if too few were sent; for whoever watches."""
    load = _summed("during", records)
    return _short(load.due, load.sent, load.errors, load.seconds)


def _short(due: int | None, sent: int, errors: Mapping[str, int], seconds: float) -> tuple[float, float] | None:
    if not due or seconds < _SHORTEST:
        return None
    if sent + errors.get("unsent", 0) >= _ENOUGH * due:  # those were held up by the service
        return None
    return sent / seconds, due / seconds


def _summed(phase: Part, records: Sequence[LoadSecond]) -> PhaseLoad:
    errors: Counter[str] = Counter()
    for record in records:
        errors.update(record.errors)
    known = [record.due for record in records if record.due is not None]
    return PhaseLoad(
        phase,
        math.fsum(record.seconds for record in records),
        sum(known) if len(known) == len(records) else None,
        sum(record.sent for record in records),
        sum(record.ok for record in records),
        sum(record.failed for record in records),
        records[-1].unanswered if records else 0,
        dict(errors.most_common()),
    )
