"""reset_peer: both ends get a TCP RST."""

from __future__ import annotations

from typing import ClassVar

from brownout_core.faults.alarm import Silence
from brownout_core.faults.spec import Fault, Millis, Stage, StageContext


class ResetPeer(Fault):
    """Resets the connection (RST to both ends) after the timeout; until then nothing passes in its direction.

    The time counts from when the fault met the connection, traffic or not. Use `cut` where bytes are to pass until the
    end. When the fault is removed, connections that lost bytes are reset.
    """

    kind: ClassVar[str] = "reset_peer"
    in_toxiproxy: ClassVar[bool] = True
    unlike_toxiproxy: ClassVar[str] = (
        "Toxiproxy waits for the first byte or the end of the stream in the fault's direction, and then for the "
        "timeout; a silent connection is never reset. Connections that are older than the toxic get FIN instead of "
        "RST, and each close of a connection that toxicity has spared is a reset."
    )

    timeout: Millis = 0

    def stage(self, site: StageContext) -> Stage:
        return Silence(site.start + self.timeout / 1e3, "reset")
