"""cut: data passes until a time, then the connection is gone."""

from __future__ import annotations

from typing import ClassVar

from brownout_core.faults.alarm import Alarm
from brownout_core.faults.spec import Fault, Millis, Stage, StageContext


class Cut(Fault):
    """Passes data, then closes the connection at that time under any traffic."""

    kind: ClassVar[str] = "cut"

    after: Millis = 0

    def stage(self, site: StageContext) -> Stage:
        return Alarm(site.start + self.after / 1e3, "close")
