"""The twin of api/patience.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from aiohttp import web

from brownout_proxy.api import routes
from brownout_proxy.api.http import make_app
from brownout_proxy.api.http_limits import BUSY, SERVER, Door, choose, look, make_runner
from brownout_proxy.server.registry import Registry
from tests.support.http_api import some_metrics

_REQUEST = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
_DEADLINE = 10.0

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Script = Callable[[Callable[[], Awaitable[Peer]]], Awaitable[None]]


@asynccontextmanager
async def _port(first_request: float) -> AsyncIterator[int]:
    application = make_app(Registry(seed=1), host="127.0.0.1", metrics=some_metrics)
    runner = make_runner(application, first_request=first_request)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _run(script: Script, first_request: float = 0.02) -> None:
    async def main() -> None:
        async with (
            asyncio.timeout(_DEADLINE),
            _port(first_request) as port,
            AsyncExitStack() as stack,
        ):

            async def connect() -> Peer:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                stack.push_async_callback(_closed, writer)
                return reader, writer

            await script(connect)

    asyncio.run(main())


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def test_a_connection_has_from_one_look_to_the_next_to_make_a_request() -> None:
    overdue, silent = look(set(), {"new", "quick"}, {"quick"})
    assert (overdue, silent) == (set(), {"new"})
    overdue, silent = look(silent, {"new", "newer", "quick"}, {"quick"})
    assert (overdue, silent) == ({"new"}, {"new", "newer"})


def test_a_connection_that_has_left_or_spoken_since_is_not_overdue() -> None:
    assert look({"gone", "spoke"}, {"spoke"}, {"spoke"}) == (set(), set())


@pytest.mark.parametrize("sent", [b"", b"GET /vers", b"GET /version HTTP/1.1\r\nHost: loc"])
def test_who_makes_no_request_is_disconnected(sent: bytes) -> None:
    async def script(connect: Callable[[], Awaitable[Peer]]) -> None:
        reader, writer = await connect()
        writer.write(sent)
        assert await reader.read() == b""

    _run(script)


def test_who_has_made_a_request_may_stay() -> None:
    async def script(connect: Callable[[], Awaitable[Peer]]) -> None:
        reader, writer = await connect()
        writer.write(_REQUEST)
        await reader.readuntil(b"2.12.0")
        # Three silent ones, one after the other, are closed meanwhile: several looks have passed.
        for _ in range(3):
            silent, _writer = await connect()
            assert await silent.read() == b""
        writer.write(_REQUEST)
        await reader.readuntil(b"2.12.0")

    _run(script)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
        b"BREW /proxies HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /version HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"POST /proxies HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        _REQUEST + b"garbage\r\n\r\n",
        b"POST /proxies HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{",
    ],
)  # fmt: skip
def test_garbage_is_answered_and_leaves_no_traceback(garbage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def script(connect: Callable[[], Awaitable[Peer]]) -> None:
        reader, writer = await connect()
        writer.write(garbage)
        assert b" 400 Bad Request" in await reader.read()

    _run(script, first_request=60)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"garbage\r\n\r\n", b"400"),
        (b"POST /proxies HTTP/1.1\r\nHost: localhost\r\nExpect: cake\r\n\r\n", b"417"),
        (b"GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"404"),
    ],
)
def test_every_answer_names_us_and_not_the_library(sent: bytes, status: bytes) -> None:
    async def script(connect: Callable[[], Awaitable[Peer]]) -> None:
        reader, writer = await connect()
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status) or head.startswith(b"HTTP/1.0 " + status)
        assert f"\r\nServer: {SERVER}\r\n".encode() in head
        assert b"aiohttp" not in head

    _run(script, first_request=60)


def test_an_encoded_body_is_not_unpacked() -> None:
    async def script(connect: Callable[[], Awaitable[Peer]]) -> None:
        reader, writer = await connect()
        head = b"POST /proxies HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\n"
        writer.write(head + b"garbage")
        assert b" 415 " in await reader.readuntil(b'"status":415}\n')
        # Unpacking would have failed, and ended the connection.
        writer.write(_REQUEST)
        await reader.readuntil(b"2.12.0")

    _run(script, first_request=60)


def test_a_client_that_leaves_within_its_body_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def script(connect: Callable[[], Awaitable[Peer]]) -> None:
        _, writer = await connect()
        writer.write(b"POST /proxies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.transport.abort()
        reader, writer = await connect()
        writer.write(_REQUEST)
        await reader.readuntil(b"2.12.0")

    _run(script, first_request=60)
    assert not caplog.records


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_BODY_SECONDS", 0.02)

    async def script(connect: Callable[[], Awaitable[Peer]]) -> None:
        reader, writer = await connect()
        writer.write(b"POST /proxies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert b" 408 " in await reader.readuntil(b'"status":408}\n')

    _run(script, first_request=60)


@pytest.mark.parametrize(
    ("known", "busy", "most", "closed"),
    [
        ("abc", "", 3, ""),
        ("abcd", "", 3, "a"),
        ("abcd", "ab", 3, "c"),
        ("abcd", "abcd", 3, "a"),
        ("abcdef", "ab", 2, "cdef"),
    ],
)
def test_beyond_the_limit_the_oldest_idle_connections_go(known: str, busy: str, most: int, closed: str) -> None:
    assert choose(known, set(busy), most) == list(closed)


def test_a_door_keeps_the_number_of_connections_and_the_newest_is_served() -> None:
    async def main() -> None:
        application = make_app(Registry(seed=1), host="127.0.0.1", metrics=some_metrics)
        runner = make_runner(application, first_request=60)
        await runner.setup()
        assert runner.server is not None
        busy: set[web.RequestHandler] = application[BUSY]
        server = await asyncio.get_running_loop().create_server(Door(runner.server, busy, 4), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(_DEADLINE), AsyncExitStack() as stack:
            for _ in range(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                stack.push_async_callback(_closed, writer)
            writer.write(_REQUEST)
            await reader.readuntil(b"2.12.0")
            assert len(runner.server.connections) == 4
        server.close()
        await runner.cleanup()

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/version", "/nothing"])
@pytest.mark.parametrize("value", [b"\xff", b"soon", b"100-continue, \xc3"])
def test_an_expectation_that_cannot_be_met_is_417(value: bytes, path: str, caplog: pytest.LogCaptureFixture) -> None:
    async def script(connect: Callable[[], Awaitable[Peer]]) -> None:
        reader, writer = await connect()
        writer.write(b"GET %s HTTP/1.1\r\nHost: localhost\r\nExpect: %s\r\n\r\n" % (path.encode(), value))
        answer = await reader.readuntil(b"\r\n")
        assert answer.startswith(b"HTTP/1.1 417 ")

    _run(script, first_request=60)
    assert not caplog.records
