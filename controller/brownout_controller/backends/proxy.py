"""Brownout's own proxies, over brownout.proxy.v1: on a laptop, or as sidecars."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration

from brownout_controller.backends.base import (
    AwayError,
    BackendError,
    Counts,
    LeaseLostError,
    MissingError,
    ProxyPlace,
    TakenError,
    Target,
    TargetSnapshot,
    described,
)
from brownout_controller.backends.channel import ANYBODY, Credentials, channel
from brownout_controller.backends.connection import AWAY, PROXY, UNREACHED, explained, trouble_of
from brownout_core.faults.spec import FaultSpec
from brownout_core.v1 import proxy_pb2 as pb
from brownout_core.v1.proxy_pb2_grpc import ProxyServiceStub
from brownout_core.wire import read_fault, show_fault

_OPTIONS: Final = (("grpc.max_receive_message_length", 64 << 20),)
"""A list of as many proxies as there may be, all with long names, has 30 MB; gRPC's own bound is 4 MB."""
CALL: Final = 2.0
"""Seconds that one call may take."""
_SILENCE: Final = 10.0
"""Seconds without a message after which a watch is begun anew. Long, as a process that was stopped for a while says by
its own clock for how long, but only to who was watching before."""
Answer = TypeVar("Answer")


class ProxyBackend:
    """Proxies at known control addresses (`host:port`).

    `edges` names the proxy of an edge; an edge without one is looked for by its own name, then by its callee's.
    """

    def __init__(
        self,
        control: Sequence[str],
        edges: Mapping[str, str] | None = None,
        credentials: Credentials = ANYBODY,
    ) -> None:
        self._edges = dict(edges or {})
        self._credentials = credentials
        self._metadata = credentials.metadata
        self._channels = {address: channel(address, credentials, _OPTIONS) for address in control}
        self._stubs: dict[str, ProxyServiceStub] = {
            address: ProxyServiceStub(opened)  # type: ignore[no-untyped-call]
            for address, opened in self._channels.items()
        }

    async def targets(self, edge: str) -> Sequence[Target]:
        found: dict[str, Target] = {}
        for address in self._stubs:
            listed = await self._list(address)
            proxies = {proxy.name: proxy for proxy in listed.proxies}
            if (name := self._carrier(edge, proxies)) is not None:
                there = proxies[name]
                target = Target(
                    f"{address}/{name}", name, address, listed.instance, there.listen, there.upstream, there.enabled
                )
                found.setdefault(target.key, target)  # two addresses may be one process
        return list(found.values())

    async def places(self, edges: Sequence[str]) -> Sequence[ProxyPlace]:
        asked = await asyncio.gather(*(self._places_at(address, edges) for address in self._stubs))
        return [place for places in asked for place in places]

    async def _places_at(self, address: str, edges: Sequence[str]) -> Sequence[ProxyPlace]:
        try:
            proxies = (await self._list(address)).proxies
        except BackendError as error:
            return [ProxyPlace(address, trouble=str(error))]
        names = {proxy.name for proxy in proxies}
        through = {edge: self._carrier(edge, names) for edge in edges}
        return [
            ProxyPlace(
                address,
                proxy.name,
                [edge for edge, name in through.items() if name == proxy.name],
                [active.fault.name for active in proxy.faults],
            )
            for proxy in proxies
        ]

    def _carrier(self, edge: str, names: Collection[str]) -> str | None:
        """Which of a process's proxies the edge runs through."""
        named = self._edges.get(edge)
        wanted = [named] if named else [edge, edge.rpartition("->")[2].strip()]
        return next((name for name in wanted if name in names), None)

    async def faults_on(self, target: Target) -> Sequence[str]:
        return [active.fault.name for active in (await self._proxy(target)).faults]

    async def inject(self, target: Target, faults: Sequence[FaultSpec], owner: str, lease: float) -> None:
        try:
            for fault in faults:
                request = pb.AddFaultRequest(
                    proxy=target.proxy,
                    fault=show_fault(fault),
                    lease=pb.Lease(id=_lease(target, owner), ttl=_duration(lease)),
                )
                await self._asked(target.where, self._stub(target.where).AddFault, request)
        except BackendError:
            with contextlib.suppress(BackendError):  # then the lease does it
                await self.revert(target, owner)
            raise

    async def renew(self, target: Target, owner: str) -> None:
        request = pb.RenewLeaseRequest(id=_lease(target, owner))
        await self._asked(target.where, self._stub(target.where).RenewLease, request)

    async def revert(self, target: Target, owner: str) -> None:
        request = pb.ReleaseLeaseRequest(id=_lease(target, owner))
        await self._asked(target.where, self._stub(target.where).ReleaseLease, request)

    async def gone(self, target: Target, owner: str) -> bool:
        """By a listing of all proxies there and by the counters, which would still count the hits of what is left."""
        lease = _lease(target, owner)
        listed = [fault.lease for proxy in (await self._list(target.where)).proxies for fault in proxy.faults]
        counted = [fault.lease for proxy in await self._counted(target.where) for fault in proxy.faults]
        return lease not in (*listed, *counted)

    async def counts(self, target: Target, owner: str) -> Counts:
        counted = await self._counted(target.where, target.proxy)
        return _counts(_found(counted, target), target, owner)

    async def watch(self, target: Target, owner: str, every: float) -> AsyncGenerator[TargetSnapshot]:
        request = pb.WatchRequest(proxies=[target.proxy], interval=_duration(every), without_connections=True)
        call = self._stub(target.where).Watch(request, metadata=self._metadata)
        try:
            while True:
                # The first message comes at once, or the stream could not be opened.
                async with asyncio.timeout(_SILENCE):
                    message = await call.read()
                if message is grpc.aio.EOF:
                    raise AwayError(f"{target.where}: the proxy ended the stream of its counters")
                yield _look(message, target, owner)
        except TimeoutError:
            raise BackendError(f"{target.where}: the proxy's gRPC API has been silent for {_SILENCE:g} s") from None
        except grpc.aio.AioRpcError as error:
            raise _failure(target.where, error, self._credentials) from None
        finally:
            call.cancel()

    async def _counted(self, address: str, *names: str) -> Sequence[pb.ProxyCounters]:
        """The counters of the proxies of these names, or of all."""
        request = pb.WatchRequest(proxies=names, without_connections=True)
        call = self._stub(address).Watch(request, timeout=CALL, metadata=self._metadata)
        try:
            message = await call.read()
        except grpc.aio.AioRpcError as error:
            raise _failure(address, error, self._credentials) from None
        finally:
            call.cancel()
        if message is grpc.aio.EOF:
            raise BackendError(f"{address}: the proxy ended the stream of its counters")
        counters: Sequence[pb.ProxyCounters] = message.proxies
        return counters

    async def close(self) -> None:
        for opened in self._channels.values():
            await opened.close()

    async def _list(self, address: str) -> pb.ListProxiesResponse:
        answer: pb.ListProxiesResponse = await self._asked(
            address, self._stub(address).ListProxies, pb.ListProxiesRequest()
        )
        return answer

    async def _proxy(self, target: Target) -> pb.Proxy:
        for proxy in (await self._list(target.where)).proxies:
            if proxy.name == target.proxy:
                return proxy
        raise MissingError(f"{target.where}: there is no proxy {target.proxy!r} any more")

    def _stub(self, address: str) -> ProxyServiceStub:
        """Raises BackendError for a target of a journal whose address this environment has no longer."""
        if address not in self._stubs:
            raise BackendError(f"{address} is none of the control addresses: {', '.join(self._stubs)}")
        return self._stubs[address]

    async def _asked(self, address: str, method: Any, request: object) -> Any:
        call: Awaitable[Any] = method(request, timeout=CALL, metadata=self._metadata)
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise _failure(address, error, self._credentials) from None


def _found(counted: Sequence[pb.ProxyCounters], target: Target) -> pb.ProxyCounters:
    for counters in counted:
        if counters.name == target.proxy:
            return counters
    raise MissingError(f"{target.where}: there is no proxy {target.proxy!r} any more")


def _counts(counters: pb.ProxyCounters, target: Target, owner: str) -> Counts:
    ours = [fault for fault in counters.faults if fault.lease == _lease(target, owner)]
    return Counts(
        connections=counters.connections_accepted,
        dial_failures=counters.dial_failures,
        sent_upstream=counters.sent_upstream,
        sent_downstream=counters.sent_downstream,
        hits={fault.name: fault.hits for fault in ours},
        met={fault.name: fault.connections for fault in ours},
        live=counters.connections_live,
        exchanges=counters.exchanges,
        injected_delay=counters.injected_delay,
        resets=counters.connections_reset,
        ended_by_fault=counters.connections_ended_by_fault,
        met_exchanges={fault.name: fault.exchanges for fault in ours},
    )


def _look(message: pb.WatchResponse, target: Target, owner: str) -> TargetSnapshot:
    counters = _found(message.proxies, target)
    stall = message.longest_stall
    return TargetSnapshot(
        message.instance,
        counters.enabled,
        counters.upstream,
        [described(read_fault(item.fault), item.lease) for item in counters.faults],
        _counts(counters, target, owner),
        stall.seconds + stall.nanos / 1e9,
    )


def _lease(target: Target, owner: str) -> str:
    """One for each target: what is reverted on one stays on the others."""
    return f"{owner}/{target.proxy}"


def _duration(seconds: float) -> Duration:
    whole = int(seconds)
    return Duration(seconds=whole, nanos=round((seconds - whole) * 1e9))


def _failure(address: str, error: grpc.aio.AioRpcError, credentials: Credentials) -> BackendError:
    code, details = error.code(), error.details() or "no reason"
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        return LeaseLostError(f"{address}: {details}")
    if code is grpc.StatusCode.ABORTED:
        return TakenError(f"{address}: {details}")
    if code in UNREACHED:
        kind = AwayError if trouble_of(code, details, credentials) in AWAY else BackendError
        return kind(f"{address}: {PROXY.what} {explained(code, details, credentials, PROXY)}")
    return BackendError(f"{address}: {details}")
