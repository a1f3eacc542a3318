"""Watches the targets of a run from the plan to the end of the recovery, and writes down what they are and count.

It never decides what that means: model/ground.py and model/evidence.py do, from the journal. Only a fault of the run
that is there no longer is reported at once, as the run has to end.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final

from brownout_controller import clock
from brownout_controller.backends.base import (
    AwayError,
    Backend,
    BackendError,
    Counts,
    MissingError,
    Target,
    TargetSnapshot,
)
from brownout_controller.model.disturbances import FROZEN, SILENT
from brownout_controller.model.journal import Counted, Outage, OutageCause, Record, TargetState

TICK: Final = 1.0
"""Seconds from one look to the next."""
_PROMPT: Final = 0.5  # seconds that counters which are wanted now may take: a phase, or a revert, waits for them
_RETRY: Final = 0.25  # seconds until a watch that broke is begun anew
_PULSE: Final = 0.5  # seconds; how much later than that this process wakes is time in which it could hear nobody


class Watch:
    """The targets of one run, from `begin` on. `vanished(target, faults, how)` is called when faults are gone that
    should be there."""

    def __init__(
        self,
        backend: Backend,
        owner: str,
        write: Callable[[Record], object],
        vanished: Callable[[Target, Sequence[str], str], None],
        now: Callable[[], float] = clock.now,
    ) -> None:
        self._backend = backend
        self._owner = owner
        self._write = write
        self._vanished = vanished
        self._now = now
        self._late = 0.0
        """Seconds in which this process itself did not run, all in all."""
        self._due = math.inf
        """When the next beat is due."""
        self._watched: dict[str, _Watched] = {}

    def begin(self, targets: Sequence[Target]) -> None:
        """These are watched, once it runs."""
        self._watched = {target.id: _Watched(target) for target in targets}

    def expect(self, target: Target, faults: Sequence[str]) -> None:
        """From now on these have to be there."""
        watched = self._watched[target.id]
        watched.faults, watched.guarded = frozenset(faults), True

    def release(self) -> None:
        """The faults of the run may go."""
        for watched in self._watched.values():
            watched.guarded = False

    async def run(self) -> None:
        """Until it is cancelled. What is under way then is written down."""
        for watched in self._watched.values():
            watched.heard, watched.late = self._now(), self._lateness()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pulse())
                for watched in self._watched.values():
                    group.create_task(self._follow(watched))
        finally:
            for watched in self._watched.values():
                self._end_silence(watched, answers=False)

    async def count(self) -> None:
        """Reads the counters of all targets now, beside each other, so that many that hang take no longer than one."""
        await asyncio.gather(*(self._count(watched, "somebody removed it") for watched in self._watched.values()))

    async def see_out(self, target: Target) -> None:
        """The last look at what is reverted now: its hits, and that it was there until the end. A target that does not
        answer is looked at when it does: a proxy that was restarted meanwhile has no fault to be released."""
        watched = self._watched[target.id]
        if not watched.seen_out:
            watched.seen_out = await self._count(watched, "it was gone before it was reverted")

    async def _count(self, watched: _Watched, how: str) -> bool:
        """Whether there was an answer in time."""
        try:
            async with asyncio.timeout(_PROMPT):
                counts = await self._backend.counts(watched.target, self._owner)
        except (BackendError, TimeoutError):
            return False  # the keeper knows when that is too long
        self._write_counts(watched.target, counts)
        if gone := watched.faults - counts.hits.keys():
            self._vanished(watched.target, sorted(gone), how)
        return True

    def beat(self) -> None:
        """This process runs: what it is late by is nobody else's silence."""
        now = self._now()
        self._late += max(0.0, now - self._due)
        self._due = now + _PULSE

    def _lateness(self) -> float:
        """Seconds in which this process did not run, all in all, those among them that no beat has seen yet."""
        return self._late + max(0.0, self._now() - self._due)

    async def _pulse(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(_PULSE)

    async def _follow(self, watched: _Watched) -> None:
        while True:
            try:
                async with aclosing(self._backend.watch(watched.target, self._owner, TICK)) as looks:
                    async for look in looks:
                        await self._take(watched, look)
                watched.trouble, watched.why = "unreachable", "it ended the watch"
            except MissingError as error:
                watched.trouble, watched.why = "missing", str(error)
            except AwayError as error:
                watched.trouble, watched.why = "unreachable", str(error)
                watched.refused += 1
            except BackendError as error:
                watched.trouble, watched.why = "unreachable", str(error)
            await asyncio.sleep(_RETRY)

    async def _take(self, watched: _Watched, look: TargetSnapshot) -> None:
        target = watched.target
        if look.stalled >= FROZEN:
            self._write(Outage(target.id, "frozen", look.stalled))
            watched.heard, watched.late = self._now(), self._lateness()
        else:
            self._end_silence(watched, answers=True)
        if watched.counted is not None and look.counts.connections < watched.counted:
            self._write(Outage(target.id, "missing", TICK, "it was made anew"))
        watched.counted = look.counts.connections
        state = TargetState(target.id, look.instance, look.enabled, look.upstream, [dict(one) for one in look.faults])
        if state != watched.state:
            watched.state = state
            self._write(state)
        self._write_counts(target, look.counts)
        if watched.guarded and watched.faults - look.counts.hits.keys():
            # A look may have been under way since before the fault came: what is asked for now decides.
            await self._count(watched, "somebody removed it")

    def _end_silence(self, watched: _Watched, *, answers: bool) -> None:
        """The target answers again, or the watch is over.

        A refused connection is an outage however short it is; only for mere silence a busy machine is an excuse. One
        closed stream of a target that answers the next call was the stream's end and not the target's.
        """
        now = self._now()
        silent = now - watched.heard - (self._lateness() - watched.late)
        certain = watched.trouble == "missing" or watched.refused > (1 if answers else 0)
        if silent > (0.0 if certain else SILENT):
            self._write(Outage(watched.target.id, watched.trouble, silent, watched.why))
        watched.heard, watched.late = now, self._lateness()
        watched.trouble, watched.why, watched.refused = "unreachable", "", 0

    def _write_counts(self, target: Target, counts: Counts) -> None:
        self._write(
            Counted(
                target.id,
                counts.connections,
                counts.sent_upstream,
                counts.sent_downstream,
                dict(counts.hits),
                dict(counts.met),
                counts.live,
                counts.dial_failures,
                counts.exchanges,
                counts.injected_delay,
                counts.resets,
                counts.ended_by_fault,
                dict(counts.met_exchanges),
            )
        )


class _Watched:
    """What is known of one target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.state: TargetState | None = None
        self.counted: int | None = None
        """Connections, at the last look."""
        self.faults: frozenset[str] = frozenset()
        """Those of the run, once they were injected."""
        self.guarded = False
        """They have to be there."""
        self.seen_out = False
        self.heard = 0.0
        """When it last answered, on the clock of the watch."""
        self.late = 0.0
        """How late this process had been by then, all in all."""
        self.trouble: OutageCause = "unreachable"
        self.why = ""
        self.refused = 0
        """Refused or closed connections since the last look."""
