"""What a load has sent and what came of it: by second for the journal, and over sliding windows for hypotheses.

Pure: `now` is an argument, in seconds since the load began.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final, Literal, NamedTuple

from brownout_controller.model.probe import ProbeError, Reading
from brownout_controller.probes.histogram import Histogram

Outcome = Literal["ok", "status", "timeout", "refused", "reset", "name", "certificate", "overload", "other"]
"""How a request ended. `status`: 400 or above. `overload`: this machine did not send it, see load.py."""

PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
_TIMED: Final = {"ok", "status", "timeout"}
"""What has a latency. A refusal is fast, but nobody was served fast."""
_SLOTS: Final = 4
"""A second. A window reaches no further back than it says, and falls short by at most one of these."""
_KEPT: Final = 600.0
"""Seconds that are remembered; more than any sensible window."""
_LATE: Final = 0.05
"""From here on the load's own lateness may be what it measures."""


class Second(NamedTuple):
    """What ended, and what was sent, within one second of the load. Durations in seconds; None where none was timed."""

    second: int
    sent: int
    ok: int
    failed: int
    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None
    errors: dict[str, int]
    """Of those that failed, by outcome."""
    late: float
    """By how much the latest was sent after it was due."""


class _Slot:
    __slots__ = ("late", "outcomes", "sent", "times")

    def __init__(self) -> None:
        self.sent = 0
        self.outcomes: Counter[str] = Counter()
        self.times = Histogram()
        self.late = Histogram()

    def merge(self, other: _Slot) -> None:
        self.sent += other.sent
        self.outcomes += other.outcomes
        self.times.merge(other.times)
        self.late.merge(other.late)

    @property
    def ended(self) -> int:
        return self.outcomes.total()

    @property
    def failed(self) -> int:
        return self.ended - self.outcomes["ok"]


class Tally:
    """Counts, of the last ten minutes."""

    def __init__(self) -> None:
        self._slots: dict[int, _Slot] = {}
        self._told = 0

    def sent(self, now: float, late: float) -> None:
        slot = self._slot(now)
        slot.sent += 1
        slot.late.add(late)

    def ended(self, now: float, outcome: Outcome, took: float = 0.0) -> None:
        """`took` counts from when the request was due."""
        slot = self._slot(now)
        slot.outcomes[outcome] += 1
        if outcome in _TIMED:
            slot.times.add(took)

    def measure(self, what: str, window: float, now: float, under_way: Collection[float] = ()) -> Reading:
        """`what` over the last `window` seconds; `under_way` has how long each unanswered request has waited so far."""
        if window > _KEPT:
            raise ProbeError(f"the load remembers {_KEPT:.0f} s, which is less than the window")
        running = int(now * _SLOTS)
        first = min(running, max(0, math.ceil((now - window) * _SLOTS)))
        total = self._sum(range(first, running + 1))
        if what == "rate":
            span = now - first / _SLOTS
            if not span:
                return Reading(None, "the load has only just begun")
            return Reading(total.outcomes["ok"] / span, events=float(total.ended))
        if what == "errors":
            if not total.ended:
                return Reading(None, _nothing(window, under_way), events=0)
            return Reading(total.failed / total.ended, events=float(total.ended))
        return _percentile(total, PERCENTILES[what], window, under_way)

    def rows(self, now: float) -> Iterator[Second]:
        """The seconds that are over and were not given before."""
        while self._told + 1 <= now:
            second, self._told = self._told, self._told + 1
            total = self._sum(range(second * _SLOTS, (second + 1) * _SLOTS))
            times = total.times
            p50, p90, p99 = (times.quantile(share) if times.count else None for share in (0.5, 0.9, 0.99))
            errors = {outcome: count for outcome, count in total.outcomes.items() if outcome != "ok"}
            longest = times.highest if times.count else None
            yield Second(
                second,
                total.sent,
                total.outcomes["ok"],
                total.failed,
                p50,
                p90,
                p99,
                longest,
                errors,
                total.late.highest,
            )

    def _slot(self, now: float) -> _Slot:
        number = int(now * _SLOTS)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = _Slot()
            if len(self._slots) > _KEPT * _SLOTS:
                del self._slots[next(iter(self._slots))]
        return slot

    def _sum(self, numbers: range) -> _Slot:
        total = _Slot()
        for number in numbers:
            slot = self._slots.get(number)
            if slot is not None:
                total.merge(slot)
        return total


def _percentile(total: _Slot, share: float, window: float, under_way: Collection[float]) -> Reading:
    """Requests that wait longer than the percentile of those that ended can only raise it, so they count as they are.

    Without them a service that hangs would look fast until the first timeout.
    """
    times = total.times
    if not times.count and not under_way:
        return Reading(None, _nothing(window, under_way), events=0)
    known = times.quantile(share) if times.count else 0.0
    for waited in under_way:
        if waited > known:
            times.add(waited)
    if not times.count:
        return Reading(None, _nothing(window, under_way), events=0)
    value = times.quantile(share)
    late = total.late.quantile(share) if total.late.count else 0.0
    if late > _LATE and late > value / 2:
        return Reading(
            None, f"this machine sent its requests up to {late:.2g} s late, which would be most of the answer"
        )
    return Reading(value, events=float(times.count))


def _nothing(window: float, under_way: Collection[float]) -> str:
    waiting = f"; {len(under_way)} are under way" if under_way else ""
    return f"no request was answered in the last {window:g} s{waiting}"
