"""latency: a fixed delay, or one for each virtual segment with the stated spread."""

from __future__ import annotations

import itertools
import math
from statistics import fmean, median, stdev

import pytest

from tests.support.builders.fault_stages import pieces, site, stage


def _delays(count: int = 20_000, **attributes: object) -> list[float]:
    one = stage("latency", site(), segment=1, **attributes)
    return [one.delay(offset) * 1e3 for offset in range(count)]


def test_without_jitter_every_byte_is_late_by_the_same_and_nothing_is_cut() -> None:
    one = stage("latency", latency="1.5s")
    assert {one.delay(offset) for offset in range(100)} == {1.5}
    assert one.narrow(0, 1 << 20) == 1 << 20


def test_delay_is_another_name_for_latency() -> None:
    assert stage("latency", delay="30s").delay(0) == 30


def test_uniform_jitter_is_around_the_latency() -> None:
    delays = _delays(latency=100, jitter=20)
    assert min(delays) >= 80
    assert max(delays) < 120
    assert fmean(delays) == pytest.approx(100, abs=0.5)


def test_normal_jitter_has_its_standard_deviation() -> None:
    delays = _delays(latency=1000, jitter=50, distribution="normal")
    assert fmean(delays) == pytest.approx(1000, abs=2)
    assert stdev(delays) == pytest.approx(50, rel=0.03)


@pytest.mark.parametrize(
    ("distribution", "middle"),
    [("lognormal", 1.0), ("pareto", math.pow(2, 1 / 3) - 1)],
)
def test_a_tail_starts_at_the_latency_and_has_its_median(distribution: str, middle: float) -> None:
    delays = _delays(latency=100, jitter=10, distribution=distribution)
    assert min(delays) >= 100
    assert median(delays) == pytest.approx(100 + 10 * middle, abs=0.4)
    assert max(delays) > 150


def test_a_delay_is_never_negative() -> None:
    assert min(_delays(latency=5, jitter=50)) == 0


def test_correlation_holds_neighbours_together() -> None:
    delays = _delays(latency=100, jitter=20, correlation=0.9)
    same = sum(a == b for a, b in itertools.pairwise(delays))
    assert same / len(delays) == pytest.approx(0.9, abs=0.02)


def test_a_segment_has_one_delay_wherever_the_bytes_are_cut() -> None:
    one, other = (stage("latency", latency=100, jitter=50, segment=100) for _ in range(2))
    assert pieces(one, 250, start=30) == [70, 100, 80]
    assert {other.delay(offset) for offset in range(100)} == {one.delay(55)}
    assert one.delay(0) != one.delay(100)


def test_the_same_seed_gives_the_same_delays_and_another_does_not() -> None:
    first, again, other = (
        [stage("latency", site(seed=seed), latency=200, jitter=100).delay(place * 1460) for place in range(100)]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert not set(first) & set(other)


def test_tails_have_their_means() -> None:
    # exp(1/2) for a lognormal with mu 0 and sigma 1; 1 / (3 - 1) for a Lomax of shape 3.
    assert fmean(_delays(100_000, jitter=10, distribution="lognormal")) == pytest.approx(16.49, rel=0.03)
    assert fmean(_delays(100_000, jitter=10, distribution="pareto")) == pytest.approx(5, rel=0.03)
