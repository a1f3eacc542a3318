"""A soak: random clients through random faults for minutes, then nothing may be left.

`python -m bench.soak --minutes 10` runs the registry in this process and the clients and their upstream in others. It
fails when sockets, tasks, timers, delayed bytes or memory have grown once all clients have left.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import random
import socket
import struct
import sys
import time
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.queues import Queue
from typing import Any, Final

import uvloop

from brownout_core.faults import make
from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM, FaultSpec, Selection
from brownout_proxy.server.proxy import Proxy, ProxySpec
from brownout_proxy.server.registry import Registry

_FAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "latency": {"latency": 20, "jitter": 10, "distribution": "pareto"},
    "bandwidth": {"rate": 2000},
    "slow_open": {"delay": 20},
    "slow_close": {"delay": 20},
    "timeout": {"timeout": 100},
    "reset_peer": {"timeout": 50},
    "cut": {"after": 80},
    "slicer": {"average_size": 500, "size_variation": 200},
    "limit_data": {"bytes": 100_000},
    "stall": {"probability": 0.02, "duration": 30},
    "corrupt": {"probability": 0.01},
    "refuse": {},
    "noop": {},
}
_CLIENTS: Final = 40
_GROWTH: Final = 1.15
"""How much resident memory may grow between the end of the warm-up and the end: allocators keep some."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


async def _serve(ports: Queue[int]) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    ports.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _upstream(ports: Queue[int]) -> None:
    uvloop.run(_serve(ports))


async def _visit(port: int, choose: random.Random) -> None:
    """One client of one of several manners: polite, impatient, rude, deaf, in bulk."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    manner = choose.choice(["polite", "impatient", "rude", "deaf", "bulk", "idle"])
    try:
        size = {"bulk": 3_000_000, "deaf": 300_000}.get(manner, choose.randrange(1, 5000))
        if manner != "idle":
            writer.write(bytes(size))
        if manner in ("polite", "bulk"):
            async with asyncio.timeout(5):
                await reader.readexactly(size)
        else:
            await asyncio.sleep(choose.random() / 5)
    finally:
        sock = writer.get_extra_info("socket")
        if manner == "rude" and sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort() if manner in ("rude", "deaf") else writer.close()


async def _visit_for_ever(port: int, seed: int, until: float) -> None:
    choose = random.Random(seed)
    while time.monotonic() < until:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            await _visit(port, choose)


def _visitors(port: int, seed: int, seconds: float) -> None:
    async def run() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(_visit_for_ever(port, seed * 1000 + number, until) for number in range(_CLIENTS)))

    uvloop.run(run())


def _usage(registry: Registry) -> dict[str, int]:
    gc.collect()
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    engine = registry.engine
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks()),
        "timers": engine.clock.pending,
        "delayed bytes": engine.budget.used,
        "counted files": engine.headroom.used,
        "resident MB": pages * _PAGE // 1_000_000,
    }


async def _disturb(proxy: Proxy, choose: random.Random, until: float) -> int:
    """Adds, changes and removes faults until the time is up; returns how often."""
    changes = 0
    while time.monotonic() < until:
        await asyncio.sleep(choose.random() / 10)
        names = [active.spec.name for active in proxy.faults]
        if names and choose.random() < 0.5:
            proxy.remove_fault(choose.choice(names))
        else:
            kind = choose.choice([kind for kind in _FAULTS if kind not in names] or ["noop"])
            if kind not in names:
                chosen = Selection(toxicity=choose.choice([0.2, 0.5, 1]))
                stream = choose.choice([UPSTREAM, DOWNSTREAM])
                proxy.add_fault(FaultSpec(kind, make(kind, _FAULTS[kind]), stream, chosen))
        changes += 1
    proxy.clear_faults()
    return changes


async def _round(registry: Registry, proxy: Proxy, seconds: float, seed: int) -> int:
    port = int(proxy.listen.rpartition(":")[2])
    visitors = get_context("spawn").Process(target=_visitors, args=(port, seed, seconds), daemon=True)
    visitors.start()
    changes = await _disturb(proxy, random.Random(seed), time.monotonic() + seconds)
    deadline = time.monotonic() + 30
    while (visitors.is_alive() or proxy.live) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    visitors.kill()
    visitors.join()
    while proxy.live and time.monotonic() < deadline + 10:
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    return changes


async def _soak(minutes: float, seed: int) -> bool:
    context = get_context("spawn")
    ports: Queue[int] = context.Queue()
    upstream = context.Process(target=_upstream, args=(ports,), daemon=True)
    upstream.start()
    registry = Registry(seed=seed)
    proxy = await registry.create(ProxySpec("soak", "127.0.0.1:0", f"127.0.0.1:{ports.get(timeout=20)}"))
    warm_up = min(20.0, minutes * 12)
    await _round(registry, proxy, warm_up, seed)
    before = _usage(registry)
    changes = await _round(registry, proxy, minutes * 60 - warm_up, seed + 1)
    after = _usage(registry)
    print(f"{proxy.accepted} connections, {changes} changes of faults in {minutes:g} min")
    good = True
    for what, first in before.items():
        fine = after[what] <= (first * _GROWTH if what == "resident MB" else first)
        good &= fine
        print(f"{what:>15}: {first} -> {after[what]}{'' if fine else '   LEFT BEHIND'}")
    await registry.close()
    upstream.kill()
    upstream.join()
    return good


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return 0 if uvloop.run(_soak(options.minutes, options.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
