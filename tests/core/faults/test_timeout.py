"""timeout: bytes vanish; the connection closes at its time, or never."""

from __future__ import annotations

from tests.support.builders.fault_stages import site, stage


def test_it_closes_after_its_time_from_when_it_met_the_connection() -> None:
    one = stage("timeout", site(start=10), timeout="3s")
    assert one.swallows
    assert one.alarm() == (13, "close")


def test_zero_never_closes() -> None:
    assert stage("timeout").alarm() is None
