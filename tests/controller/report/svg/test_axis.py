"""Where a plot puts values and moments."""

from __future__ import annotations

import math

import pytest

from brownout_controller.report.svg import axis


@pytest.mark.parametrize(
    "values",
    [[], [0.0], [5.0], [-5.0], [0.0, 1.0], [-3.0, 4.0], [98.0, 99.5],
     [1e-9, 2e-9], [5e-324], [1e299, -1e299], [3.0] * 9, [0.004, 4.0], [1e-6, 1e12]],
)  # fmt: skip
def test_every_value_has_its_place_and_the_order_is_kept(values: list[float]) -> None:
    scale = axis.of_values(values)
    shares = [scale.share(value) for value in sorted(values)]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    assert scale.low < scale.high
    assert all(scale.low <= tick * (1 + 1e-9) and tick <= scale.high for tick in scale.ticks)
    assert len(scale.ticks) <= 8


def test_ticks_are_round_and_begin_at_zero_where_values_are_near_it() -> None:
    scale = axis.of_values([0.1, 0.9])
    assert [round(tick, 9) for tick in scale.ticks] == [0, 0.2, 0.4, 0.6, 0.8]
    assert scale.low == 0
    assert [round(tick, 9) for tick in axis.of_values([98.0, 99.5]).ticks] == [98, 98.5, 99, 99.5]


def test_from_a_hundredfold_on_the_axis_is_logarithmic_unless_there_is_a_zero() -> None:
    assert axis.of_values([0.004, 4.0]).log
    assert [round(tick, 9) for tick in axis.of_values([0.004, 4.0]).ticks] == [0.01, 0.1, 1]
    assert not axis.of_values([0.004, 0.04]).log
    assert not axis.of_values([0.0, 4.0, 0.004]).log
    assert not axis.of_values([0.004, 4.0], [0.0]).log
    assert not axis.of_values([0.004, 0.005], [2.0]).log, "a far limit alone is no reason"


def test_a_limit_is_on_the_axis_and_not_its_end() -> None:
    scale = axis.of_values([0.1], [2.0])
    assert 0.05 < 1 - scale.share(2.0) < 0.2
    assert axis.of_values([1.0], [0.0]).share(0.0) > 0


def test_what_has_no_end_is_no_measure_and_is_put_at_the_end() -> None:
    scale = axis.of_values([1.0, 2.0, 1e301, math.inf, -math.inf])
    assert scale.high < 3
    assert (scale.share(math.inf), scale.share(-math.inf), scale.share(1e301)) == (1, 0, 1)


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [
        (0.0, []),
        (1.0, [0, 0.5, 1]),
        (20.0, [0, 5, 10, 15, 20]),
        (65.0, [0, 15, 30, 45, 60]),
        (3600.0, [0, 900, 1800, 2700, 3600]),
        (10 * 86400.0, [0, 200000, 400000, 600000, 800000]),
    ],
)
def test_time_is_counted_as_people_do_in_few_steps(seconds: float, ticks: list[float]) -> None:
    found = axis.of_time(0.0, seconds).ticks
    assert len(found) <= 6
    if ticks:
        assert [round(tick, 6) for tick in found] == ticks
