"""The gRPC API: a thin adapter over the registry, with leases and a stream of counters.

It runs on the proxy's own loop. Who listens where, and with which settings, is decided above.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from brownout_proxy import __version__
from brownout_proxy.api.messages import show_active, show_counters, show_proxy
from brownout_proxy.api.status import status_of
from brownout_proxy.errors import BrownoutError, InvalidSpec
from brownout_proxy.server.events import ConnectionEnded, Event, FaultAdded, Watcher
from brownout_proxy.server.proxy import ProxySpec
from brownout_proxy.server.registry import Registry
from brownout_proxy.server.turns import Turns
from brownout_proxy.v1 import proxy_pb2 as pb
from brownout_proxy.v1 import proxy_pb2_grpc
from brownout_proxy.wire import given_selection, read_attributes, read_fault

_LOG = logging.getLogger(__name__)

INTERVAL: Final = 1.0
"""Seconds between two messages of a watch."""
SHORTEST_INTERVAL: Final = 0.1
SERVICE: Final = pb.DESCRIPTOR.services_by_name["ProxyService"].full_name

Answer = TypeVar("Answer", bound=Message)
Context = grpc.aio.ServicerContext[Any, Any]


class ProxyService(proxy_pb2_grpc.ProxyServiceServicer):
    """The calls of brownout.proxy.v1. Each answers, or ends with the code of its error's row in api/status."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def ListProxies(self, request: pb.ListProxiesRequest, context: Context) -> pb.ListProxiesResponse:
        proxies, turns = [], Turns()
        for proxy in self._registry.proxies():
            proxies.append(show_proxy(proxy))
            await turns.end()
        return pb.ListProxiesResponse(proxies=proxies, version=__version__, seed=self._registry.seed)

    async def CreateProxy(self, request: pb.CreateProxyRequest, context: Context) -> pb.CreateProxyResponse:
        async def create() -> pb.CreateProxyResponse:
            spec = _read_proxy(request)
            return pb.CreateProxyResponse(proxy=show_proxy(await self._registry.create(spec)))

        return await _answered(context, create)

    async def UpdateProxy(self, request: pb.UpdateProxyRequest, context: Context) -> pb.UpdateProxyResponse:
        async def update() -> pb.UpdateProxyResponse:
            given = {field.name: value for field, value in request.ListFields() if field.name != "name"}
            return pb.UpdateProxyResponse(proxy=show_proxy(await self._registry.update(request.name, **given)))

        return await _answered(context, update)

    async def DeleteProxy(self, request: pb.DeleteProxyRequest, context: Context) -> pb.DeleteProxyResponse:
        async def delete() -> pb.DeleteProxyResponse:
            await self._registry.delete(request.name)
            return pb.DeleteProxyResponse()

        return await _answered(context, delete)

    async def AddFault(self, request: pb.AddFaultRequest, context: Context) -> pb.AddFaultResponse:
        async def add() -> pb.AddFaultResponse:
            ttl = _seconds(request.lease.ttl) if request.lease.HasField("ttl") else None
            spec = read_fault(request.fault)
            active = self._registry.add_leased_fault(request.proxy, spec, request.lease.id, ttl)
            await self._registry.get(request.proxy).settled()
            return pb.AddFaultResponse(fault=show_active(active))

        return await _answered(context, add)

    async def UpdateFault(self, request: pb.UpdateFaultRequest, context: Context) -> pb.UpdateFaultResponse:
        async def update() -> pb.UpdateFaultResponse:
            proxy = self._registry.get(request.proxy)
            known = proxy.fault(request.fault.name).spec
            kind = request.fault.WhichOneof("kind")
            if kind not in (None, known.kind):
                raise InvalidSpec("fault.kind", f"{known.name} is a {known.kind}; remove it and add a {kind}")
            attributes = {} if kind is None else read_attributes(getattr(request.fault, kind))
            active = proxy.update_fault(
                known.name, attributes=attributes, selection=given_selection(request.fault.selection)
            )
            return pb.UpdateFaultResponse(fault=show_active(active))

        return await _answered(context, update)

    async def RemoveFault(self, request: pb.RemoveFaultRequest, context: Context) -> pb.RemoveFaultResponse:
        async def remove() -> pb.RemoveFaultResponse:
            self._registry.get(request.proxy).remove_fault(request.name)
            return pb.RemoveFaultResponse()

        return await _answered(context, remove)

    async def RenewLease(self, request: pb.RenewLeaseRequest, context: Context) -> pb.RenewLeaseResponse:
        async def renew() -> pb.RenewLeaseResponse:
            lease = self._registry.engine.leases.renew(request.id)
            return pb.RenewLeaseResponse(ttl=_duration(lease.ttl))

        return await _answered(context, renew)

    async def ReleaseLease(self, request: pb.ReleaseLeaseRequest, context: Context) -> pb.ReleaseLeaseResponse:
        return pb.ReleaseLeaseResponse(removed=self._registry.engine.leases.release(request.id))

    async def Reset(self, request: pb.ResetRequest, context: Context) -> pb.ResetResponse:
        async def reset() -> pb.ResetResponse:
            await self._registry.reset()
            return pb.ResetResponse()

        return await _answered(context, reset)

    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:
        interval = _seconds(request.interval) if request.HasField("interval") else INTERVAL
        if interval < SHORTEST_INTERVAL:
            text = f"interval: must be at least {SHORTEST_INTERVAL:g} s"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        events = self._registry.engine.events
        watcher = events.watch()
        try:
            while True:
                yield await self._observed(watcher, frozenset(request.proxies))
                await asyncio.sleep(interval)
        finally:
            events.leave(watcher)

    async def _observed(self, watcher: Watcher, names: frozenset[str]) -> pb.WatchResponse:
        """In turns: of a busy proxy there are thousands of events to tell."""
        happened, lost = watcher.take()
        wall, now = datetime.now(UTC).timestamp(), self._registry.engine.clock.now()
        message, turns = pb.WatchResponse(at=_timestamp(wall), events_lost=lost), Turns()
        for proxy in self._registry.proxies():
            if not names or proxy.name in names:
                message.proxies.append(show_counters(proxy))
                await turns.end()
        for at, event in happened:
            if not names or event.proxy in names:
                message.events.append(_event(event, wall - (now - at)))
                await turns.end()
        return message


async def _answered(context: Context, act: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `act` gives; an error ends the call with its code and its text."""
    try:
        return await act()
    except BrownoutError as error:
        await context.abort(grpc.StatusCode[status_of(error).grpc], str(error))
    except Exception:  # our own bug: told as such, and the proxy goes on
        _LOG.exception("a gRPC call failed")
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; the log tells more")
    raise AssertionError("abort returned")


def _read_proxy(request: pb.CreateProxyRequest) -> ProxySpec:
    for field in ("name", "upstream"):
        if not getattr(request, field):
            raise InvalidSpec(field, "missing")
    faults: dict[str, Any] = {}
    for number, message in enumerate(request.faults, 1):
        spec = read_fault(message)
        if spec.name in faults:
            raise InvalidSpec(f"faults[{number - 1}].name", f"{spec.name!r} is there twice")
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
        duration=_duration(event.seconds),
    )


def _timestamp(at: float) -> Timestamp:
    return Timestamp(seconds=int(at), nanos=int(at % 1 * 1e9))


def _duration(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))


def _seconds(message: Duration) -> float:
    return message.seconds + message.nanos / 1e9


class TokenGuard(grpc.aio.ServerInterceptor):
    """Lets a call through that carries the token as `authorization: Bearer TOKEN`; health is for everybody."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        given = dict(details.invocation_metadata or ()).get("authorization", "")
        known = hmac.compare_digest(str(given).encode(), self._expected)
        if known or details.method.startswith("/grpc.health.v1.Health/"):
            return await continuation(details)
        return grpc.unary_unary_rpc_method_handler(_refuse)


async def _refuse(request: object, context: Context) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a token is needed: authorization: Bearer TOKEN")


class Tls(NamedTuple):
    """What the server shows, and whom it believes: PEM texts. With `client_ca`, clients must show a certificate of
    its making, and need no token."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None = None


class Server:
    """A server of the API, with health and reflection."""

    def __init__(self, registry: Registry, *, token: str | None = None, tls: Tls | None = None) -> None:
        self._tls = tls
        known_by_certificate = tls is not None and tls.client_ca is not None
        self._server = grpc.aio.server(
            interceptors=[] if token is None or known_by_certificate else [TokenGuard(token)],
            options=[("grpc.so_reuseport", 0)],  # a taken port is an error, not a second server
        )
        proxy_pb2_grpc.add_ProxyServiceServicer_to_server(  # type: ignore[no-untyped-call]
            ProxyService(registry), self._server
        )
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    def bind(self, address: str) -> int:
        """The port that it has now. Raises RuntimeError."""
        if self._tls is None:
            return self._server.add_insecure_port(address)
        certificate, key, client_ca = self._tls
        secure = grpc.ssl_server_credentials(
            [(key, certificate)], root_certificates=client_ca, require_client_auth=client_ca is not None
        )
        return self._server.add_secure_port(address, secure)

    async def start(self) -> None:
        await self._server.start()
        await self._health.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """At once; who watches the health is told."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace=0)
