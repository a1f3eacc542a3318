"""reset_peer: both ends get a TCP RST."""

from __future__ import annotations

from typing import ClassVar

from brownout_proxy.faults.alarm import Alarm
from brownout_proxy.faults.spec import Fault, Millis, Site, Stage


class ResetPeer(Fault):
    """Resets the connection (RST to both ends) after the timeout; live connections too, traffic or not."""

    kind: ClassVar[str] = "reset_peer"
    in_toxiproxy: ClassVar[bool] = True

    timeout: Millis = 0

    def stage(self, site: Site) -> Stage:
        return Alarm(site.start + self.timeout / 1e3, "reset")
