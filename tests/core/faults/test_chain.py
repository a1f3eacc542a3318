"""A chain is the sum of its stages, and counts what each did."""

from __future__ import annotations

import math
from typing import Any

from brownout_core.faults.chain import NO_FAULTS, Chain
from tests.support.builders.fault_stages import site, stage


class Counter:
    hits = 0


def _chain(*faults: tuple[str, dict[str, Any]]) -> tuple[Chain, list[Counter]]:
    tallies = [Counter() for _ in faults]
    staged = [
        (stage(kind, site(), **attributes), tally) for (kind, attributes), tally in zip(faults, tallies, strict=True)
    ]
    return Chain(staged), tallies


def test_without_faults_nothing_happens() -> None:
    assert NO_FAULTS.narrow(0, 9) == NO_FAULTS.grain(9) == 9
    assert NO_FAULTS.pace(1.0, 9) == 1.0
    assert NO_FAULTS.delay(0) == NO_FAULTS.close_delay(0) == 0
    assert NO_FAULTS.transform(0, b"x") == b"x"
    assert (NO_FAULTS.end, NO_FAULTS.alarm, NO_FAULTS.swallows) == (None, None, None)
    assert not (NO_FAULTS.paces)
    assert not (NO_FAULTS.separates)
    assert not (NO_FAULTS.transforms)


def test_delays_add_up_and_each_is_counted() -> None:
    chain, tallies = _chain(("latency", {"latency": 100}), ("latency", {"latency": 50}), ("latency", {}))
    assert math.isclose(chain.delay(0), 0.15)
    assert [tally.hits for tally in tallies] == [1, 1, 0]


def test_the_smallest_piece_wins() -> None:
    chain, _ = _chain(("slicer", {"average_size": 100}), ("stall", {"segment": 30}))
    assert chain.narrow(0, 1000) == 30


def test_the_slowest_rate_wins_and_waiting_is_counted() -> None:
    chain, tallies = _chain(("bandwidth", {"rate": 1}), ("bandwidth", {"rate": 10}))
    assert chain.grain(1000) == 5
    assert chain.pace(0.0, 1000) == 1.1  # one after the other
    assert [tally.hits for tally in tallies] == [1, 1]
    chain.rewind(0.0)
    assert chain.pace(0.0, 1000) == 1.1


def test_the_nearest_end_and_the_earliest_alarm_win() -> None:
    chain, tallies = _chain(
        ("limit_data", {"bytes": 9}),
        ("limit_data", {"bytes": 5}),
        ("cut", {"after": 200}),
        ("reset_peer", {"timeout": 100}),
    )
    assert chain.end == (5, tallies[1])
    assert chain.alarm == ((0.1, "reset"), tallies[3])


def test_the_end_of_the_stream_is_held_back_by_delays_and_by_slow_close() -> None:
    chain, tallies = _chain(("latency", {"latency": 100}), ("slow_close", {"delay": 200}), ("slow_close", {}))
    assert math.isclose(chain.close_delay(0), 0.3)
    chain.count_close()
    assert [tally.hits for tally in tallies] == [0, 1, 0]


def test_what_changes_bytes_is_counted_only_when_it_does() -> None:
    chain, tallies = _chain(("corrupt", {"probability": 1}), ("corrupt", {"probability": 0}))
    assert chain.transform(0, bytes(64)) != bytes(64)
    assert [tally.hits for tally in tallies] == [1, 0]


def test_the_first_that_swallows_is_named() -> None:
    chain, tallies = _chain(("latency", {}), ("timeout", {}), ("slicer", {"average_size": 1}))
    assert chain.swallows == (tallies[1], "close")
    assert chain.separates


def test_what_never_goes_is_counted_and_asks_no_further_rate() -> None:
    chain, tallies = _chain(("bandwidth", {"rate": 10}), ("bandwidth", {"rate": 0}))
    assert [chain.pace(0.0, 5) for _ in range(3)] == [math.inf] * 3
    assert [tally.hits for tally in tallies] == [0, 3]


def test_the_end_of_a_stream_draws_its_own_delay_from_its_place() -> None:
    chain, _ = _chain(("latency", {"latency": 100, "jitter": 50}), ("slow_close", {"delay": 200}))
    for offset in (0, 1459, 1460, 100_000):
        assert math.isclose(chain.close_delay(offset), chain.delay(offset) + 0.2)
    assert chain.close_delay(1459) != chain.close_delay(1460)


def test_a_piece_that_need_not_wait_is_not_counted() -> None:
    chain, tallies = _chain(("slicer", {"average_size": 10, "delay": 1000}))
    assert [chain.pace(0.0, 10), chain.pace(5.0, 10)] == [0, 5]
    assert tallies[0].hits == 0
