"""The frame of a gRPC server: who may call, what it shows, health, reflection, and errors as codes.

The proxy and the controller serve their APIs in it. Which service it carries is not known here.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from inspect import isasyncgen
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from brownout_core import address, limits
from brownout_core.errors import BrownoutError, InvalidSpec, Unavailable, os_error_text
from brownout_core.status import status_of
from brownout_core.tls_flags import check_server_tls

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer", bound=Message)
Context = grpc.aio.ServicerContext[Any, Any]

OURS: Final = "brownout-error"
"""Trailing metadata of an error that is an answer: without it, UNAVAILABLE may mean that nobody was there."""

ARRIVAL: Final = 15.0
"""Seconds that the request of a call may take to arrive, as a body of the HTTP API may."""
_HANDSHAKE: Final = 10.0
"""Seconds in which a connection must be one of HTTP/2, and with TLS a known one."""
_IDLE: Final = 300.0
"""Seconds after which a connection without a call is closed: a client opens it again when it needs it."""
_PING: Final = 30.0
"""Seconds of silence after which a client is asked whether it is still there."""
_DETAILS: Final = 2000
"""Bytes of an error's text: percent-encoded they are three times as many, and the default bound of clients is 8 kB."""
_AHEAD: Final = 16 << 10
"""Bytes that a client may send on a call before anybody reads them."""


def shortened(text: str) -> str:
    """A text as the details of an error, which travel as metadata: beyond their bound a client would get none of it."""
    content = text.encode("utf-8", "replace")
    return text if len(content) <= _DETAILS else f"{content[:_DETAILS].decode('utf-8', 'ignore')} ..."


def _options(pinged_every: float | None, connections: int) -> list[tuple[str, int]]:
    options = [
        ("grpc.so_reuseport", 0),  # a taken port is an error, not a second server
        ("grpc.max_receive_message_length", int(limits.MESSAGE)),
        ("grpc.max_metadata_size", int(limits.METADATA)),
        ("grpc.absolute_max_metadata_size", int(limits.METADATA)),
        ("grpc.max_concurrent_streams", int(limits.STREAMS)),
        ("grpc.max_allowed_incoming_connections", connections),
        ("grpc.server_handshake_timeout_ms", int(_HANDSHAKE * 1000)),
        ("grpc.max_connection_idle_ms", int(_IDLE * 1000)),
        ("grpc.keepalive_time_ms", int(_PING * 1000)),
        ("grpc.http2.lookahead_bytes", _AHEAD),
        ("grpc.http2.bdp_probe", 0),  # which would let clients send more ahead
    ]
    if pinged_every is not None:
        options.append(("grpc.http2.min_ping_interval_without_data_ms", int(pinged_every * 1000)))
    return options


async def answered(context: Context, act: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `act` gives; an error ends the call with its code and its text."""
    try:
        return await act()
    except grpc.aio.AbortError:
        raise  # it has ended the call itself
    except BrownoutError as error:
        context.set_trailing_metadata(((OURS, "1"),))
        await context.abort(grpc.StatusCode[status_of(error).grpc], shortened(str(error)))
    except Exception:  # a bug of ours: reported as such, and the process goes on
        _LOG.exception("a gRPC call failed")
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the log")
    raise AssertionError("abort returned")


class TokenGuard(grpc.aio.ServerInterceptor):
    """Lets a call through that carries the token as `authorization: Bearer TOKEN`; health is for everybody."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        sent = dict(details.invocation_metadata or ()).get("authorization", "")
        known = hmac.compare_digest(str(sent).encode(), self._expected)
        if known or details.method.startswith("/grpc.health.v1.Health/"):
            return await continuation(details)
        return grpc.stream_unary_rpc_method_handler(_refuse)  # a stream is refused before any of it is read


async def _refuse(requests: object, context: Context) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a token is needed: authorization: Bearer TOKEN")


class _Turns:
    """Who may read a message: so many calls of one connection at once, which bounds what strangers can make us hold.
    They are counted by connection, so that nobody takes another's turn."""

    def __init__(self) -> None:
        self._connections: dict[str, tuple[asyncio.Semaphore, list[int]]] = {}

    @asynccontextmanager
    async def of(self, peer: str) -> AsyncIterator[None]:
        turns, calls = self._connections.setdefault(peer, (asyncio.Semaphore(limits.READS), [0]))
        calls[0] += 1
        try:
            async with turns:
                yield
        finally:
            calls[0] -= 1
            if not calls[0]:
                del self._connections[peer]


class _Unreadable(NamedTuple):
    """What stands in for a request that is none."""

    code: grpc.StatusCode
    reason: str


_NO_MESSAGE: Final = _Unreadable(grpc.StatusCode.INVALID_ARGUMENT, "the request is not a message of this call")
_TOO_SLOW: Final = _Unreadable(grpc.StatusCode.DEADLINE_EXCEEDED, f"the request did not arrive within {ARRIVAL:g} s")


class Reader(grpc.aio.ServerInterceptor):
    """Reads the requests of calls, a few of each connection at once, and none for longer than ARRIVAL.

    gRPC itself would hold all that its flow control lets in, and takes a request that cannot be read for a bug of the
    server: here it is INVALID_ARGUMENT, without a stack in the log. So that it leaves the reading to us, each call is
    to it one with a stream of requests.
    """

    def __init__(self) -> None:
        self._turns = _Turns()
        self._late: set[asyncio.Task[Any]] = set()

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = await continuation(details)
        if handler is None:
            return None
        read = handler.request_deserializer or bytes

        def read_or_mark(content: bytes) -> object:
            try:
                return read(content)
            except DecodeError:
                return _NO_MESSAGE

        if not handler.response_streaming:

            async def answer(_: object, context: Context) -> Any:
                request = await self._checked(context)
                return await handler.unary_unary(request, context)

            return grpc.stream_unary_rpc_method_handler(answer, read_or_mark, handler.response_serializer)

        async def stream(_: object, context: Context) -> None:
            if handler.request_streaming:
                answers = handler.stream_stream(self._requests(context), context)
            else:
                answers = handler.unary_stream(await self._checked(context), context)
            if isasyncgen(answers):
                async with aclosing(answers):
                    async for answer in answers:
                        await context.write(answer)
            else:  # it writes them itself
                await answers

        def write(answer: object) -> bytes:
            """What many get alike may have been serialised already."""
            return answer if isinstance(answer, bytes) else handler.response_serializer(answer)

        return grpc.stream_stream_rpc_method_handler(stream, read_or_mark, write)

    async def _requests(self, context: Context) -> AsyncIterator[Any]:
        while (request := await self._read(context)) is not grpc.aio.EOF:
            if isinstance(request, _Unreadable):
                await context.abort(*request)
            yield request

    async def _checked(self, context: Context) -> Any:
        """The one request of a call; ends the call if there is none."""
        request = await self._read(context)
        if request is grpc.aio.EOF:
            request = _NO_MESSAGE
        if isinstance(request, _Unreadable):
            await context.abort(*request)
        return request

    async def _read(self, context: Context) -> Any:
        async with self._turns.of(context.peer()):
            # Not with a timeout of its own, which would cancel it: gRPC writes into a message that it waits for. The
            # end of the call ends the reading as well.
            reading = asyncio.create_task(context.read())
            self._late.add(reading)
            reading.add_done_callback(self._late.discard)
            reading.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.wait({reading}, timeout=ARRIVAL)
        return reading.result() if reading.done() else _TOO_SLOW


class Tls(NamedTuple):
    """What the server shows, and whom it believes: PEM texts. With `client_ca`, clients must show a certificate of
    its making, and need no token."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None = None


class Server:
    """A server of one service, with health and reflection. `add` puts the service in."""

    def __init__(
        self,
        service: str,
        add: Callable[[grpc.aio.Server], None],
        *,
        token: str | None = None,
        tls: Tls | None = None,
        pinged_every: float | None = None,
        connections: int = limits.CONNECTIONS,
    ) -> None:
        """`pinged_every` is how often clients may ask whether it is still there, in seconds; `connections` how many of
        them it takes at once."""
        self._service = service
        self._tls = tls
        known_by_certificate = tls is not None and tls.client_ca is not None
        guards = [] if token is None or known_by_certificate else [TokenGuard(token)]
        self._server = grpc.aio.server(interceptors=[*guards, Reader()], options=_options(pinged_every, connections))
        add(self._server)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (service, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    def bind(self, where: str) -> int:
        """The port that it has now. Raises RuntimeError."""
        if self._tls is None:
            return self._server.add_insecure_port(where)
        certificate, key, client_ca = self._tls
        secure = grpc.ssl_server_credentials(
            [(key, certificate)], root_certificates=client_ca, require_client_auth=client_ca is not None
        )
        return self._server.add_secure_port(where, secure)

    async def start(self) -> None:
        await self._server.start()
        await self._health.set(self._service, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace: float = 0) -> None:
        """Takes no call any more, and ends those that take longer than `grace` seconds; who watches the health is
        told."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace=grace)


def read_pem(flag: str, path: Path) -> bytes:
    """Raises Unavailable, InvalidSpec."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"{flag}: {path}: {os_error_text(error)}") from None
    if b"-----BEGIN " not in content:
        raise InvalidSpec(flag, f"{path} is not in PEM; make it with openssl x509 -outform PEM")
    return content


def read_tls(cert: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    """What the flags --tls-cert, --tls-key and --tls-client-ca name. Raises Unavailable, InvalidSpec."""
    check_server_tls(cert, key, client_ca)
    if cert is None or key is None:
        return None
    ca = None if client_ca is None else read_pem("--tls-client-ca", client_ca)
    return Tls(read_pem("--tls-cert", cert), read_pem("--tls-key", key), ca)


def listening_place(flag: str, text: str) -> tuple[str, bool]:
    """The address to listen on as gRPC wants it, and whether only this machine reaches it. Raises InvalidSpec."""
    try:
        place = address.parse(text, default_host="127.0.0.1")
    except InvalidSpec as error:
        raise InvalidSpec(flag, f"{error.reason}; write it like 127.0.0.1:8480") from None
    if place.is_wildcard:
        place = replace(place, host=place.host or "0.0.0.0")
    return str(place), place.is_loopback
