"""The gRPC API: a thin adapter over the registry, with leases and a stream of counters.

It runs on the proxy's own loop. Who listens where, and with which settings, is decided above.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from brownout_core import __version__, limits, rpc
from brownout_core.errors import InvalidSpec
from brownout_core.rpc import Context
from brownout_core.v1 import proxy_pb2 as pb
from brownout_core.v1 import proxy_pb2_grpc
from brownout_core.wire import read_attributes, read_fault, read_values
from brownout_proxy.api.messages import duration, show_active, show_counters, show_proxy
from brownout_proxy.server.events import ConnectionEnded, Event, FaultAdded, Happening, Watcher
from brownout_proxy.server.leases import Authority
from brownout_proxy.server.proxy import ProxySpec
from brownout_proxy.server.registry import Registry
from brownout_proxy.server.stalls import Meter
from brownout_proxy.server.time_slice import TimeSlices

INTERVAL: Final = 1.0
"""Seconds between two messages of a watch."""
SHORTEST_INTERVAL: Final = 0.1
_ABOUT_THE_ASKER: Final = ("name", "lease", "force")
_BLOCK: Final = 64
"""Events from one look at the clock to the next: most were written for another watch already, and cost 0.1 us."""
SERVICE: Final = pb.DESCRIPTOR.services_by_name["ProxyService"].full_name


class ProxyService(proxy_pb2_grpc.ProxyServiceServicer):
    """The calls of brownout.proxy.v1. Each answers, or ends with the code of its error's row in status."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def ListProxies(self, request: pb.ListProxiesRequest, context: Context) -> pb.ListProxiesResponse:
        proxies, turns = [], TimeSlices()
        for proxy in self._registry.proxies():
            proxies.append(show_proxy(proxy))
            await turns.end()
        registry = self._registry
        return pb.ListProxiesResponse(
            proxies=proxies, version=__version__, seed=registry.seed, instance=registry.instance
        )

    async def CreateProxy(self, request: pb.CreateProxyRequest, context: Context) -> pb.CreateProxyResponse:
        async def create() -> pb.CreateProxyResponse:
            spec = await read_proxy(request)
            return pb.CreateProxyResponse(proxy=show_proxy(await self._registry.create(spec)))

        return await rpc.answered(context, create)

    async def UpdateProxy(self, request: pb.UpdateProxyRequest, context: Context) -> pb.UpdateProxyResponse:
        async def update() -> pb.UpdateProxyResponse:
            given = {field.name: value for field, value in request.ListFields() if field.name not in _ABOUT_THE_ASKER}
            changed = await self._registry.update(request.name, **given, by=_authority(request))
            return pb.UpdateProxyResponse(proxy=show_proxy(changed))

        return await rpc.answered(context, update)

    async def DeleteProxy(self, request: pb.DeleteProxyRequest, context: Context) -> pb.DeleteProxyResponse:
        async def delete() -> pb.DeleteProxyResponse:
            await self._registry.delete(request.name, _authority(request))
            return pb.DeleteProxyResponse()

        return await rpc.answered(context, delete)

    async def AddFault(self, request: pb.AddFaultRequest, context: Context) -> pb.AddFaultResponse:
        async def add() -> pb.AddFaultResponse:
            ttl = _seconds(request.lease.ttl) if request.lease.HasField("ttl") else None
            spec = read_fault(request.fault)
            active = self._registry.add_leased_fault(request.proxy, spec, request.lease.id, ttl)
            await self._registry.get(request.proxy).settled()
            return pb.AddFaultResponse(fault=show_active(active))

        return await rpc.answered(context, add)

    async def UpdateFault(self, request: pb.UpdateFaultRequest, context: Context) -> pb.UpdateFaultResponse:
        async def update() -> pb.UpdateFaultResponse:
            proxy = self._registry.get(request.proxy)
            known = proxy.fault(request.fault.name).spec
            kind = request.fault.WhichOneof("kind")
            if kind not in (None, known.kind):
                raise InvalidSpec("fault.kind", f"{known.name} is a {known.kind}; remove it and add a {kind}")
            attributes = {} if kind is None else read_attributes(getattr(request.fault, kind))
            chosen = read_values(request.fault.selection)
            active = proxy.update_fault(known.name, attributes=attributes, selection=chosen, by=_authority(request))
            return pb.UpdateFaultResponse(fault=show_active(active))

        return await rpc.answered(context, update)

    async def RemoveFault(self, request: pb.RemoveFaultRequest, context: Context) -> pb.RemoveFaultResponse:
        async def remove() -> pb.RemoveFaultResponse:
            self._registry.get(request.proxy).remove_fault(request.name, _authority(request))
            return pb.RemoveFaultResponse()

        return await rpc.answered(context, remove)

    async def RenewLease(self, request: pb.RenewLeaseRequest, context: Context) -> pb.RenewLeaseResponse:
        async def renew() -> pb.RenewLeaseResponse:
            lease = self._registry.engine.leases.renew(request.id)
            return pb.RenewLeaseResponse(ttl=duration(lease.ttl))

        return await rpc.answered(context, renew)

    async def ReleaseLease(self, request: pb.ReleaseLeaseRequest, context: Context) -> pb.ReleaseLeaseResponse:
        return pb.ReleaseLeaseResponse(removed=self._registry.engine.leases.release(request.id))

    async def Reset(self, request: pb.ResetRequest, context: Context) -> pb.ResetResponse:
        async def reset() -> pb.ResetResponse:
            await self._registry.reset(_authority(request))
            return pb.ResetResponse()

        return await rpc.answered(context, reset)

    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[bytes]:
        interval = _seconds(request.interval) if request.HasField("interval") else INTERVAL
        if interval < SHORTEST_INTERVAL:
            text = f"interval: must be at least {SHORTEST_INTERVAL:g} s"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        events, stalls = self._registry.engine.events, self._registry.engine.stalls
        # Each writes the counters of its proxies every second, on the loop that the connections are on.
        if len(events) >= limits.WATCHES:
            text = f"{limits.WATCHES} are open, which is all that one proxy process takes; end one of them"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        watcher, meter = events.watch(ends=not request.without_connections), stalls.watch()
        names = frozenset(request.proxies)
        try:
            while True:
                yield await self._observed(watcher, meter, names)
                await asyncio.sleep(interval)
        finally:
            events.leave(watcher)
            stalls.leave(meter)

    async def _observed(self, watcher: Watcher, meter: Meter, names: frozenset[str]) -> bytes:
        """A WatchResponse. In turns: of a busy proxy there are thousands of events to tell."""
        registry = self._registry
        happened, lost = watcher.take()
        stall, wall, now = meter.take(), datetime.now(UTC).timestamp(), registry.engine.clock.now()
        message = pb.WatchResponse(
            at=_timestamp(wall),
            events_lost=lost,
            instance=registry.instance,
            uptime=duration(now - registry.engine.began),
            longest_stall=duration(stall),
        )
        turns = TimeSlices()
        for proxy in registry.proxies():
            if not names or proxy.name in names:
                message.proxies.append(show_counters(proxy))
                await turns.end()
        # Two serialised messages in a row are one with the fields of both: an event is written once for all watches.
        parts = [message.SerializeToString()]
        for start in range(0, len(happened), _BLOCK):
            block = happened[start : start + _BLOCK]
            if names:
                block = [happening for happening in block if happening.event.proxy in names]
            for happening in block:
                if not happening.wire:
                    happening.wire = _written(happening, wall - now)
                    await turns.end()
            parts += [happening.wire for happening in block]
            await turns.end()
        return b"".join(parts)


def _authority(request: Any) -> Authority:
    return Authority(request.lease, request.force)


def _written(happening: Happening, wall_ahead: float) -> bytes:
    """The event as a part of a WatchResponse; `wall_ahead` is by what the time of day is ahead of the clock's."""
    return pb.WatchResponse(events=[_event(happening.event, happening.at + wall_ahead)]).SerializeToString()


async def read_proxy(request: pb.CreateProxyRequest) -> ProxySpec:
    for field in ("name", "upstream"):
        if not getattr(request, field):
            raise InvalidSpec(field, "missing")
    limits.FAULTS.check(len(request.faults), "faults")
    faults: dict[str, Any] = {}
    turns = TimeSlices()
    for number, message in enumerate(request.faults, 1):
        spec = read_fault(message)
        if spec.name in faults:
            raise InvalidSpec(f"faults[{number - 1}].name", f"{spec.name!r} is there twice")
        await turns.end()
        faults[spec.name] = spec
    enabled = request.enabled if request.HasField("enabled") else True
    return ProxySpec(request.name, request.listen, request.upstream, enabled, tuple(faults.values()))


def _event(event: Event, at: float) -> pb.Event:
    when = _timestamp(at)
    if isinstance(event, ConnectionEnded):
        return pb.Event(at=when, proxy=event.proxy, connection_ended=_ended(event))
    if isinstance(event, FaultAdded):
        added = pb.FaultAdded(name=event.name, lease=event.lease)
        return pb.Event(at=when, proxy=event.proxy, fault_added=added)
    removed = pb.FaultRemoved(
        name=event.name,
        lease=event.lease,
        reason=f"REASON_{event.reason.upper()}",
        hits=event.hits,
        connections=event.connections,
    )
    return pb.Event(at=when, proxy=event.proxy, fault_removed=removed)


def _ended(event: ConnectionEnded) -> pb.ConnectionEnded:
    return pb.ConnectionEnded(
        ordinal=event.ordinal,
        outcome=f"OUTCOME_{event.outcome.upper()}",
        duration=duration(event.seconds),
    )


def _timestamp(at: float) -> Timestamp:
    return Timestamp(seconds=int(at), nanos=int(at % 1 * 1e9))


def _seconds(message: Duration) -> float:
    return message.seconds + message.nanos / 1e9


class Server(rpc.Server):
    """A server of the API, with health and reflection."""

    def __init__(
        self,
        registry: Registry,
        *,
        token: str | None = None,
        tls: rpc.Tls | None = None,
        connections: int = limits.CONNECTIONS,
    ) -> None:
        def add(server: grpc.aio.Server) -> None:
            proxy_pb2_grpc.add_ProxyServiceServicer_to_server(  # type: ignore[no-untyped-call]
                ProxyService(registry), server
            )

        super().__init__(SERVICE, add, token=token, tls=tls, connections=connections)
