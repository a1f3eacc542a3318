"""traffic: what the load of the experiment sees."""

from __future__ import annotations

from typing import ClassVar, Literal

from brownout_controller.model.probe import (
    PER_SECOND,
    SHARES,
    TIME,
    Probe,
    ProbeError,
    ProbeSpec,
    Reading,
    Scale,
    Surroundings,
)
from brownout_controller.model.probe import Traffic as Source


class Traffic(ProbeSpec):
    """What the clients of the experiment's `traffic` see: latencies in seconds, a share of errors, or answers a second.

    A percentile counts every request that was answered or timed out, from when it was due; requests that are still
    under way count with the time that they have waited so far, where that is already longer. `errors` is the share of
    all requests that ended, and of those that were not sent because too many were under way; `rate` counts good ones.
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

    def open(self, surroundings: Surroundings) -> Probe:
        if surroundings.traffic is None:
            raise ProbeError("the experiment has no `traffic`: give it a url and a rate")
        return _Traffic(self.measure, surroundings.traffic)


class _Traffic:
    def __init__(self, what: str, source: Source) -> None:
        self._what, self._source = what, source

    async def measure(self, window: float) -> Reading:
        return self._source.measure(self._what, window)

    async def close(self) -> None:
        """The load is the run's."""
