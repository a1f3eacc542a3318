"""slow_close: the end of the stream is late, the data is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from brownout_core.faults.spec import Fault, Millis, Stage, StageContext, Worse


class SlowClose(Fault):
    """Delays the end of the stream in its direction; data passes untouched."""

    kind: ClassVar[str] = "slow_close"
    in_toxiproxy: ClassVar[bool] = True
    unlike_toxiproxy: ClassVar[str] = (
        "Toxiproxy waits anew after a change. The first end that is passed on closes the other direction too."
    )
    severities: ClassVar[Mapping[str, Worse]] = {"delay": "more"}

    delay: Millis = 0

    def stage(self, site: StageContext) -> Stage:
        return _LateEnd(self.delay / 1e3)


class _LateEnd(Stage):
    __slots__ = ("_delay",)

    def __init__(self, delay: float) -> None:
        self._delay = delay

    def close_delay(self) -> float:
        return self._delay
