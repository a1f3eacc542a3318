"""What tests of probes stand on: servers on loopback in the test's own loop, and a watch over what a probe leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from brownout_controller.model.probe import Probe, ProbeContext, ProbeError, ProbeSpec, Reading

SECONDS = 10.0
"""How long a test waits for what should happen at once."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about within {SECONDS:g} s"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def opened(spec: ProbeSpec, context: ProbeContext | None = None) -> AsyncIterator[Probe]:
    probe = spec.open(context or ProbeContext())
    try:
        yield probe
    finally:
        await probe.close()


async def measured(spec: ProbeSpec, context: ProbeContext | None = None, window: float = 10) -> Reading:
    async with opened(spec, context) as probe:
        return await probe.measure(window)


async def complaint(spec: ProbeSpec, context: ProbeContext | None = None) -> str:
    """The text of the ProbeError; all of it, with what a traceback would show."""
    with pytest.raises(ProbeError) as caught:
        await measured(spec, context)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


@asynccontextmanager
async def http_server(handler: Handler) -> AsyncIterator[str]:
    """Answers everything by `handler`; gives the URL without a slash at the end."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Silent:
    """A server that takes connections and says nothing, or one thing; counts those that are open."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.port = self.open = self.taken = 0
        self.heard = b""
        self._greeting = greeting

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.taken += 1
        with suppress(ConnectionError):
            writer.write(self._greeting)
            while data := await reader.read(65536):
                self.heard += data
        self.open -= 1
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def silent(greeting: bytes = b"") -> AsyncIterator[Silent]:
    server = Silent(greeting)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()
        await eventually(lambda: not server.open, "the end of the connections")


async def cancelled_while(measuring: Awaitable[Any], under_way: Callable[[], object]) -> None:
    """Cancels a measurement once `under_way` is true."""
    task = asyncio.ensure_future(measuring)  # noqa: TID251 - it is kept
    await eventually(lambda: under_way() or task.done(), "the measurement")
    assert not task.done(), "it ended by itself"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def closed_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
