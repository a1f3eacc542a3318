"""The one clock of the control plane: that of the running event loop.

A test whose loop runs on virtual time has engine, probes and backends on that time too.
"""

from __future__ import annotations

import asyncio
import time


def now() -> float:
    """Seconds since some moment, never backwards; good for differences only.

    asyncio's own loops count in full digits. uvloop rounds to whole milliseconds and reads its clock once a round, too
    coarse for the latency of a probe; it counts on time.monotonic, which is read instead, as it is outside a loop.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return time.monotonic()
    return loop.time() if isinstance(loop, asyncio.BaseEventLoop) else time.monotonic()
