"""slow_open: the upstream is dialled late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from brownout_core.faults.spec import Fault, Millis, Worse


class SlowOpen(Fault):
    """Delays the dial: the client is connected, but its bytes go nowhere until the upstream answers."""

    kind: ClassVar[str] = "slow_open"
    severities: ClassVar[Mapping[str, Worse]] = {"delay": "more"}

    delay: Millis = 0

    def dial_delay(self) -> float:
        return self.delay / 1e3
