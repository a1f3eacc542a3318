"""All runs of a store in a row each: what they are, how far they are, and whether anybody is at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from brownout_controller.engine import store
from brownout_controller.engine.journal_file import JOURNAL, left_out, lines
from brownout_controller.engine.store import Brief, Store
from brownout_controller.model.journal import BadRecord, Entered, Entry, LeftOut, Plan, Run, decode
from brownout_controller.model.run_summary import utc
from brownout_core.errors import BrownoutError

CUT_OFF: Final = "cut off"
"""The state of a run that nobody brought to its end."""
ELSEWHERE: Final = "in another process"
_HEAD: Final = 20
"""Records within which the plan is, if there is one."""


class Row(NamedTuple):
    """A run. `left` is in seconds, of its phase; None where that has no end of its own."""

    brief: Brief
    state: str
    """Of the lifecycle for a run of this process, or what became of one that is none of ours."""
    phase: str = ""
    """The state of the lifecycle that its journal has, for one that is not over."""
    left: float | None = None
    targets: Sequence[str] = ()

    @property
    def is_over(self) -> bool:
        return self.brief.verdict is not None


class RunList(NamedTuple):
    """The runs, newest first, and the journals that could not be read."""

    rows: Sequence[Row]
    left_out: Sequence[LeftOut]


def list_runs(runs: Store, limit: int, state_of: Callable[[Brief], str]) -> RunList:
    """The newest so many, and all that are not over, however old they are. Raises Unavailable."""
    rows, unread = [], []
    for number, directory in enumerate(reversed(list(runs.runs()))):
        try:
            brief = store.brief(directory)
            if number < limit or brief.verdict is None:
                rows.append(look(directory, brief, state_of(brief)))
        except BrownoutError as error:
            unread.append(left_out(directory / JOURNAL, error))
    return RunList(rows, unread)


def look(directory: Path, brief: Brief, state: str) -> Row:
    """Raises Unreadable, Unavailable."""
    if brief.verdict is not None:
        return Row(brief, state, targets=_targets(directory))
    try:
        entries = store.read(directory)
    except BrownoutError:
        if state == CUT_OFF:
            raise
        return Row(brief, state)  # somebody is at it, who can be asked to end it
    plan = next((entry.record for entry in entries if isinstance(entry.record, Plan)), None)
    phase, left = _place(entries)
    targets = [] if plan is None else [target.get("id", "") for target in plan.targets]
    return Row(brief, state, phase, None if state == CUT_OFF else left, targets)


def _place(entries: Sequence[Entry]) -> tuple[str, float | None]:
    """The state that was entered last, and how many seconds of it are left."""
    run = next((entry.record for entry in entries if isinstance(entry.record, Run)), None)
    entered = [(entry.at, entry.record) for entry in entries if isinstance(entry.record, Entered)]
    if run is None or not entered:
        return "planned", None
    at, last = entered[-1]
    lasting = run.lasting.get(last.state)
    try:
        age = (datetime.now(UTC) - utc(run.started)).total_seconds()
    except ValueError:
        return last.state, None
    return last.state, None if lasting is None else min(lasting, max(0.0, lasting - (age - at)))


def _targets(directory: Path) -> Sequence[str]:
    for line in islice(lines(directory / JOURNAL), _HEAD):
        try:
            record = decode(line).record
        except BadRecord:
            break
        if isinstance(record, Plan):
            return [target.get("id", "") for target in record.targets]
    return []
