"""An axis of dates: few names, at the beginnings of what people count by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from brownout_controller.report.svg.dates import of_dates

BEGIN = datetime(2026, 1, 20, 13, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "names"),
    [
        (timedelta(0), ["13:06", "13:07", "13:08"]),
        (timedelta(minutes=20), ["13:10", "13:15", "13:20", "13:25"]),
        (timedelta(hours=4), ["14:00", "15:00", "16:00", "17:00"]),
        (timedelta(hours=20), ["18:00", "01-21", "06:00"]),
        (timedelta(days=4), ["01-21", "01-22", "01-23", "01-24"]),
        (timedelta(days=60), ["02-02", "02-16", "03-02", "03-16"]),
        (timedelta(days=300), ["2026-Q2", "2026-Q3", "2026-Q4"]),
        (timedelta(days=1500), ["2026", "2027", "2028", "2029", "2030"]),
        (timedelta(days=20_000), ["2040", "2060", "2080"]),
    ],
)
def test_names_are_of_quarters_months_days_or_hours(length: timedelta, names: list[str]) -> None:
    assert [name for _, name in of_dates(BEGIN, BEGIN + length).ticks] == names


def test_a_place_along_the_axis_is_a_share_of_the_time() -> None:
    dates = of_dates(BEGIN, BEGIN + timedelta(days=100))
    assert dates.percent(BEGIN) == "1.92%"
    assert dates.percent(BEGIN + timedelta(days=50)) == "50.00%"
    assert dates.percent(BEGIN + timedelta(days=1000)) == "100.00%"
    assert dates.percent(datetime.min.replace(tzinfo=UTC)) == "0.00%"


moments = some.datetimes(timezones=some.just(UTC))


@given(moments, moments)
def test_any_two_moments_have_an_axis_with_few_names_in_order(one: datetime, other: datetime) -> None:
    begin, end = sorted((one, other))
    dates = of_dates(begin, end)
    assert dates.begin < dates.end
    assert len(dates.ticks) <= 5
    assert all(dates.begin <= moment <= dates.end for moment, _ in dates.ticks)
    assert [moment for moment, _ in dates.ticks] == sorted({moment for moment, _ in dates.ticks})
    assert 0 <= float(dates.percent(begin)[:-1]) <= float(dates.percent(end)[:-1]) <= 100
