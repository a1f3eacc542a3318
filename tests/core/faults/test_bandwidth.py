"""bandwidth: never more than the rate, and with a backlog never less."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_core.faults.chain import Chain
from brownout_core.faults.spec import Pace, Stage
from tests.support.builders.fault_stages import site, stage


class Counter:
    hits = 0


def _chain(*stages: Stage) -> Chain:
    return Chain([(stage, Counter()) for stage in stages])


@settings(derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.1), st.integers(1, 100_000)), max_size=50))
def test_what_has_left_never_exceeds_the_rate(arrivals: list[tuple[float, int]]) -> None:
    one = stage("bandwidth", rate="1MB/s")
    now, first, gone = 0.0, None, 0
    for wait, size in arrivals:
        now += wait
        while size:
            piece = one.grain(size)
            due = one.pace(now, piece)
            first = due - piece / 1e6 if first is None else first
            gone += piece
            size -= piece
            assert due >= now
            assert gone <= (due - first) * 1e6 + 1e-3


@settings(derandomize=True, deadline=None)
@given(
    st.floats(1, 200_000),
    st.lists(st.tuples(st.floats(0, 0.05), st.integers(0, 2), st.integers(1, 50_000)), min_size=1, max_size=40),
)
def test_no_stretch_of_time_has_more_than_the_rate_and_one_piece(
    rate: float, arrivals: list[tuple[float, int, int]]
) -> None:
    shared = Pace()
    links = [stage("bandwidth", site(shared=shared), rate=rate, scope="proxy") for _ in range(3)]
    now, left = 0.0, []
    for wait, link, size in arrivals:
        now += wait
        piece = links[link].grain(size)
        left.append((links[link].pace(now, piece), piece))
    assert left == sorted(left, key=lambda entry: entry[0])
    for begin in range(len(left)):
        sent = 0
        for due, piece in left[begin:]:
            sent += piece
            assert sent <= (due - left[begin][0]) * rate * 1e3 + left[begin][1] + 1e-3


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.floats(10, 100_000), st.floats(2, 4), st.integers(20_000, 1 << 18))
def test_with_a_backlog_the_rate_is_reached_at_any_time(rate: float, until: float, read: int) -> None:
    one = stage("bandwidth", rate=rate)
    passed, rest = 0, 0
    while True:
        rest = rest or read
        piece = one.grain(rest)
        if one.pace(0.0, piece) > until:
            break
        passed, rest = passed + piece, rest - piece
    allowed = rate * 1e3 * until
    assert passed <= allowed + 1e-3
    assert passed >= allowed * 0.995


def test_with_a_backlog_the_rate_is_exact() -> None:
    one = stage("bandwidth", rate="10MB/s")
    due = 0.0
    for _ in range(1000):
        due = one.pace(0.0, one.grain(1 << 20))
    assert due == pytest.approx(1000 * 50_000 / 10e6)


def test_idle_time_earns_no_credit() -> None:
    one = stage("bandwidth", rate="100KB/s")
    one.pace(0.0, 1000)
    assert one.pace(50.0, 1000) == pytest.approx(50.01)


def test_a_piece_is_a_quarter_of_the_largest_burst() -> None:
    assert stage("bandwidth", rate="1MB/s").grain(1 << 20) == 5000
    assert stage("bandwidth", rate="10B/s").grain(100) == 1


def test_a_rate_of_zero_lets_nothing_through() -> None:
    assert stage("bandwidth", rate=0).pace(1.0, 1) == math.inf


def test_what_comes_back_is_paced_again_from_now() -> None:
    one = stage("bandwidth", rate="1KB/s")
    one.pace(0.0, 5000)
    one.rewind(1.0)
    assert one.pace(1.0, 1000) == pytest.approx(2.0)


def test_connections_of_a_proxy_share_one_rate_and_keep_each_other_s_places() -> None:
    shared = Pace()
    one, other = (stage("bandwidth", site(shared=shared), rate="1KB/s", scope="proxy") for _ in range(2))
    assert [one.pace(0.0, 1000), other.pace(0.0, 1000)] == [1.0, 2.0]
    one.rewind(0.0)
    assert one.pace(0.0, 1000) == 3.0


def test_a_rate_that_no_float_holds_in_bytes_is_as_good_as_none() -> None:
    one = stage("bandwidth", rate=1.7e308)
    assert one.grain(1 << 30) == 1 << 30
    assert one.pace(1.0, 1 << 30) == 1.0


def test_a_new_rate_does_not_wait_for_the_places_that_a_slow_one_gave() -> None:
    shared = Pace()
    slow = stage("bandwidth", site(shared=shared), rate="1B/s", scope="proxy")
    assert slow.pace(0.0, 3600) == 3600
    fast = stage("bandwidth", site(shared=shared), rate="1MB/s", scope="proxy")
    assert fast.pace(1.0, 1000) == pytest.approx(1.001)
    stage("bandwidth", site(shared=shared), rate="1MB/s", scope="proxy")  # one more link at the same rate
    assert fast.pace(1.0, 1000) == pytest.approx(1.002)


@pytest.mark.parametrize("first", [True, False])
def test_a_link_on_which_nothing_goes_takes_no_place_of_the_others(first: bool) -> None:
    shared = Pace()
    own = [stage("bandwidth", rate=0), stage("bandwidth", site(shared=shared), rate="1KB/s", scope="proxy")]
    stuck = _chain(*(own if first else reversed(own)))
    for _ in range(10):
        assert stuck.pace(0.0, 1000) == math.inf
    other = _chain(stage("bandwidth", site(shared=shared), rate="1KB/s", scope="proxy"))
    assert other.pace(0.0, 1000) == 1.0


@pytest.mark.parametrize("first", [True, False])
def test_a_link_that_is_slow_by_itself_takes_no_more_than_its_place(first: bool) -> None:
    shared = Pace()
    own = [stage("slicer", average_size=10, delay="1h"), stage("bandwidth", site(shared=shared), rate=1, scope="proxy")]
    slow = _chain(*(own if first else reversed(own)))
    assert slow.pace(0.0, 10) == pytest.approx(0.01)
    assert slow.pace(0.0, 10) == pytest.approx(3600.01)
    other = _chain(stage("bandwidth", site(shared=shared), rate=1, scope="proxy"))
    assert other.pace(0.0, 10) == pytest.approx(0.03)
