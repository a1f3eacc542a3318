"""The load by phase, and whether it had its rate."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from brownout_controller.model.journal import Entered, Entry, LoadSecond, Record
from brownout_controller.model.load_summary import SHORTFALL, load_by_phase, load_shortfall, shortfall
from brownout_controller.model.reasons import Number


def _second(
    sent: int, due: int | None = 20, *, unanswered: int = 0, errors: Mapping[str, int] | None = None
) -> LoadSecond:
    failed = sum((errors or {}).values())
    return LoadSecond(0, sent, sent - failed, failed, due=due, unanswered=unanswered, errors=errors or {})


def _journal(baseline: list[LoadSecond], during: list[LoadSecond]) -> list[Entry]:
    """Each second's record comes a little after the second is over."""
    told: list[tuple[float, Record]] = [(0.0, Entered("baseline", "planned"))]
    told += [(n + 1.01, record) for n, record in enumerate(baseline)]
    begin = float(len(baseline))
    told += [(begin + 0.02, Entered("injecting", "baseline")), (begin + 0.03, Entered("observing", "injecting"))]
    told += [(begin + n + 1.04, record) for n, record in enumerate(during)]
    told.sort(key=lambda pair: pair[0])
    return [Entry(number, at, record) for number, (at, record) in enumerate(told)]


def test_each_phase_has_its_own_sums_and_what_was_open_at_its_end() -> None:
    during = [_second(20, errors={"5xx": 3}), _second(20, unanswered=4, errors={"5xx": 1, "reset": 9})]
    baseline, fault, whole = load_by_phase(_journal([_second(20)] * 3, during))
    assert baseline == ("baseline", 3, 60, 60, 60, 0, 0, {})
    assert tuple(fault) == ("during", 2, 40, 40, 27, 13, 4, {"reset": 9, "5xx": 4})
    assert list(fault.errors) == ["reset", "5xx"], "the most frequent first"
    assert tuple(whole)[:7] == ("whole run", 5, 100, 100, 87, 13, 0)


def test_what_is_answered_while_the_fault_is_reverted_is_counted_and_all_adds_up_to_what_was_sent() -> None:
    def second(sent: int, ok: int, errors: Mapping[str, int], seconds: float = 1.0) -> LoadSecond:
        return LoadSecond(0, sent, ok, sum(errors.values()), due=sent, errors=errors, seconds=seconds)

    told: list[tuple[float, Record]] = [
        (0.0, Entered("baseline", "planned")), (1.01, second(20, 20, {})), (1.02, Entered("injecting", "baseline")),
        (1.03, Entered("observing", "injecting")), (2.01, second(20, 2, {"5xx": 3})),
        (2.02, Entered("reverting", "observing")), (3.01, second(20, 30, {"unsent": 4})),
        (3.02, Entered("recovering", "reverting")), (4.01, second(20, 19, {})), (4.3, Entered("judged", "recovering")),
        (4.31, second(6, 5, {}, 0.3)),
    ]  # fmt: skip
    rows = load_by_phase([Entry(number, at, record) for number, (at, record) in enumerate(told)])
    assert [(row.phase, row.sent, row.ok, row.failed) for row in rows] == [
        ("baseline", 20, 20, 0), ("during", 20, 2, 3), ("reverting", 20, 30, 4), ("recovery", 26, 24, 0),
        ("whole run", 86, 76, 7),
    ]  # fmt: skip
    whole = rows[-1]
    assert whole.sent + whole.errors["unsent"] == whole.ok + whole.failed + whole.unanswered
    assert whole.unanswered == 7
    assert rows[-2].seconds == 1.3


def test_a_load_below_its_rate_is_a_reason_with_both_rates() -> None:
    (reason,) = load_shortfall(_journal([_second(20)] * 3, [_second(7)] * 4))
    assert (reason.code, reason.phase) == (SHORTFALL, "during")
    assert reason.numbers == {"sent": Number(7, "/s"), "due": Number(20, "/s")}


@pytest.mark.parametrize(
    "seconds",
    [
        [_second(20)] * 5,
        [_second(0), _second(40), _second(19), _second(21)],  # a pause that is made up for
        [_second(5)] * 2,  # too short to say
        [_second(5, due=None)] * 5,  # an older version's
        [_second(5, errors={"unsent": 15})] * 9,  # the service lets nothing more in
    ],
)
def test_what_is_made_up_for_or_held_up_by_the_service_is_no_shortfall(seconds: list[LoadSecond]) -> None:
    assert load_shortfall(_journal([_second(20)], seconds)) == []
    assert shortfall(seconds) is None


def test_whoever_watches_gets_the_same_answer() -> None:
    assert shortfall([_second(1400, 4000)] * 3) == (1400, 4000)
    assert shortfall([]) is None


def test_a_journal_without_a_load_has_none() -> None:
    assert load_by_phase(_journal([], [])) == []
