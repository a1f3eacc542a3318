"""cut: data passes until the end comes."""

from __future__ import annotations

from tests.support.builders.fault_stages import site, stage


def test_it_closes_at_its_time_and_lets_bytes_pass_until_then() -> None:
    one = stage("cut", site(start=10), after="2s")
    assert one.alarm() == (12, "close")
    assert not one.swallows
