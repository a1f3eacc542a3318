"""What a load has sent and what came of it: by second for the journal, and over sliding windows for hypotheses.

Pure: `now` is an argument, in seconds since the load began.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Final, Literal, NamedTuple

from brownout_controller.model.experiment import FEWEST
from brownout_controller.model.probe import ProbeError, Reading
from brownout_controller.probes.histogram import Histogram

Outcome = Literal["ok", "body", "2xx", "3xx", "4xx", "5xx", "timeout", "refused", "reset", "closed", "name",
                  "certificate", "unsent", "overload", "other"]  # fmt: skip
"""How a request ended. `body` and the classes of status: an answer that was not as wished. `unsent`: too many others
had waited too long. `overload`: this machine had nothing left to send it with, so it is no result about the service."""

PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
_TIMED: Final = {"ok", "timeout"}
"""What has a latency: a good answer, and a wait for one. A refusal or an error page is fast, but nobody was served."""
_SLOTS: Final = 4
"""A second. A window reaches no further back than its length, and falls short by at most one of these."""
_KEPT: Final = 600.0
"""Seconds that are remembered; more than any sensible window."""
_LATE: Final = 0.05
"""From here on the load's own lateness may be what it measures."""


class Second(NamedTuple):
    """What ended, and what was sent, within one second of the load. Durations in seconds; None where none was timed."""

    second: int
    due: int
    """What the rate asks for."""
    sent: int
    ok: int
    failed: int
    unanswered: int
    """Under way at the end of the second, and for too long already."""
    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None
    errors: dict[str, int]
    """Of those that failed, by outcome."""
    late: float
    """By how much the latest was sent after it was due."""
    seconds: float = 1.0
    """Less where the load ended within it."""


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
        return self.outcomes.total() - self.outcomes["overload"]

    @property
    def failed(self) -> int:
        return self.ended - self.outcomes["ok"]

    @property
    def errors(self) -> dict[str, int]:
        """Those that failed, by outcome."""
        return {outcome: count for outcome, count in self.outcomes.items() if outcome not in ("ok", "overload")}


class LoadStats:
    """Counts, of the last ten minutes."""

    def __init__(self, rate: float, overdue: float) -> None:
        """A request that has waited `overdue` seconds is unanswered, for as long as it waits."""
        self._rate = rate
        self.overdue = overdue
        self._slots: dict[int, _Slot] = {}
        self._reported = 0

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
        """`what` over the last `window` seconds; `under_way` has how long each open request has waited so far."""
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
            unanswered = self._unanswered(under_way)
            events = total.ended + unanswered
            if not events:
                return Reading(None, _nothing(window, under_way), events=0)
            return Reading((total.failed + unanswered) / events, events=float(events))
        return _percentile(total, what, window, under_way)

    def rows(self, now: float, under_way: Collection[float] = ()) -> Iterator[Second]:
        """The seconds that are over and were not returned before."""
        while self._reported + 1 <= now:
            second, self._reported = self._reported, self._reported + 1
            since = now - (second + 1)
            yield self._row(second, 1.0, self._unanswered(waited - since for waited in under_way))

    def last_rows(self, now: float, under_way: Collection[float] = ()) -> Iterator[Second]:
        """Those seconds, and what is left of the last one: the load has ended, and nobody will answer any more."""
        yield from self.rows(now, under_way)
        if self._reported < now:
            yield self._row(self._reported, now - self._reported, len(under_way))

    def _row(self, second: int, seconds: float, unanswered: int) -> Second:
        total = self._sum(range(second * _SLOTS, (second + 1) * _SLOTS))
        times = total.times
        p50, p90, p99 = (times.quantile(share) if times.count else None for share in (0.5, 0.9, 0.99))
        return Second(
            second=second,
            due=math.ceil((second + seconds) * self._rate) - math.ceil(second * self._rate),
            sent=max(0, total.sent - total.outcomes["overload"]),
            ok=total.outcomes["ok"],
            failed=total.failed,
            unanswered=unanswered,
            p50=p50,
            p90=p90,
            p99=p99,
            max=times.highest if times.count else None,
            errors=total.errors,
            late=total.late.highest,
            seconds=seconds,
        )

    def _unanswered(self, under_way: Iterable[float]) -> int:
        return sum(waited >= self.overdue for waited in under_way)

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


def _percentile(total: _Slot, what: str, window: float, under_way: Collection[float]) -> Reading:
    """Of good answers; what waits or has timed out was at least as slow as that.

    Requests that wait longer than the percentile of those that ended can only raise it, so they count as they are:
    without them a service that hangs would look fast until the first timeout.
    """
    times, share = total.times, PERCENTILES[what]
    known = times.quantile(share) if times.count else 0.0
    for waited in under_way:
        if waited > known:
            times.add(waited)
    if times.count < FEWEST:
        return Reading(None, _too_few(total, what, window, under_way), events=float(times.count))
    value = times.quantile(share)
    late = total.late.quantile(share) if total.late.count else 0.0
    if late > _LATE and late > value / 2:
        return Reading(
            None, f"this machine sent its requests up to {late:.2g} s late, which would be most of the answer"
        )
    return Reading(value, events=float(times.count))


def _too_few(total: _Slot, what: str, window: float, under_way: Collection[float]) -> str:
    if not total.ended:
        return _nothing(window, under_way)
    good, failed = total.outcomes["ok"], ", ".join(f"{count} {kind}" for kind, count in sorted(total.errors.items()))
    return (
        f"{good or 'no'} good answer{'s' * (good != 1)} in the last {window:g} s{f' ({failed})' if failed else ''}; "
        f"{what} needs {FEWEST}"
    )


def _nothing(window: float, under_way: Collection[float]) -> str:
    waiting = f"; {len(under_way)} are under way" if under_way else ""
    return f"no request was answered in the last {window:g} s{waiting}"
