"""stall: a share of the segments is late, none is missing."""

from __future__ import annotations

import itertools

import pytest

from tests.support.builders.fault_stages import pieces, stage


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


def test_with_correlation_losses_come_in_bursts_of_the_same_total() -> None:
    alone, bursty = (
        [stall.delay(segment * 1460) > 0 for segment in range(40_000)]
        for stall in (stage("stall", probability=0.2, correlation=correlation) for correlation in (0, 0.75))
    )
    for losses in (alone, bursty):
        assert sum(losses) == pytest.approx(8000, rel=0.08)
    # A burst ends with a fresh draw (probability 1/4) that is no loss (4/5): 5 segments; without, 1.25.
    for losses, length in ((alone, 1.25), (bursty, 5)):
        bursts = sum(now and not before for before, now in itertools.pairwise([False, *losses]))
        assert sum(losses) / bursts == pytest.approx(length, rel=0.06)
