"""Which points of a series are shown."""

from __future__ import annotations

import math

from brownout_controller.report.svg.series import Dot, pieces, thinned


def _dots(*values: float | None, begin: float = 0.0) -> list[Dot]:
    return [Dot(begin + number, value) for number, value in enumerate(values)]


def test_a_short_series_is_shown_whole() -> None:
    dots = _dots(1.0, 2.0, None, 3.0)
    assert list(thinned(dots)) == dots
    assert list(thinned([])) == []


def test_a_long_one_keeps_its_extremes_and_what_is_bad_or_empty() -> None:
    dots = [Dot(number, 1.0 + math.sin(number)) for number in range(10_000)]
    dots[5001] = Dot(5001, 99.0)
    dots[6001] = Dot(6001, -99.0)
    dots[7001] = Dot(7001, 1.0, "bad")
    dots[8001] = Dot(8001, None)
    kept = thinned(dots, 400)
    assert len(kept) <= 400
    assert {dots[0], dots[5001], dots[6001], dots[7001], dots[8001]} <= set(kept)
    assert [dot.at for dot in kept] == sorted(dot.at for dot in kept)


def test_even_the_worst_series_is_not_much_longer_than_wanted() -> None:
    looks = ("good", "bad")
    dots = [Dot(number, None if number % 3 else float(number), looks[number % 2]) for number in range(36_000)]  # type: ignore[arg-type]
    assert len(thinned(dots, 400)) <= 410


def test_a_line_ends_where_there_is_no_data() -> None:
    dots = _dots(1.0, 2.0, None, 3.0, math.nan, 4.0)
    assert [[dot.value for dot in piece] for piece in pieces(dots)] == [[1.0, 2.0], [3.0], [4.0]]


def test_and_where_nobody_measured_for_long() -> None:
    dots = [*_dots(1.0, 2.0, 3.0), *_dots(4.0, 5.0, begin=30.0)]
    assert [[dot.value for dot in piece] for piece in pieces(thinned(dots))] == [[1.0, 2.0, 3.0], [4.0, 5.0]]
    assert [dot.look for dot in thinned(dots)].count("gap") == 1


def test_a_gap_is_seen_after_thinning_too() -> None:
    dots = [*_dots(*[1.0] * 3000), *_dots(*[1.0] * 3000, begin=4000.0)]
    assert len(list(pieces(thinned(dots, 400)))) == 2
