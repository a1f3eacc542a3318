"""Quantiles with a bounded relative error."""

from __future__ import annotations

import math
import random

import pytest

from brownout_controller.probes.histogram import Histogram


def _of(*values: float) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99, 0.999, 1.0])
def test_a_quantile_is_at_most_a_thousandth_above_the_exact_one_and_never_below(share: float) -> None:
    rng = random.Random(7)
    values = sorted(rng.lognormvariate(-4, 2) for _ in range(20_000))
    exact = values[math.ceil(share * len(values)) - 1]
    got = _of(*values).quantile(share)
    assert exact - 1e-6 <= got <= exact * 1.001 + 1e-6


def test_the_99th_of_a_hundred_is_the_second_highest() -> None:
    values = [n / 1000 for n in range(1, 101)]
    assert _of(*values).quantile(0.99) == pytest.approx(0.099, rel=1e-3)
    assert _of(*values).quantile(1.0) == 0.1


def test_merged_histograms_count_as_one() -> None:
    both = _of(0.1, 0.2)
    both.merge(_of(5.0))
    assert (both.count, both.highest) == (3, 5.0)
    assert both.quantile(0.5) == pytest.approx(0.2, rel=1e-3)


def test_of_nothing_there_is_no_quantile() -> None:
    with pytest.raises(ValueError, match="nothing was counted"):
        Histogram().quantile(0.5)


def test_a_clock_that_stood_still_counts_as_no_time() -> None:
    assert _of(0.0, -1e-9).quantile(1.0) == 0.0


def test_the_number_of_buckets_is_bounded() -> None:
    rng = random.Random(7)
    histogram = _of(*(rng.uniform(0, 60) for _ in range(50_000)))
    assert len(histogram._counts) < 30_000
    assert histogram.quantile(0.5) == pytest.approx(30, rel=0.02)
