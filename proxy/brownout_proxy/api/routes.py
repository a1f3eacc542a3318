"""The routes of the HTTP API: each reads a request, calls the registry, and answers with the result.

A handler takes the whole body in before it looks anything up, so that nothing changes between the
look and the deed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Final

from aiohttp import web

from brownout_core import limits
from brownout_core.errors import BrownoutError, InvalidSpec, TooMuch
from brownout_core.status import status_of
from brownout_proxy.api import responses
from brownout_proxy.api.codec import as_object, encode, entries, first_value
from brownout_proxy.api.proxies import (
    Proxies,
    read_proxy,
    read_proxy_change,
    show_proxy,
)
from brownout_proxy.api.toxics import read_toxic, read_toxic_change, show_active
from brownout_proxy.server.leases import Authority
from brownout_proxy.server.proxy import Proxy, ProxySpec
from brownout_proxy.server.registry import Registry
from brownout_proxy.server.time_slice import TimeSlices

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

VERSION: Final = b'{"version": "2.12.0"}\n'
"""The Toxiproxy whose contract this is: some clients choose by it what they send."""
VERSION_PATH: Final = "/version"
HEALTH_PATH: Final = "/health"
PUBLIC: Final = frozenset((VERSION_PATH, HEALTH_PATH))
"""What needs no token."""

LARGE: Final = web.AppKey("large", asyncio.Semaphore)
"""The turns of large bodies."""

_JSON: Final = "application/json"
_PIECE: Final = 1024
_BODY_SECONDS: Final = 15  # Toxiproxy's reading timeout
# A name is one segment of the path, with any characters: a slash as %2F, and braces, which aiohttp
# would leave out.
_PROXY: Final = "/proxies/{proxy:[^/]+}"
_TOXIC: Final = _PROXY + "/toxics/{toxic:[^/]+}"


async def pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it comes, in turns and a little at a time: a body in chunks of one byte takes 25 us for each."""
    turns = TimeSlices()
    while piece := await request.content.read(_PIECE):
        yield piece
        await turns.end()


async def _body(request: web.Request, *, large: bool = False) -> bytes:
    """All of it; `large` ones a few at a time. Raises TooMuch."""
    for value in request.headers.getall("Content-Encoding", ()):
        if value.lower() not in ("", "identity"):
            # Some kilobytes of gzip are gigabytes of body.
            raise web.HTTPUnsupportedMediaType(reason=f"content encoding {value!r} is not supported: send it as it is")
    content = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in pieces(request):
                content += piece
                if len(content) > limits.OBJECT:
                    break
            else:
                return bytes(content)
            if not large:
                raise TooMuch(f"bad request body: at most {limits.OBJECT}")
            async with request.app[LARGE]:
                async for piece in pieces(request):
                    content += piece
                    if len(content) > limits.BODY:
                        raise TooMuch(f"bad request body: at most {limits.BODY}")
                return bytes(content)
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="the request body did not arrive in time") from None


def _wants_status(request: web.Request) -> bool:
    """Whether `?status=true` asks for counters and the last error. Raises InvalidSpec."""
    return _switch(request, "status")


def _switch(request: web.Request, name: str) -> bool:
    value = request.query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise InvalidSpec("", f"{name} must be true or false, not {value[:20]!r}")
    return value == "true"


def _authority(request: web.Request) -> Authority:
    """By `?force=true` whoever asks may change what is under a lease. Raises InvalidSpec."""
    return Authority(force=_switch(request, "force"))


async def _read_proxies(body: bytes) -> list[ProxySpec]:
    """In turns. Raises InvalidSpec, Conflict, TooMuch."""
    read, turns = Proxies(), TimeSlices()
    for entry in entries(body):
        read.add(entry)
        await turns.end()
    specs = []
    for spec in read.specs():
        specs.append(spec)
        await turns.end()
    return specs


class Routes:
    """The handlers over one registry. `metrics` makes the text of GET /metrics."""

    def __init__(self, registry: Registry, metrics: Callable[[], AsyncIterable[bytes]]) -> None:
        self._registry = registry
        self._metrics = metrics

    def table(self) -> Iterator[web.RouteDef]:
        """Every route. A method that a path does not have is the router's to refuse, HEAD too."""
        rows: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/proxies", self.list_proxies),
            ("POST", "/proxies", self.create_proxy),
            ("POST", "/populate", self.populate),
            ("GET", _PROXY, self.show_proxy),
            ("POST", _PROXY, self.update_proxy),
            ("PATCH", _PROXY, self.update_proxy),
            ("DELETE", _PROXY, self.delete_proxy),
            ("GET", _PROXY + "/toxics", self.list_toxics),
            ("POST", _PROXY + "/toxics", self.create_toxic),
            ("GET", _TOXIC, self.show_toxic),
            ("POST", _TOXIC, self.update_toxic),
            ("PATCH", _TOXIC, self.update_toxic),
            ("DELETE", _TOXIC, self.delete_toxic),
            ("POST", "/reset", self.reset),
            ("GET", VERSION_PATH, self.version),
            ("GET", HEALTH_PATH, self.health),
            ("*", "/metrics", self.metrics),
        )
        for method, path, handler in rows:
            options = {"allow_head": False} if method == "GET" else {}
            yield web.route(method, path, handler, **options)

    def _proxy(self, request: web.Request) -> Proxy:
        return self._registry.get(request.match_info["proxy"])

    async def list_proxies(self, request: web.Request) -> web.StreamResponse:
        status = _wants_status(request)
        named = self._encoded(self._registry.proxies(), lambda proxy: encode(proxy.name) + b":", status=status)
        return await responses.streamed(request, responses.listed(b"{", named, b"}"), _JSON)

    async def _encoded(
        self, proxies: Iterable[Proxy], key: Callable[[Proxy], bytes], *, status: bool = False
    ) -> AsyncIterator[bytes]:
        turns = TimeSlices()
        for proxy in proxies:
            await turns.end()
            yield key(proxy) + encode(show_proxy(proxy, status=status))

    async def _populated(self, done: Iterable[Proxy], head: Mapping[str, object]) -> bytes:
        """The answer to a populate, with `head` before the proxies."""
        opening = encode(head)[:-1] + (b"," if head else b"") + b'"proxies":['
        pieces = self._encoded(done, lambda _: b"")
        return b"".join([piece async for piece in responses.listed(opening, pieces, b"]}")])

    async def create_proxy(self, request: web.Request) -> web.Response:
        spec = read_proxy(first_value(await _body(request)))
        return responses.ok(show_proxy(await self._registry.create(spec)), 201)

    async def populate(self, request: web.Request) -> web.Response:
        body = await _body(request, large=True)
        by, done = _authority(request), list[Proxy]()
        status, head = 201, dict[str, object]()
        try:
            await self._registry.populate(await _read_proxies(body), done, by)
        except BrownoutError as error:
            status = status_of(error).http
            head = {"error": str(error), "status": status}
        return web.Response(status=status, body=await self._populated(done, head), content_type="application/json")

    async def show_proxy(self, request: web.Request) -> web.Response:
        return responses.ok(show_proxy(self._proxy(request), status=_wants_status(request)))

    async def update_proxy(self, request: web.Request) -> web.Response:
        body = await _body(request)
        name = self._proxy(request).name
        change = read_proxy_change(first_value(body))
        by = _authority(request)
        return responses.ok(show_proxy(await self._registry.update(name, **change._asdict(), by=by)))

    async def delete_proxy(self, request: web.Request) -> web.Response:
        await self._registry.delete(request.match_info["proxy"], _authority(request))
        return responses.nothing()

    async def list_toxics(self, request: web.Request) -> web.Response:
        faults = self._proxy(request).ordered_faults()
        return responses.ok([show_active(active, status=_wants_status(request)) for active in faults])

    async def create_toxic(self, request: web.Request) -> web.Response:
        body = await _body(request)
        proxy = self._proxy(request)
        taken = {active.spec.name for active in proxy.faults}
        active = proxy.add_fault(read_toxic(as_object(first_value(body)), taken))
        await proxy.settled()
        return responses.ok(show_active(active))

    async def show_toxic(self, request: web.Request) -> web.Response:
        active = self._proxy(request).fault(request.match_info["toxic"])
        return responses.ok(show_active(active, status=_wants_status(request)))

    async def update_toxic(self, request: web.Request) -> web.Response:
        body = await _body(request)
        proxy = self._proxy(request)
        current = proxy.fault(request.match_info["toxic"]).spec
        change = read_toxic_change(as_object(first_value(body)), current)
        active = proxy.update_fault(current.name, **change._asdict(), by=_authority(request))
        await proxy.settled()
        return responses.ok(show_active(active))

    async def delete_toxic(self, request: web.Request) -> web.Response:
        proxy = self._proxy(request)
        proxy.remove_fault(request.match_info["toxic"], _authority(request))
        await proxy.settled()
        return responses.nothing()

    async def reset(self, request: web.Request) -> web.Response:
        await self._registry.reset(_authority(request))
        return responses.nothing()

    async def version(self, request: web.Request) -> web.Response:
        headers = {"Content-Type": "application/json;charset=utf-8"}
        return web.Response(body=VERSION, headers=headers)

    async def health(self, request: web.Request) -> web.Response:
        """For whoever only wants to know whether the process serves."""
        return responses.ok({"status": "ok"})

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        return await responses.streamed(request, self._metrics(), "text/plain; version=0.0.4; charset=utf-8")
