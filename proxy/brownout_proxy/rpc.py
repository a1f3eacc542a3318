"""The frame of a gRPC server: who may call, what it shows, health, reflection, and errors as codes.

The proxy and the controller serve their APIs in it. Which service it carries is not known here.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from brownout_proxy import address, settings
from brownout_proxy.errors import BrownoutError, InvalidSpec, Unavailable
from brownout_proxy.status import status_of

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer", bound=Message)
Context = grpc.aio.ServicerContext[Any, Any]

OURS: Final = "brownout-error"
"""Trailing metadata of an error that is an answer: without it, UNAVAILABLE may mean that nobody was there."""

read_token = settings.read_token


async def answered(context: Context, act: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `act` gives; an error ends the call with its code and its text."""
    try:
        return await act()
    except grpc.aio.AbortError:
        raise  # it has ended the call itself
    except BrownoutError as error:
        context.set_trailing_metadata(((OURS, "1"),))
        await context.abort(grpc.StatusCode[status_of(error).grpc], str(error))
    except Exception:  # our own bug: told as such, and the process goes on
        _LOG.exception("a gRPC call failed")
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; the log tells more")
    raise AssertionError("abort returned")


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
    """A server of one service, with health and reflection. `add` puts the service in."""

    def __init__(
        self,
        service: str,
        add: Callable[[grpc.aio.Server], None],
        *,
        token: str | None = None,
        tls: Tls | None = None,
        pinged_every: float | None = None,
    ) -> None:
        """`pinged_every` is how often clients may ask whether it is still there, in seconds."""
        self._service = service
        self._tls = tls
        known_by_certificate = tls is not None and tls.client_ca is not None
        options = [("grpc.so_reuseport", 0)]  # a taken port is an error, not a second server
        if pinged_every is not None:
            options.append(("grpc.http2.min_ping_interval_without_data_ms", int(pinged_every * 1000)))
        self._server = grpc.aio.server(
            interceptors=[] if token is None or known_by_certificate else [TokenGuard(token)], options=options
        )
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
        raise Unavailable(f"{flag}: {path}: {(error.strerror or str(error)).lower()}") from None
    if b"-----BEGIN " not in content:
        raise InvalidSpec(flag, f"{path} is not in PEM; make it with openssl x509 -outform PEM")
    return content


def read_tls(cert: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    """What the flags --tls-cert, --tls-key and --tls-client-ca name. Raises Unavailable, InvalidSpec."""
    if (cert is None) != (key is None):
        raise InvalidSpec("--tls-cert", "and --tls-key belong together; give both or none")
    if cert is None or key is None:
        if client_ca is not None:
            raise InvalidSpec("--tls-client-ca", "needs --tls-cert and --tls-key: who is asked also has to show")
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
