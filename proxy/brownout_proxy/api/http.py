"""The HTTP application: the routes behind the rules that hold for all of them.

Outside in: every answer is counted and carries its own id and that of the process, every error becomes an answer, every
request passes the guard. Who listens where, and with which settings, is decided above.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from brownout_core import limits
from brownout_core.errors import BrownoutError
from brownout_core.status import INTERNAL, status_of
from brownout_proxy.api import responses
from brownout_proxy.api.guard import Guard, known_hosts
from brownout_proxy.api.http_limits import BUSY, HEARD, SERVER
from brownout_proxy.api.routes import LARGE, PUBLIC, Routes, pieces
from brownout_proxy.server.registry import Registry
from brownout_proxy.server.request_warnings import one_line

_LOG = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ControlRequests = Counter[tuple[str, str, int]]
"""How often a method, a route as it is written in the table, and a status came together."""

_METHODS: Final = frozenset(("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"))
_OTHER: Final = "other"
_LINGER: Final = 5.0
"""Seconds in which a client may finish what it sends in vain."""


def make_app(
    registry: Registry,
    *,
    host: str,
    metrics: Callable[[], AsyncIterable[bytes]],
    token: str | None = None,
    allowed_hosts: Iterable[str] = (),
    requests: ControlRequests | None = None,
) -> web.Application:
    """The application that controls `registry`.

    With a `token`, all routes but /version and /health want it. Without one, Host may name only `host`, which is
    where it will be bound, one of `allowed_hosts`, an IP address, or what nobody can own in the
    public DNS. `metrics` makes the Prometheus text; `requests` counts what was asked, by route, so
    its size is bounded. Raises ValueError for an empty token.
    """
    guard = Guard(token, known_hosts(host, allowed_hosts))
    counter = ControlRequests() if requests is None else requests
    application = web.Application(
        middlewares=[_recording(counter), _answering_errors, _guarding(guard)],
        client_max_size=limits.BODY,
    )
    application[HEARD] = set()
    application[BUSY] = set()
    application[LARGE] = asyncio.Semaphore(limits.LARGE_BODIES)
    application.on_response_prepare.append(_heading(registry.instance))
    application.add_routes(Routes(registry, metrics).table())
    return application


def _recording(counter: ControlRequests) -> Middleware:
    @web.middleware
    async def recording(request: web.Request, handler: Handler) -> web.StreamResponse:
        request.app[HEARD].add(request.protocol)
        request.app[BUSY].add(request.protocol)
        try:
            with one_line():
                answer = await handler(request)
                await _hear_out(request, answer)
        finally:
            request.app[BUSY].discard(request.protocol)
        method = request.method if request.method in _METHODS else _OTHER
        counter[method, _route(request), answer.status] += 1
        return answer

    return recording


async def _hear_out(request: web.Request, answer: web.StreamResponse) -> None:
    """Takes in what is still to come of a body that nobody wants, after its answer: a client that is cut off while it
    sends would not read that."""
    if request.content.at_eof():
        return
    await answer.prepare(request)
    await answer.write_eof()
    left = int(limits.BODY)
    with suppress(TimeoutError, web.RequestPayloadError):
        async with asyncio.timeout(_LINGER):
            async for piece in pieces(request):
                left -= len(piece)
                if left < 0:
                    break


def _heading(instance: str) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def heading(request: web.Request, answer: web.StreamResponse) -> None:
        answer.headers["Server"] = SERVER
        if _is_routed(request):
            answer.headers["X-Toxiproxy-Request-Id"] = secrets.token_hex(10)
            answer.headers["X-Brownout-Instance"] = instance

    return heading


@web.middleware
async def _answering_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BrownoutError as error:
        return responses.failed(status_of(error).http, str(error))
    except web.HTTPException as error:
        if not _is_routed(request):
            return responses.not_routed(error)
        return responses.failed(error.status, error.reason)
    except web.RequestPayloadError as error:
        return responses.failed(400, f"bad request body: {error}")
    except ConnectionError:
        raise  # the client has left, and aiohttp knows what to do
    except Exception:  # a bug of ours: reported as such, and the proxy goes on
        _LOG.exception("%s %s failed", request.method, request.rel_url)
        return responses.failed(INTERNAL.http, "internal error; see the log")


def _guarding(guard: Guard) -> Middleware:
    @web.middleware
    async def guarding(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_routed(request):
            refusal = guard.refusal(request.headers, public=_route(request) in PUBLIC)
            if refusal is not None:
                return responses.refused(refusal)
        return await handler(request)

    return guarding


def _is_routed(request: web.Request) -> bool:
    """Whether some route takes this path with this method."""
    return request.match_info.http_exception is None


def _route(request: web.Request) -> str:
    """The path as the table of routes has it, with the names left open."""
    resource = request.match_info.route.resource
    return _OTHER if resource is None else resource.canonical
