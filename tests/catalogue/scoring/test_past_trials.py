"""What passed counts until it expires, as far as it was strong enough; what was refuted is known to be broken, which is
not the same as known, and stays so until as much has passed where it broke."""

from __future__ import annotations

import pytest

from brownout_catalogue.scoring.past_trials import EXPIRES, KNOWN, Evidence, PastTrial, PastTrials
from tests.support.builders.architectures import fault, tried

_EDGE = "a -> b"
_ASKED = fault(latency="30s")


def _passed(days: float, delay: str = "30s", environment: str = "") -> PastTrial:
    return tried(_EDGE, fault(latency=delay), "passed", days, environment)


def _refuted(days: float, delay: str = "30s", environment: str = "") -> PastTrial:
    return tried(_EDGE, fault(latency=delay), "refuted", days, environment)


def _about(*runs: PastTrial, expires: float = EXPIRES) -> Evidence:
    known = PastTrials(runs, expires).about(_EDGE, _ASKED)
    assert known is not None
    return known


@pytest.mark.parametrize(
    ("days", "ignorance"), [(0, KNOWN), (EXPIRES / 2, (1 + KNOWN) / 2), (EXPIRES, 1), (3 * EXPIRES, 1), (-1, KNOWN)]
)
def test_ignorance_comes_back_day_by_day(days: float, ignorance: float) -> None:
    past = PastTrials([_passed(days)])
    assert past.ignorance(past.about(_EDGE, _ASKED)) == pytest.approx(ignorance)


def test_how_long_a_result_counts_can_be_said() -> None:
    past = PastTrials([_passed(5)], expires=10)
    assert past.ignorance(past.about(_EDGE, _ASKED)) == pytest.approx((1 + KNOWN) / 2)


def test_what_was_never_tried_and_what_was_refuted_is_all_ignorance() -> None:
    assert PastTrials().is_empty
    assert PastTrials().ignorance(None) == 1
    assert PastTrials().ignorance(_about(_refuted(1))) == 1


def test_the_last_run_counts_whatever_order_they_come_in() -> None:
    for runs in ([_passed(3), _refuted(2)], [_refuted(2), _passed(3)]):
        assert _about(*runs).tried == _refuted(2)
    assert _about(_refuted(2), _passed(1)).tried == _passed(1)


def test_edge_kind_and_direction_must_be_the_same() -> None:
    past = PastTrials([_passed(1)])
    assert past.about("a -> c", _ASKED) is None
    assert past.about(_EDGE, fault(cut="0s")) is None
    assert past.about(_EDGE, fault(latency="30s", direction="upstream")) is None


def test_a_weaker_run_counts_in_proportion_and_the_one_that_says_most_is_told() -> None:
    past = PastTrials([_passed(1, "10s"), _passed(2, "15s"), _passed(85)])
    known = past.about(_EDGE, _ASKED)
    assert known == (_passed(2, "15s"), 0.5)
    assert past.ignorance(known) == pytest.approx(1 - 0.9 * 0.5 * (1 - 2 / EXPIRES))


@pytest.mark.parametrize(
    ("later", "broken"),
    [
        (_passed(1, "10ms"), True),
        (_passed(1, "19s"), True),
        (_passed(1, "20s"), False),
        (_passed(1, "30s"), False),
        (_passed(3, "30s"), True),
    ],
)
def test_what_was_refuted_stays_broken_until_as_much_has_passed(later: PastTrial, broken: bool) -> None:
    assert _about(_refuted(2, "20s"), later).broken == broken


def test_what_broke_under_more_than_is_asked_for_is_outweighed_by_a_pass_under_that() -> None:
    assert _about(_refuted(1, "60s")).broken
    assert _about(_refuted(1, "60s"), _passed(3, "10s")).broken
    assert not _about(_refuted(1, "60s"), _passed(3, "30s")).broken


def test_what_broke_in_one_environment_is_not_mended_by_a_pass_in_another() -> None:
    assert _about(_refuted(2, environment="staging"), _passed(1, environment="local")).broken
    assert not _about(_refuted(2, environment="staging"), _passed(1, environment="staging")).broken


def test_a_strength_that_is_not_known_counts_against_and_never_for() -> None:
    unknown = PastTrial(_EDGE, "latency", None, "passed", 0)
    assert _about(unknown) == (unknown, 0)
    broke = unknown._replace(verdict="refuted", days=2)
    assert _about(broke, unknown).broken
    assert not _about(broke, _passed(1)).broken
