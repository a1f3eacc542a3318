"""How long the control port bears with those who do not speak HTTP: aiohttp's runner with limits.

Between requests and within a body others keep the time; what is left to this module are connections
that never get as far as a first request. They would hold a descriptor for ever, which the proxied
connections may need. Garbage is answered and forgotten: what strangers send, or leave unsent, is no
error of ours and gets no traceback. The answer neither names the library nor repeats what was sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Final, TypeVar

from aiohttp import web, web_response, web_urldispatcher
from aiohttp.http import HttpVersion11
from aiohttp.http_exceptions import HttpProcessingError

from brownout_core import __version__, limits

_FIRST_REQUEST_SECONDS: Final = 15.0  # Toxiproxy's reading timeout
_IDLE_SECONDS: Final = 60.0  # Toxiproxy's idle timeout

SERVER: Final = f"brownout/{__version__}"

T = TypeVar("T")

HEARD: Final = web.AppKey("heard", set[web.RequestHandler])
"""The connections that have made a request."""
BUSY: Final = web.AppKey("busy", set[web.RequestHandler])
"""Those of which a request is being answered now."""


class Door:
    """Makes the protocols of new connections, and keeps them to `most`: beyond it the oldest idle ones are closed, so
    that whoever opens connections and sends nothing shuts nobody out. A listener takes it in place of the
    server itself."""

    def __init__(self, server: web.Server, busy: AbstractSet[web.RequestHandler], most: int) -> None:
        self._server = server
        self._busy = busy
        self._most = most
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> web.RequestHandler:
        # After the loop has connected what it accepted in this turn.
        self._loop.call_soon(self._loop.call_soon, self._trim)
        return self._server()

    def _trim(self) -> None:
        for connection in choose(self._server.connections, self._busy, self._most):
            connection.force_close()


def choose(known: Sequence[T], busy: AbstractSet[T], most: int) -> list[T]:
    """Which of the `known` connections, the oldest first, are closed so that `most` stay: idle ones first."""
    ranked = sorted(known, key=lambda connection: connection in busy)
    return ranked[: max(0, len(known) - most)]


def make_runner(application: web.Application, *, first_request: float = _FIRST_REQUEST_SECONDS) -> web.AppRunner:
    """A runner for `application`, not yet set up.

    It closes a connection that made no request for `first_request` seconds (twice that at most) or
    is idle for 60.
    """

    async def watching(application: web.Application) -> AsyncIterator[None]:
        watch = asyncio.create_task(_watch(runner, application[HEARD], first_request))
        yield
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch

    # aiohttp's own answers, to what is no HTTP, never come near the application, which could name the server.
    web_response.SERVER_SOFTWARE = SERVER  # type: ignore[attr-defined]
    # Nor does what stands in the header Expect, which it would repeat, of paths that no route takes too.
    web_urldispatcher._default_expect_handler = expecting
    runner = web.AppRunner(
        application,
        access_log=None,
        auto_decompress=False,
        lingering_time=0,  # the application does it, in turns
        max_line_size=limits.REQUEST_LINE,
        max_field_size=limits.HEADER,
        max_headers=limits.HEADERS,
        keepalive_timeout=_IDLE_SECONDS,
        logger=_wire_log(),
    )
    application.cleanup_ctx.append(watching)
    return runner


async def expecting(request: web.Request) -> None:
    """What aiohttp's own does, for any bytes in the header Expect: RFC 9110, section 10.1.1."""
    if request.version != HttpVersion11:
        return
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="417: of Expect, only 100-continue is understood\n")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # of the answer nothing has been written


async def _watch(runner: web.AppRunner, heard: set[web.RequestHandler], every: float) -> None:
    """Closes the connections that were there at the last look and still have not been heard."""
    silent: set[web.RequestHandler] = set()
    while True:
        await asyncio.sleep(every)
        live = set(runner.server.connections) if runner.server is not None else set()
        overdue, silent = look(silent, live, heard)
        heard &= live
        for connection in overdue:
            connection.force_close()


def look(silent: AbstractSet[T], live: AbstractSet[T], heard: AbstractSet[T]) -> tuple[set[T], set[T]]:
    """Which connections have been silent for too long, and which are silent so far.

    `silent` are those that were so at the last look: nobody is closed for coming just before this.
    """
    now_silent = set(live) - heard
    return now_silent & silent, now_silent


def _wire_log() -> logging.Logger:
    """aiohttp's log without what peers do wrong. Adding a filter again has no effect."""
    log = logging.getLogger("brownout_proxy.api.wire")
    log.addFilter(_is_ours)
    return log


def _is_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (HttpProcessingError, ConnectionError))
