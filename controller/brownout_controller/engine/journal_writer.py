"""Writes the records of one run, and never raises: whoever writes may be about to revert.

Secrets are masked on the way, and an observer gets each record. A journal that cannot be written ends the run. The
verdict is then computed from memory: it is the one of a later start, which finds the journal without an end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from brownout_controller.engine import store
from brownout_controller.model.journal import (
    MASKED_TERMS,
    UNMASKED_ENVIRONMENT,
    Entry,
    Failure,
    Judged,
    Record,
    Run,
    Stop,
)
from brownout_controller.model.judge import Judgement, judge
from brownout_controller.model.secrets import Masker
from brownout_core.errors import BrownoutError, Unavailable

log = logging.getLogger(__name__)


class JournalWriter:
    """The journal of one run. `observer` gets each record; `broken` is called when the journal takes no more."""

    def __init__(
        self, journal: store.Journal, masker: Masker, observer: Callable[[Entry], None], broken: Callable[[], None]
    ) -> None:
        self._journal = journal
        self._masker = masker
        self._observer = observer
        self._broken = broken
        self._entries: list[Entry] = []
        self._unwritten: list[Entry] = []
        """What the journal has not taken."""

    @property
    def entries(self) -> Sequence[Entry]:
        """All records so far, those among them that the journal has not taken."""
        return tuple(self._entries)

    def has(self, kind: type[Record]) -> bool:
        return any(isinstance(entry.record, kind) for entry in self._entries)

    def write(self, record: Record) -> bool:
        """Whether it is in the journal. A record that the journal has not taken is tried again with the next one."""
        new = [self._put(_masked(record, self._masker))]
        try:
            while self._unwritten:
                self._journal.append(self._unwritten[0])
                self._unwritten.pop(0)
        except Unavailable as error:
            if not any(isinstance(entry.record, Failure) for entry in self._unwritten):
                self._broken()
                new.append(self._put(Failure("journal", f"the journal cannot be written: {error}")))
        for entry in new:
            self._observe(entry)
        return not self._unwritten

    async def conclude(self) -> Judgement:
        """The verdict, written down as the last record. One that the journal does not take is no verdict: a later start
        would find none and come to another."""
        judgement = await self.judged()
        if not self._unwritten:
            entry = self._journal.entry(_masked(judgement.record(), self._masker))
            try:
                self._journal.append(entry)
            except Unavailable as error:
                self._journal.number = entry.n
                self.write(Failure("journal", f"the journal cannot be written: {error}"))
                judgement = judge(self._entries)
            else:
                self._entries.append(entry)
                self._observe(entry)
                return judgement
        self.write(judgement.record())
        return judgement

    async def judged(self) -> Judgement:
        """Judges the journal, as reports do; the records in memory only where the journal is not whole.

        Beside the loop: reading a long journal takes seconds, and other runs have leases to renew.
        """
        if not self._unwritten:
            try:
                return judge(await asyncio.to_thread(store.read, self._journal.directory))
            except BrownoutError as error:
                self._broken()
                self.write(Failure("journal", f"the journal cannot be read: {error}"))
        return judge(self._entries)

    def _put(self, record: Record) -> Entry:
        entry = self._journal.entry(record)
        self._entries.append(entry)
        self._unwritten.append(entry)
        return entry

    def _observe(self, entry: Entry) -> None:
        try:
            self._observer(entry)
        except Exception as error:  # a terminal that is closed, a pipe that nobody reads: no reason to fail
            self._observer = lambda _: None
            if not isinstance(error, OSError):
                log.exception("the run goes on without its observer")


def _masked_reason(reason: Mapping[str, Any], masker: Masker) -> Mapping[str, Any]:
    """Its texts; code, phase and units are words that the judge reads."""
    kept = {name: reason[name] for name in ("code", "phase", "numbers") if name in reason}
    words = {name: masker.value(text) for name, text in reason.get("words", {}).items()}
    texts = {name: masker.value(reason[name]) for name in ("hypothesis", "subject") if name in reason}
    return {**kept, **texts, **({"words": words} if words else {})}


def _masked(record: Record, masker: Masker) -> Record:
    """The record without secrets."""
    every = fields(record)  # type: ignore[arg-type]  # a dataclass
    names = [item.name for item in every if item.name not in record.unmasked]
    masked = {name: masker.value(getattr(record, name)) for name in names}
    if isinstance(record, Stop):
        masked["reason"] = _masked_reason(record.reason, masker)
    if isinstance(record, Judged):
        masked["reasons"] = [
            _masked_reason(item, masker) if isinstance(item, Mapping) else masker.value(item) for item in record.reasons
        ]
    if isinstance(record, Run):
        masked["experiment"] = masker.content(record.experiment)
        masked["environment"] = masker.content(record.environment)
        masked["environment"] |= {
            name: record.environment[name] for name in UNMASKED_ENVIRONMENT if name in record.environment
        }
        masked["terms"] = [
            {
                key: masker.value(item) if key in MASKED_TERMS or isinstance(item, Mapping) else item
                for key, item in term.items()
            }
            for term in record.terms
        ]
    return replace(record, **masked)  # type: ignore[type-var]
