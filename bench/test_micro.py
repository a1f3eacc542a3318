"""What the pure parts of the byte path take. No test here depends on speed; the table that pytest-benchmark prints and
`--benchmark-compare` are for whoever changes them.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from brownout_core.faults import make
from brownout_core.faults.active import ActiveFault
from brownout_core.faults.chain import Chain
from brownout_core.faults.seeded_random import SeededRandom, chosen
from brownout_core.faults.spec import FaultSpec, StageContext
from brownout_proxy.relay.schedule import Schedule

_READ: Final = bytes(16 * 1024)
_FAULTS: Final[dict[str, list[tuple[str, dict[str, Any]]]]] = {
    "none": [],
    "latency": [("latency", {"latency": 10})],
    "jitter": [("latency", {"latency": 10, "jitter": 5})],
    "correlated pareto jitter": [
        ("latency", {"latency": 10, "jitter": 5, "distribution": "pareto", "correlation": 0.5})
    ],
    "bandwidth": [("bandwidth", {"rate": 10_000_000})],
    "latency, bandwidth, slicer": [
        ("latency", {"latency": 10}),
        ("bandwidth", {"rate": 10_000_000}),
        ("slicer", {"average_size": 4096, "size_variation": 100}),
    ],
}


def _chain(faults: list[tuple[str, dict[str, Any]]]) -> Chain:
    staged = []
    for kind, attributes in faults:
        fault = make(kind, attributes)
        active = ActiveFault(FaultSpec(kind, fault))
        stage = fault.stage(StageContext(0.0, 0, SeededRandom(1, "proxy", kind, 1), active.shared))
        assert stage is not None
        staged.append((stage, active))
    return Chain(staged)


@pytest.mark.parametrize("faults", _FAULTS)
def test_a_read_goes_through_the_schedule(benchmark: BenchmarkFixture, faults: str) -> None:
    schedule = Schedule()
    schedule.use(_chain(_FAULTS[faults]), 0.0)
    seconds = count()

    def pass_one_read() -> int:
        """In at the full second, out a second later, when every delay is over."""
        now = float(next(seconds))
        schedule.push(now, _READ)
        schedule.plan(now)
        passed = 0
        while (piece := schedule.take(now + 1)) is not None:
            passed += len(piece.content())
        return passed

    assert benchmark(pass_one_read) == len(_READ)
    assert schedule.empty


def test_a_draw(benchmark: BenchmarkFixture) -> None:
    draws, places = SeededRandom(1, "proxy", "fault", 1), count()
    assert 0 <= benchmark(lambda: draws.uniform(next(places))) < 1


def test_a_correlated_draw(benchmark: BenchmarkFixture) -> None:
    draws, places = SeededRandom(1, "proxy", "fault", 1), count()
    assert 0 <= benchmark(lambda: draws.correlated(next(places), 0.5)) < 1


def test_a_draw_that_opens_a_connection(benchmark: BenchmarkFixture) -> None:
    ordinals = count(1)
    assert benchmark(lambda: chosen(0.5, 1, "proxy", "fault", next(ordinals))) in {True, False}
