"""How exactly a delay or a rate is kept that was asked for.

Late is what a round trip takes over the delay, less what one takes directly. A rate is taken between the first and the
last arrival of a download of five seconds.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Final

from bench import load
from bench.peers import KINDS, Relay, running
from bench.sections import Run, all_running, say
from bench.stats import percentile

DELAYS: Final = (1, 10, 100, 1000)
"""Milliseconds."""
RATES: Final = (10, 100, 1000, 10_000, 100_000)
"""kB/s, as the API takes them."""
SLEEP: Final = "sleep"
"""Stands where a relay would, for the machine's own lateness."""
_SPACING: Final = 0.007
"""Seconds between messages: no multiple or divisor of a delay or of a timer's millisecond, and the relay is idle."""


def delay_title(delay: int) -> str:
    return f"accuracy of latency {delay} ms"


def rate_title(rate: int) -> str:
    return "accuracy of bandwidth " + (f"{rate} kB/s" if rate < 1000 else f"{rate // 1000} MB/s")


def accuracy(run: Run) -> None:
    names = [name for name in run.names if KINDS[name].speaks_http]
    with all_running(run, ["direct", *names]) as relays:
        for delay in DELAYS:
            say(f"{delay_title(delay)}")
            direct = load.spaced_round_trips(relays[0].port, run.scaled(300), _SPACING)
            _sleeping(run, delay)
            for relay in relays[1:]:
                with run.noting(f"{delay_title(delay)} on {relay.name}"):
                    _delay(run, relay, delay, direct)
    for rate in RATES:
        say(f"{rate_title(rate)}")
        for name in names:
            # A new process each time: some are slow to let go of a download that its client has left.
            with run.noting(f"{rate_title(rate)} on {name}"), running(name, run.upstream) as relay:
                _rate(run, relay, rate)


def _sleeping(run: Run, delay: int) -> None:
    """How late this process wakes up by itself: what no relay on this machine can be better than."""
    times = []
    for _ in range(max(5, min(run.scaled(200), 4000 // delay))):
        start = time.perf_counter()
        time.sleep(delay / 1e3)
        times.append((time.perf_counter() - start) * 1e3 - delay)
    figures = {"late_p50": median(times), "late_p99": percentile(times, 0.99), "late_min": min(times)}
    run.samples.add(delay_title(delay), SLEEP, **figures)


def _delay(run: Run, relay: Relay, delay: int, direct: list[float]) -> None:
    """All in ms. The earliest is set against the fastest direct round trip, as no faster one is known."""
    relay.add_fault("latency", "downstream", {"latency": delay})
    count = run.scaled(300)
    times = [taken * 1e3 - delay for taken in load.spaced_round_trips(relay.port, count, _SPACING)]
    relay.remove_faults()
    usual = median(direct) * 1e3
    run.samples.add(
        delay_title(delay),
        relay.name,
        late_p50=median(times) - usual,
        late_p99=percentile(times, 0.99) - usual,
        late_min=min(times) - min(direct) * 1e3,
        early=sum(late < 0 for late in times),
    )


def _rate(run: Run, relay: Relay, rate: int) -> None:
    relay.add_fault("bandwidth", "downstream", {"rate": rate})
    got = load.rate(relay.port, 1.0 if run.quick else 5.0)
    run.samples.add(rate_title(rate), relay.name, error_percent=(got / (rate * 1e3) - 1) * 100)
