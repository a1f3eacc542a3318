"""A controller that can be killed: `python -m bench.holder HOST:PORT PROXY SECONDS` holds a latency under a lease.

It is the engine's own backend and keeper. Before and after each call that gives the lease its full time it says when,
on the clock that all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Final

from brownout_controller.backends.base import Target
from brownout_controller.backends.proxy import ProxyBackend
from brownout_controller.engine.lease_renewer import LeaseRenewer
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec

HELD: Final = 60_000
"""Milliseconds of the latency: what is sent while it is there comes when it is gone."""


class _Telling(ProxyBackend):
    async def inject(self, target: Target, faults: Sequence[FaultSpec], owner: str, lease: float) -> None:
        _say("asked")
        await super().inject(target, faults, owner, lease)
        _say("answered")

    async def renew(self, target: Target, owner: str) -> None:
        _say("asked")
        await super().renew(target, owner)
        _say("answered")


def _say(what: str) -> None:
    print(what, time.monotonic(), flush=True)


async def _hold(address: str, proxy: str, lease: float) -> None:
    backend, target = _Telling([address]), Target(f"{address}/{proxy}", proxy, address)
    await backend.inject(target, [FaultSpec("held", make("latency", {"latency": HELD}))], "bench", lease)
    await LeaseRenewer(backend, target, "bench", lease, lambda *why: sys.exit(str(why))).run()


if __name__ == "__main__":
    asyncio.run(_hold(sys.argv[1], sys.argv[2], float(sys.argv[3])))
