"""bandwidth: never more than the rate, and with a backlog never less."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brownout_proxy.faults.spec import Pace
from tests.support.staging import site, stage


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
