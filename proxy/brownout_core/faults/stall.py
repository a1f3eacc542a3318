"""stall: what packet loss looks like above TCP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from brownout_core.faults.seeded_random import SEGMENT, SeededRandom
from brownout_core.faults.spec import Fault, Millis, Segment, Share, Stage, StageContext, Worse


class Stall(Fault):
    """Holds back a share of the segments by a retransmission time, as packet loss does; no byte is missing.

    Bytes behind a stalled segment wait for it, as TCP keeps order. The default duration is the smallest retransmission
    timeout of Linux (TCP_RTO_MIN, 200 ms).
    """

    kind: ClassVar[str] = "stall"
    severities: ClassVar[Mapping[str, Worse]] = {"probability": "more", "duration": "more"}

    probability: Share = 0
    correlation: Share = 0
    duration: Millis = 200
    segment: Segment = SEGMENT

    def stage(self, site: StageContext) -> Stage:
        return _Stalls(self, site.draws)


class _Stalls(Stage):
    __slots__ = ("_draws", "_fault")

    def __init__(self, fault: Stall, draws: SeededRandom) -> None:
        self._fault = fault
        self._draws = draws

    def narrow(self, offset: int, size: int) -> int:
        segment = self._fault.segment
        return min(size, segment - offset % segment)

    def delay(self, offset: int) -> float:
        fault = self._fault
        u = self._draws.correlated(offset // fault.segment, fault.correlation)
        return fault.duration / 1e3 if u < fault.probability else 0.0
