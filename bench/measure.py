"""One measurement of one relay: puts a load on it and says what that took, also in processor time of the relay.

Each returns figures by name: `bulk` MB/s, `cpu_gb` s, `p50` and `p99` µs, `cpu_rtt` µs, `rate` 1/s, `cpu_conn` µs,
`idle_kb` kB, `resident_mb` MB. There is no processor time for `direct`, which has no process.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Final, TypeVar

from bench import load
from bench.peers import Relay
from bench.stats import percentile

Result = TypeVar("Result")
MB: Final = 1e6
GB: Final = 1e9


def _with_cpu(relay: Relay, act: Callable[[], Result]) -> tuple[Result, float | None]:
    """What `act` returns, and the seconds of processor time that the relay spent on it."""
    if relay.process is None:
        return act(), None
    before = relay.process.settled_cpu()
    result = act()
    return result, relay.process.settled_cpu() - before


def bulk(relay: Relay, total: int) -> dict[str, float]:
    taken, cpu = _with_cpu(relay, lambda: load.bulk(relay.port, total))
    figures = {"bulk": total / MB / taken}
    return figures if cpu is None else {**figures, "cpu_gb": cpu / (total / GB)}


def round_trips(relay: Relay, count: int, less: float = 0.0) -> dict[str, float]:
    """`less` µs, a delay that was asked for, are subtracted from the times."""
    times, cpu = _with_cpu(relay, lambda: load.round_trips(relay.port, count))
    figures = {"p50": median(times) * 1e6 - less, "p99": percentile(times, 0.99) * 1e6 - less}
    return figures if cpu is None else {**figures, "cpu_rtt": cpu / count * 1e6}


def connections(relay: Relay, count: int) -> dict[str, float]:
    taken, cpu = _with_cpu(relay, lambda: load.connections(relay.port, count))
    figures = {"rate": count / taken}
    return figures if cpu is None else {**figures, "cpu_conn": cpu / count * 1e6}


def idle(relay: Relay, count: int) -> dict[str, float]:
    """For a relay that has just been started: memory that is free inside it would hide what connections take."""
    if relay.process is None:
        return {}
    resident = relay.process.resident()
    with load.silent(relay.port, 20):  # what the first connections load is not what each of them takes
        before = relay.process.memory()
        with load.silent(relay.port, count):
            taken = relay.process.memory() - before
    return {"idle_kb": taken / count / 1e3, "resident_mb": resident / MB}
