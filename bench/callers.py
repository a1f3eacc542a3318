"""Who controls a proxy while it is measured: `python -m bench.callers MANNER HOST:PORT` acts until it is terminated.

It says `ready` once its first call is answered, and at the end what it has done, as JSON. A process of its own, so that
its work is not the proxy's; what the machine has less of because of it is measured with calls to a proxy elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from typing import Any, Final

import aiohttp
import grpc
from google.protobuf.duration_pb2 import Duration

from bench.stats import percentile
from bench.upstream import BUFFER, PING, SOURCE
from brownout_core.v1 import proxy_pb2 as pb
from brownout_core.v1.proxy_pb2_grpc import ProxyServiceStub

OTHER: Final = "other"
"""The proxy that calls change; another one is measured."""
LEASE: Final = "bench"
RATE: Final = 200
"""Calls a second."""
CHURN: Final = 20
"""Connections a second that come and go, so that there are events to tell."""

VOLUME: Final = 300e6
"""Bytes a second of a load: much for one proxy, and bounded, as others use the machine too."""
BUSY: Final = 100
"""Connections of a load that always wait for an answer."""

Act = Callable[[], Awaitable[object]]


async def _paced(rate: float, acts: list[Act]) -> None:
    """One after another, at a fixed rate; who is late hurries, so that the rate is kept."""
    times: list[float] = []
    with suppress(asyncio.CancelledError):
        following = cycle(acts)
        await next(following)()
        print("ready", flush=True)
        began = due = time.monotonic()
        for act in following:
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            asked = time.monotonic()
            await act()
            times.append(time.monotonic() - asked)
    if times:
        took = time.monotonic() - began
        told = {"per_s": len(times) / took}
        told |= {name: percentile(times, share) * 1e6 for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}
        print(json.dumps(told), flush=True)


def _lease() -> pb.Lease:
    return pb.Lease(id=LEASE, ttl=Duration(seconds=60))


@asynccontextmanager
async def _stub(address: str) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield ProxyServiceStub(channel)  # type: ignore[no-untyped-call]


async def _calls(address: str) -> None:
    """ListProxies, AddFault, RemoveFault, and a RenewLease after each of them."""
    fault = pb.Fault(name="bench", latency=pb.Latency(latency=1))
    async with _stub(address) as stub:

        async def renew() -> None:
            await stub.RenewLease(pb.RenewLeaseRequest(id=LEASE))

        async def add() -> None:
            await stub.AddFault(pb.AddFaultRequest(proxy=OTHER, fault=fault, lease=_lease()))

        async def remove() -> None:
            await stub.RemoveFault(pb.RemoveFaultRequest(proxy=OTHER, name="bench"))

        async def proxies() -> None:
            await stub.ListProxies(pb.ListProxiesRequest())

        await stub.Reset(pb.ResetRequest())
        await _paced(RATE, [add, renew, remove, renew, proxies, renew])


async def _requests(address: str) -> None:
    """The same over HTTP, which has no leases: a proxy is asked for in their place."""
    fault = {"name": "bench", "type": "latency", "attributes": {"latency": 1}}
    async with aiohttp.ClientSession(f"http://{address}", raise_for_status=True) as session:

        async def ask(method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
            async with session.request(method, path, json=body) as answer:
                await answer.read()

        toxics = f"/proxies/{OTHER}/toxics"
        await ask("POST", "/reset")
        acts: list[Act] = [
            lambda: ask("POST", toxics, fault), lambda: ask("GET", f"/proxies/{OTHER}"),
            lambda: ask("DELETE", f"{toxics}/bench"), lambda: ask("GET", f"/proxies/{OTHER}"),
            lambda: ask("GET", "/proxies"), lambda: ask("GET", f"/proxies/{OTHER}"),
        ]  # fmt: skip
        await _paced(RATE, acts)


async def _watch(address: str, interval: float) -> None:
    messages = size = events = 0
    async with _stub(address) as stub:
        request = pb.WatchRequest(interval=Duration(nanos=int(interval % 1 * 1e9), seconds=int(interval)))
        with suppress(asyncio.CancelledError):
            async for message in stub.Watch(request):
                if not messages:
                    print("ready", flush=True)
                messages, events, size = messages + 1, events + len(message.events), size + message.ByteSize()
    if messages:
        print(json.dumps({"bytes": size / messages, "events": events / messages}), flush=True)


async def _churn(address: str) -> None:
    """Connections that say one byte and leave."""
    host, _, port = address.rpartition(":")

    async def visit() -> None:
        reader, writer = await asyncio.open_connection(host, int(port), family=socket.AF_INET)
        writer.write(PING)
        await reader.readexactly(1)
        writer.close()

    await _paced(CHURN, [visit])


async def _probe(address: str) -> None:
    """Round trips on one connection, to see how long the proxy lets one wait."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def ask() -> None:
        writer.write(PING)
        await reader.readexactly(1)

    await _paced(1000, [ask])
    writer.close()


async def _load(address: str) -> None:
    """Two downloads, each as fast as half of VOLUME, beside round trips on many connections, as fast as they go."""
    host, _, port = address.rpartition(":")

    async def download() -> None:
        reader, writer = await asyncio.open_connection(host, int(port), limit=BUFFER)
        writer.write(SOURCE)
        began, got = time.monotonic(), 0
        while data := await reader.read(BUFFER):
            got += len(data)
            await asyncio.sleep(max(0.0, got / (VOLUME / 2) - (time.monotonic() - began)))

    async def ping() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while True:
            writer.write(PING)
            await reader.readexactly(1)

    async with asyncio.TaskGroup() as group:
        for act in (download, download, *[ping] * BUSY):
            group.create_task(act())
        await _probe(address)
        raise asyncio.CancelledError


MANNERS: Final[Mapping[str, Callable[[str], Awaitable[None]]]] = {
    "calls": _calls,
    "requests": _requests,
    "watch 1 s": lambda address: _watch(address, 1),
    "watch 0.1 s": lambda address: _watch(address, 0.1),
    "churn": _churn,
    "probe": _probe,
    "load": _load,
}


async def _until_told(manner: str, address: str) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await MANNERS[manner](address)


if __name__ == "__main__":
    with suppress(asyncio.CancelledError):
        asyncio.run(_until_told(sys.argv[1], sys.argv[2]))
