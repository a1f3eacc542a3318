"""The account of a phase: what was due, what it came to, and from where on it holds again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brownout_controller.model.accounting import Counts, counts, due, held_again, longest, needed_for_good, tolerated
from brownout_controller.model.hypothesis import Tolerate


@pytest.mark.parametrize(
    ("seconds", "settle", "every", "expected"),
    [
        (20, 0, 1, 20),
        (19.999, 0, 1, 19),
        (20, 10, 1, 10),
        (10, 10, 1, 0),
        (5, 10, 1, 0),
        (0, 0, 1, 0),
        (0.9, 0, 1, 0),
        (0.3, 0, 0.1, 3),  # which is 2.9999999999999996 in binary fractions
        (10, 0, 3, 3),
        (3600, 10, 0.5, 7180),
    ],
)
def test_as_many_are_due_as_have_a_whole_interval(seconds: float, settle: float, every: float, expected: int) -> None:
    assert due(seconds, settle, every) == expected


@given(st.lists(st.sampled_from([True, False, None])), st.integers(0, 30))
def test_every_measurement_is_exactly_one_of_four(outcomes: list[bool | None], expected: int) -> None:
    found = counts(outcomes, expected)
    assert found.total == max(len(outcomes), expected)
    assert found.missing == max(0, expected - len(outcomes))
    assert min(found) >= 0


def test_what_was_taken_beyond_what_was_due_counts_as_well() -> None:
    assert counts([True, True, False, None], 3) == Counts(2, 1, 1, 0)


def test_the_longest_run_is_of_neighbours() -> None:
    assert longest(None, [None, True, None, None, False, None]) == 2
    assert longest(False, [True, None]) == 0


def test_bad_ones_in_a_row_are_forgiven_below_the_limit() -> None:
    assert tolerated([False, False, True], Tolerate(consecutive=3))
    assert not tolerated([False, False, False, True], Tolerate(consecutive=3))
    assert not tolerated([False], Tolerate(consecutive=3)), "none was good"
    assert not tolerated([True, False], None)


@pytest.mark.parametrize(("total", "needed"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (60, 3)])
def test_for_good_takes_three_or_half_of_a_few(total: int, needed: int) -> None:
    assert needed_for_good(total) == needed


def test_one_good_last_sample_after_bad_ones_is_not_for_good() -> None:
    last = held_again([False, False, False, False, True], None, 5)
    assert last is not None
    assert (last.first, last.for_good) == (4, False)
    three = held_again([False, False, True, True, True], None, 5)
    assert three is not None
    assert (three.first, three.for_good) == (2, True)
    assert held_again([True, True, False], None, 3) is None
    assert held_again([None, None], None, 2) is None


def test_what_never_failed_held_for_good_from_its_first_sample_on() -> None:
    one = held_again([True], None, 60)
    assert one is not None
    assert (one.first, one.for_good) == (0, True)


def test_samples_that_tell_nothing_neither_help_nor_harm() -> None:
    found = held_again([None, False, None, True, None, True, True], None, 7)
    assert found is not None
    assert (found.first, found.for_good) == (3, True)
