"""traffic: what the load of the experiment sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final, Literal

from brownout_controller.model.hypothesis import Hypothesis
from brownout_controller.model.probe import (
    SHARES,
    TIME,
    LoadMeter,
    Probe,
    ProbeContext,
    ProbeError,
    ProbeSpec,
    Reading,
    Scale,
)
from brownout_core.quantity import PER_SECOND

_NEARLY_ALL: Final = ("p99", "p99.9", "max")


class TrafficProbe(ProbeSpec):
    """What the clients of the experiment's `traffic` see: latencies in seconds, a share of errors, or answers a second.

    A percentile is over good answers, from when each was due; requests that timed out or are still under way count with
    the time that they have waited, where that is already longer. It needs ten of them in its window. `errors` is the
    share of failed and of unanswered requests; `rate` counts good answers.
    """

    kind: ClassVar[str] = "traffic"
    scalar: ClassVar[str] = "measure"
    looks_back: ClassVar[bool] = True
    example: ClassVar[str] = "{name: p99 stays under 2 s, traffic: p99, expect: < 2s}"
    only_in_runs: ClassVar[bool] = True

    measure: Literal["p50", "p90", "p99", "p99.9", "max", "errors", "rate"]
    """A percentile or the longest of the latencies, the share of errors, or good answers a second."""

    def scale(self) -> Scale:
        return {"errors": SHARES, "rate": Scale(PER_SECOND, 0.0)}.get(self.measure, TIME)

    def open(self, context: ProbeContext) -> Probe:
        if context.traffic is None:
            raise ProbeError("the experiment has no `traffic`: give it a url and a rate")
        return _OpenTraffic(self.measure, context.traffic)


def overdue_after(hypotheses: Iterable[Hypothesis], timeout: float) -> float:
    """Seconds after which a request that waits counts as unanswered: the strictest limit that is claimed for nearly all
    latencies (p99 and above; a median is no limit for one request), or else the shortest window that is looked at."""
    limits, windows = [timeout], [timeout]
    for hypothesis in hypotheses:
        probe = hypothesis.probe
        if isinstance(probe, TrafficProbe):
            windows.append(hypothesis.terms.window)
            _, high = hypothesis.terms.expected.limits()
            if high is not None and probe.measure in _NEARLY_ALL:
                limits.append(high)
    return min(limits) if len(limits) > 1 else min(windows)


class _OpenTraffic:
    def __init__(self, what: str, source: LoadMeter) -> None:
        self._what, self._source = what, source

    async def measure(self, window: float) -> Reading:
        return self._source.measure(self._what, window)

    async def close(self) -> None:
        """The load is the run's."""
