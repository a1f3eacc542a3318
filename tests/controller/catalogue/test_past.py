"""What passed counts until it expires; what was refuted is known to be broken, which is not the same as known."""

from __future__ import annotations

import pytest

from brownout_controller.catalogue.past import EXPIRES, KNOWN, Past, Tried

_EDGE = "a -> b"


def _passed(days: float, fault: str = "latency") -> Tried:
    return Tried(_EDGE, fault, "passed", days)


@pytest.mark.parametrize(
    ("days", "ignorance"), [(0, KNOWN), (EXPIRES / 2, (1 + KNOWN) / 2), (EXPIRES, 1), (3 * EXPIRES, 1), (-1, KNOWN)]
)
def test_ignorance_comes_back_day_by_day(days: float, ignorance: float) -> None:
    past = Past([_passed(days)])
    assert past.ignorance(past.last(_EDGE, ["latency"])) == pytest.approx(ignorance)


def test_how_long_a_result_counts_can_be_said() -> None:
    past = Past([_passed(5)], expires=10)
    assert past.ignorance(past.last(_EDGE, ["latency"])) == pytest.approx((1 + KNOWN) / 2)


def test_what_was_never_tried_and_what_was_refuted_is_all_ignorance() -> None:
    refuted = Tried(_EDGE, "latency", "refuted", 1)
    assert Past().ignorance(None) == 1
    assert Past().ignorance(refuted) == 1


def test_the_last_run_counts_whatever_order_they_come_in() -> None:
    refuted = Tried(_EDGE, "latency", "refuted", 2)
    for runs in ([_passed(3), refuted], [refuted, _passed(3)]):
        assert Past(runs).last(_EDGE, ["latency"]) == refuted
    assert Past([refuted, _passed(1)]).last(_EDGE, ["latency"]) == _passed(1)


def test_edge_and_kind_of_fault_must_both_be_the_same() -> None:
    past = Past([_passed(1)])
    assert past.last("a -> c", ["latency"]) is None
    assert past.last(_EDGE, ["cut"]) is None
    assert past.last(_EDGE, ["cut", "latency"]) == _passed(1)
