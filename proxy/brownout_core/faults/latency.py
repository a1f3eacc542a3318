"""latency: every byte leaves later than it came, in order; throughput does not fall."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import ClassVar, Final, Literal

from pydantic import AliasChoices, Field

from brownout_core.faults.seeded_random import SEGMENT, SeededRandom
from brownout_core.faults.spec import Fault, Millis, Segment, Share, Stage, StageContext, Worse, extension

Distribution = Literal["uniform", "normal", "lognormal", "pareto"]

_NORMAL = NormalDist()
_PARETO_SHAPE: Final = 3.0  # the smallest whole shape with a finite variance


def _normal(u: float) -> float:
    return _NORMAL.inv_cdf(max(u, 2.0**-54))  # inv_cdf refuses 0


_SPREADS: Mapping[str, Callable[[float], float]] = {
    # each maps a uniform number in [0, 1) to how many jitters are added to the latency
    "uniform": lambda u: 2 * u - 1,
    "normal": _normal,
    "lognormal": lambda u: math.exp(_normal(u)),
    "pareto": lambda u: (1 - u) ** (-1 / _PARETO_SHAPE) - 1,  # Lomax: a Pareto that starts at 0
}


class Latency(Fault):
    """Delays every byte, in order; the connection keeps its throughput.

    The delay counts from the byte's arrival. With jitter, each virtual segment has its own delay: uniform within
    latency ± jitter, normal with standard deviation jitter, or, as a tail on top of latency, jitter times a lognormal
    (mu 0, sigma 1) or Pareto (Lomax, shape 3) number. A segment never overtakes the one before it.
    """

    kind: ClassVar[str] = "latency"
    in_toxiproxy: ClassVar[bool] = True
    unlike_toxiproxy: ClassVar[str] = (
        "Toxiproxy draws the jitter for each chunk that it read, in whole milliseconds. The end of the stream is not "
        "delayed where no byte waits. A change releases a chunk early. At most 1024 chunks wait on a connection, which "
        "bounds the throughput."
    )
    severities: ClassVar[Mapping[str, Worse]] = {"latency": "more", "jitter": "more"}

    latency: Millis = Field(0, validation_alias=AliasChoices("latency", "delay"))
    jitter: Millis = 0
    distribution: Distribution = extension("uniform")
    correlation: Share = extension(0)
    segment: Segment = extension(SEGMENT)

    def stage(self, site: StageContext) -> Stage:
        if self.jitter:
            return _Jitter(self, site.draws)
        return _Fixed(self.latency / 1e3)


class _Fixed(Stage):
    __slots__ = ("_delay",)

    def __init__(self, delay: float) -> None:
        self._delay = delay

    def delay(self, offset: int) -> float:
        return self._delay


class _Jitter(Stage):
    __slots__ = ("_draws", "_fault", "_spread")

    def __init__(self, fault: Latency, draws: SeededRandom) -> None:
        self._fault = fault
        self._draws = draws
        self._spread = _SPREADS[fault.distribution]

    def narrow(self, offset: int, size: int) -> int:
        segment = self._fault.segment
        return min(size, segment - offset % segment)

    def delay(self, offset: int) -> float:
        fault = self._fault
        u = self._draws.correlated(offset // fault.segment, fault.correlation)
        return max(0.0, fault.latency + fault.jitter * self._spread(u)) / 1e3
