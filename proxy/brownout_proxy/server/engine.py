"""What all proxies of a process share: the loop, the exact clock, the budget for delayed bytes, bulk transfers, leases,
events and stalls."""

from __future__ import annotations

import asyncio
import resource
from typing import Final

from brownout_proxy.relay import bulk, hangups
from brownout_proxy.relay.budget import Budget
from brownout_proxy.relay.bulk import Bulk
from brownout_proxy.relay.clock import LoopClock
from brownout_proxy.relay.hangups import Hangups
from brownout_proxy.relay.lookup import Lookups
from brownout_proxy.server.events import Events
from brownout_proxy.server.fd_limit import FdLimit, control_connections
from brownout_proxy.server.leases import Leases
from brownout_proxy.server.stalls import Stalls

_UNLIMITED: Final = 1 << 20
_APIS: Final = 2  # HTTP and gRPC


class Engine:
    """Made once for a running loop. `buffer` is in bytes, `dial_timeout` in seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, buffer: int, dial_timeout: float) -> None:
        self.loop = loop
        self.clock = LoopClock(loop)
        self.budget = Budget(buffer)
        files = _open_files()
        self.control_connections = control_connections(files)
        """That each control API takes: they have files of their own, so that they cannot use up those of clients."""
        self.headroom = FdLimit(loop, files - _APIS * self.control_connections)
        self.bulk = Bulk(loop, self.budget, self.headroom.use) if bulk.AVAILABLE else None
        self.hangups = Hangups(loop) if hangups.AVAILABLE else None
        self.lookups = Lookups(loop)
        self.events = Events()
        self.stalls = Stalls(self.clock)
        self.began = self.clock.now()
        self.leases = Leases(self.clock)
        self.dial_timeout = dial_timeout

    def close(self) -> None:
        self.leases.close()
        if self.bulk is not None:
            self.bulk.close()
        if self.hangups is not None:
            self.hangups.close()
        self.clock.close()


def _open_files() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft
