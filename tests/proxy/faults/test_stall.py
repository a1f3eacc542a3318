"""stall: a share of the segments is late, none is missing."""

from __future__ import annotations

import pytest

from tests.support.staging import pieces, stage


def test_the_stated_share_of_segments_is_late_by_the_duration() -> None:
    one = stage("stall", probability=0.2, duration="300ms", segment=10)
    delays = [one.delay(segment * 10) for segment in range(10_000)]
    assert set(delays) == {0.0, 0.3}
    assert delays.count(0.3) == pytest.approx(2000, abs=150)


def test_all_bytes_of_a_segment_share_its_fate() -> None:
    one = stage("stall", probability=0.5)
    assert len({one.delay(offset) for offset in range(1460)}) == 1
    assert pieces(one, 3000) == [1460, 1460, 80]


@pytest.mark.parametrize(("probability", "delay"), [(0, 0.0), (1, 0.2)])
def test_certain_is_certain_and_the_default_is_a_retransmission_time(probability: int, delay: float) -> None:
    one = stage("stall", probability=probability)
    assert {one.delay(segment * 1460) for segment in range(1000)} == {delay}
