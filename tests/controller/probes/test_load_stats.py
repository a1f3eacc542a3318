"""What the load counted; time is an argument."""

from __future__ import annotations

import pytest

from brownout_controller.model.probe import ProbeError, Reading
from brownout_controller.probes.load_stats import LoadStats


def _tally(*ended: tuple[float, str, float]) -> LoadStats:
    tally = LoadStats(10, 30.0)
    for at, outcome, took in ended:
        tally.sent(max(0.0, at - took), 0.0)
        tally.ended(at, outcome, took)  # type: ignore[arg-type]
    return tally


def test_a_percentile_is_over_the_window_and_not_over_what_was_before() -> None:
    tally = _tally(*((n / 10, "ok", 3.0) for n in range(100)), *((10 + n / 10, "ok", 0.1) for n in range(100)))
    assert tally.measure("p99", 10, 20.0).value == pytest.approx(0.1, rel=1e-3)
    assert tally.measure("p99", 15, 20.0).value == pytest.approx(3.0, rel=1e-3)
    assert tally.measure("max", 10, 20.0).events == 100


def test_nothing_older_than_the_window_is_counted_even_where_a_slot_straddles_its_edge() -> None:
    tally = _tally((10.05, "ok", 3.0), *((10.3, "ok", 0.1),) * 10)
    assert tally.measure("max", 10, 20.1).value == pytest.approx(0.1, rel=1e-3)


def test_a_service_that_hangs_is_seen_before_the_first_timeout() -> None:
    tally = _tally(*((n / 100, "ok", 0.01) for n in range(900)))
    waiting = [n / 100 for n in range(100)]
    assert tally.measure("p99", 10, 10.0, waiting).value == pytest.approx(0.9, rel=0.02)
    assert tally.measure("p50", 10, 10.0, waiting).value == pytest.approx(0.01, rel=0.01)
    later = tally.measure("p50", 10, 30.0, [n / 10 for n in range(200)])
    assert later.value == pytest.approx(9.9, rel=0.02), "nothing has ended in this window"


def test_requests_that_were_just_sent_do_not_make_the_service_look_fast() -> None:
    tally = _tally(*((n / 100, "ok", 1.0) for n in range(200)))
    assert tally.measure("p50", 10, 2.0, [0.001] * 1000).value == pytest.approx(1.0, rel=1e-3)


def test_a_refusal_is_an_error_and_not_a_fast_answer() -> None:
    tally = _tally(*((1.0, "ok", 2.0),) * 10, *((1.0, "refused", 0.001),) * 40)
    assert tally.measure("p50", 10, 2.0).value == pytest.approx(2.0, rel=1e-3)
    assert tally.measure("errors", 10, 2.0) == Reading(0.8, "", 50.0)


def test_a_timeout_is_an_error_and_as_slow_as_it_was() -> None:
    tally = _tally(*((5.0, "timeout", 5.0),) * 10)
    assert tally.measure("p99", 10, 6.0).value == pytest.approx(5.0, rel=1e-3)
    assert tally.measure("errors", 10, 6.0).value == 1.0


def test_what_the_service_holds_up_is_an_error_and_what_this_machine_cannot_send_is_none() -> None:
    assert _tally((1.0, "ok", 0.1), (1.0, "unsent", 0.0)).measure("errors", 10, 2.0).value == 0.5
    ours = _tally((0.5, "ok", 0.1), (0.5, "overload", 0.0))
    assert ours.measure("errors", 10, 2.0) == Reading(0.0, "", 1.0)
    (row,) = ours.rows(1.0)
    assert (row.due, row.sent, row.failed, row.errors) == (10, 1, 0, {})


@pytest.mark.parametrize("kind", ["5xx", "3xx", "4xx", "body", "refused", "closed"])
def test_a_percentile_is_over_good_answers_and_needs_some(kind: str) -> None:
    slow = _tally(*((1.0, "ok", 2.0),) * 10, *((1.0, kind, 0.001),) * 1000)
    assert slow.measure("p50", 10, 2.0).value == pytest.approx(2.0, rel=1e-3), "an error page is fast"
    few = _tally(*((1.0, "ok", 0.01),) * 9, *((1.0, kind, 0.001),) * 1000).measure("p99", 10, 2.0)
    assert (few.value, few.events) == (None, 9)
    assert few.why == f"9 good answers in the last 10 s (1000 {kind}); p99 needs 10"
    assert _tally(*((1.0, kind, 0.001),) * 20).measure("max", 10, 2.0).value is None


def test_what_waits_for_too_long_is_unanswered_which_is_no_success() -> None:
    tally = LoadStats(20, 1.0)
    for n in range(40):
        tally.sent(n / 20, 0.0)
        if n % 2:
            tally.ended(n / 20, "ok", 0.01)
    waiting = [2.0 - n / 20 for n in range(0, 40, 2)]
    assert tally.measure("errors", 10, 2.0, waiting).value == pytest.approx(11 / 31)
    assert tally.measure("errors", 10, 2.0, [0.9] * 20).value == 0.0, "they may come yet"
    first, second = tally.rows(2.0, waiting)
    assert (first.unanswered, second.unanswered) == (1, 11), "at the end of each second"


def test_rate_is_good_answers_a_second() -> None:
    tally = _tally(*((n / 10, "ok", 0.01) for n in range(100)), *((n / 10, "5xx", 0.01) for n in range(100)))
    assert tally.measure("rate", 5, 10.0).value == pytest.approx(10)
    assert tally.measure("rate", 60, 10.0).value == pytest.approx(10), "a load of 10 s has no more to look back on"
    assert tally.measure("rate", 5, 30.0).value == 0.0


def test_no_answer_is_no_data_and_says_what_is_under_way() -> None:
    tally = LoadStats(10, 30.0)
    for what in ("p99", "errors"):
        reading = tally.measure(what, 10, 5.0)
        assert (reading.value, reading.events) == (None, 0)
        assert reading.why == "no request was answered in the last 10 s"
    assert tally.measure("errors", 10, 5.0, [1.0, 2.0]).why.endswith("2 are under way")
    assert tally.measure("rate", 10, 0.0).value is None


def test_a_latency_that_is_mostly_the_loads_own_lateness_is_no_data() -> None:
    tally = LoadStats(10, 30.0)
    for n in range(100):
        tally.sent(n / 100, 0.8)
        tally.ended(n / 100, "ok", 0.9)
    reading = tally.measure("p50", 10, 1.0)
    assert reading.value is None
    assert "late" in reading.why


def test_a_little_lateness_does_not_spoil_a_fast_answer() -> None:
    tally = LoadStats(10, 30.0)
    for _ in range(10):
        tally.sent(0.5, 0.004)
        tally.ended(0.5, "ok", 0.005)
    assert tally.measure("p50", 10, 1.0).value == pytest.approx(0.005, rel=1e-3)


def test_a_window_longer_than_the_memory_is_refused() -> None:
    with pytest.raises(ProbeError, match="remembers 600 s"):
        LoadStats(10, 30.0).measure("p99", 601, 700.0)


def test_rows_come_once_for_each_second_that_is_over() -> None:
    tally = _tally((0.5, "ok", 0.1), (0.9, "refused", 0.0), (1.5, "5xx", 0.3))
    tally.sent(1.6, 0.02)
    first, second = tally.rows(2.4)
    assert (first.second, first.sent, first.ok, first.failed, first.errors) == (0, 2, 1, 1, {"refused": 1})
    assert first.p50 == first.max == pytest.approx(0.1, rel=1e-3)
    assert (second.second, second.sent, second.ok, second.failed, second.errors) == (1, 2, 0, 1, {"5xx": 1})
    assert second.late == 0.02
    assert list(tally.rows(2.9)) == []
    (third,) = tally.rows(3.0)
    assert third == (2, 10, 0, 0, 0, 0, None, None, None, None, {}, 0.0, 1.0)


def test_the_rows_of_a_load_that_has_ended_add_up_to_what_was_sent() -> None:
    tally = LoadStats(10, 30.0)
    for n in range(34):
        tally.sent(n / 10, 0.0)
        if n % 3:
            tally.ended(n / 10 + 0.05, "ok" if n % 2 else "5xx", 0.05)
    rows = [*tally.rows(1.2, [0.1]), *tally.last_rows(3.4, [0.5] * 12)]
    assert [(row.second, round(row.seconds, 3)) for row in rows] == [(0, 1), (1, 1), (2, 1), (3, 0.4)]
    assert sum(row.sent for row in rows) == sum(row.ok + row.failed for row in rows) + rows[-1].unanswered == 34
    assert sum(row.due for row in rows) == 34
    assert list(tally.last_rows(3.4)) != [], "the part of a second is not taken for a whole one"


def test_what_is_older_than_the_memory_is_forgotten() -> None:
    tally = LoadStats(10, 30.0)
    for n in range(4 * 700):
        tally.sent(n / 4, 0.0)
    assert len(tally._slots) == 2400
