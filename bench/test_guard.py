"""The proxy, with all that it can do and no fault, costs little more than a bare relay: in processor time at most 10 %
in bulk, 20 % for a round trip and 40 % for a connection; and bulk is at most 10 % slower.

Both relays take turns in one run and medians are compared, so a slow machine is slow for both. Processor time is what
the kernel counted for the relay's process, in nanoseconds: it does not depend on how busy the other processors are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import measure
from bench.peers import Relay, running
from bench.sections import serving
from bench.stats import Samples

pytestmark = pytest.mark.timeout(170)

_ROUNDS: Final = 9
_STARTS: Final = 3
"""Pairs of processes that are tried: where a process lands in memory and caches can cost a third for as long as it
lives, whatever its code; a regression is there after each start."""
_BULK: Final = 400_000_000
_ROUND_TRIPS: Final = 2500
_CONNECTIONS: Final = 400

COST: Final = 1.10
THROUGHPUT: Final = 0.90
COST_OF_A_ROUND_TRIP: Final = 1.20
"""Runs give 0.95 to 1.09 on two shared cores: at 1.10 the guard would cry wolf."""
COST_OF_A_CONNECTION: Final = 1.40
"""Looser: opening and closing is where the proxy does work that the bare relay does not have at all. It counts sockets
and bytes, numbers connections for the seeded decisions, makes two links, dials with a timeout and tells FIN from RST.
Runs give 1.16 to 1.30 of the bare relay."""

Measure = Callable[[Relay], dict[str, float]]
Pair = tuple[Relay, Relay]


@contextmanager
def started() -> Iterator[Pair]:
    """The bare relay and the proxy, both warm."""
    with ExitStack() as stack:
        upstream = stack.enter_context(serving())
        relays = [stack.enter_context(running(name, upstream)) for name in ("bare", "brownout")]
        for relay in relays:
            measure.bulk(relay, _BULK // 10)
            measure.round_trips(relay, 500)
            measure.connections(relay, 100)
        yield relays[0], relays[1]


def _compare(benchmark: BenchmarkFixture, act: Measure, limits: dict[str, Callable[[float], bool]]) -> None:
    """Holds each ratio of medians, the proxy's to the bare relay's, to its limit."""
    seen: list[dict[str, float]] = []

    def compare() -> None:
        samples = Samples()
        with started() as pair:
            for turn in range(_ROUNDS):
                for relay in pair if turn % 2 else reversed(pair):
                    samples.add("guard", relay.name, **act(relay))
        seen.append({metric: samples.ratio("guard", metric, "brownout", "bare") or 0.0 for metric in limits})

    def met() -> bool:
        return all(limit(seen[-1][metric]) for metric, limit in limits.items())

    benchmark.pedantic(compare, rounds=1, iterations=1)  # type: ignore[no-untyped-call]
    while not met() and len(seen) < _STARTS:
        compare()
    benchmark.extra_info.update(seen[-1])
    assert met(), f"the proxy against the bare relay, medians of {_ROUNDS} rounds for each start: {seen}"


def test_bulk_costs_no_more_than_through_a_bare_relay(benchmark: BenchmarkFixture) -> None:
    limits = {"bulk": lambda ratio: ratio >= THROUGHPUT, "cpu_gb": lambda ratio: ratio <= COST}
    _compare(benchmark, lambda relay: measure.bulk(relay, _BULK), limits)


def test_a_round_trip_costs_no_more_than_through_a_bare_relay(benchmark: BenchmarkFixture) -> None:
    limits = {"cpu_rtt": lambda ratio: ratio <= COST_OF_A_ROUND_TRIP}
    _compare(benchmark, lambda relay: measure.round_trips(relay, _ROUND_TRIPS), limits)


def test_a_connection_costs_little_more_than_through_a_bare_relay(benchmark: BenchmarkFixture) -> None:
    limits = {"cpu_conn": lambda ratio: ratio <= COST_OF_A_CONNECTION}
    _compare(benchmark, lambda relay: measure.connections(relay, _CONNECTIONS), limits)
