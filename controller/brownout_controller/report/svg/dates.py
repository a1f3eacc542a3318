"""An axis of dates: quarters, months, days or hours, whichever are few enough to be named on a small screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

_MOST: Final = 5
"""Names on the axis."""
_ROOM: Final = 0.02
"""Of the length, at both ends, so that the first and the last mark are not cut."""
_SHORTEST: Final = timedelta(minutes=1)
_HOURS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
_DAYS: Final = tuple(timedelta(days=days) for days in (1, 2, 7, 14))
_MONTHS: Final = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 24000)


class Dates(NamedTuple):
    """From `begin` to `end`, with the moments that are named."""

    begin: datetime
    end: datetime
    ticks: Sequence[tuple[datetime, str]]

    def share(self, moment: datetime) -> float:
        """How far along it is, from 0 to 1; what lies outside is put at the end."""
        return min(1.0, max(0.0, (moment - self.begin) / (self.end - self.begin)))

    def percent(self, moment: datetime) -> str:
        """The same for SVG."""
        return f"{100 * self.share(moment):.2f}%"


def of_dates(begin: datetime, end: datetime) -> Dates:
    """All in UTC."""
    room = max((end - begin) * _ROOM, _SHORTEST)
    begin, end = _moved(begin, -room), _moved(end, room)
    return Dates(begin, end, next((ticks for ticks in _choices(begin, end) if len(ticks) <= _MOST), ()))


def _moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:  # the calendar ends there
        return moment


def _choices(begin: datetime, end: datetime) -> Iterator[list[tuple[datetime, str]]]:
    """From the finest on; only such as have few ticks are worked out."""
    midnight = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
    for step in (*_HOURS, *_DAYS):
        if (end - begin) / step <= _MOST + 1:
            yield [(moment, _day(moment)) for moment in _stepped(midnight, step, begin, end)]
    for months in _MONTHS:
        if (end - begin).days / (30 * months) <= _MOST + 2:
            yield [(moment, _month(moment, months)) for moment in _firsts(begin, end, months)]


def _stepped(first: datetime, step: timedelta, begin: datetime, end: datetime) -> Iterator[datetime]:
    first += step * max(0, (begin - first) // step)
    while first <= end:
        if first >= begin:
            yield first
        first += step


def _firsts(begin: datetime, end: datetime, months: int) -> Iterator[datetime]:
    """The first days of every so many months, counted from the year 0."""
    at = begin.year * 12 + begin.month - 1
    at -= at % months
    for number in range(at, end.year * 12 + end.month, months):
        if (
            12 <= number < 120_000
            and begin <= (moment := datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)) <= end
        ):
            yield moment


def _day(moment: datetime) -> str:
    """At midnight the day, else the hour: there is no room for both."""
    return moment.strftime("%H:%M" if moment.hour or moment.minute else "%m-%d")


def _month(moment: datetime, months: int) -> str:
    if months == 3:
        return f"{moment.year}-Q{(moment.month + 2) // 3}"
    return f"{moment.year}" if months % 12 == 0 else f"{moment.year}-{moment.month:02d}"
