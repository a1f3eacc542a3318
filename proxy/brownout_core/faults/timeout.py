"""timeout: the data vanishes, and after a while the connection is closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from brownout_core.faults.alarm import Alarm
from brownout_core.faults.spec import Fault, Millis, Stage, StageContext, Worse


class Timeout(Fault):
    """Swallows all data; closes the connection after the timeout, 0 never.

    The time counts from when the fault met the connection, traffic or not. When the fault is removed, connections that
    lost bytes are closed: what they would carry on is not what was sent.
    """

    kind: ClassVar[str] = "timeout"
    in_toxiproxy: ClassVar[bool] = True
    unlike_toxiproxy: ClassVar[str] = (
        "Toxiproxy starts the time anew with each chunk, so that traffic keeps the connection open. The end of the "
        "stream ends the whole connection at once, where here it is passed on and the other direction goes on until "
        "the time. When the toxic is removed, every connection of the proxy is closed."
    )
    severities: ClassVar[Mapping[str, Worse]] = {"timeout": "more"}

    timeout: Millis = 0

    def stage(self, site: StageContext) -> Stage:
        at = site.start + self.timeout / 1e3 if self.timeout else None
        return Alarm(at, "close", swallows=True)
