"""Numbers from a real Redis."""

from __future__ import annotations

import asyncio
import re
import socket
import struct

import pytest
from pydantic import ValidationError

from brownout_controller.model.probe import ProbeContext, ProbeError, Reading
from brownout_controller.probes.redis import RedisProbe
from tests.controller.probes.ground import (
    SECONDS,
    cancelled_while,
    closed_port,
    complaint,
    measured,
    opened,
    silent,
)


@pytest.fixture
def url(redis_port: int) -> str:
    return f"redis://127.0.0.1:{redis_port}/0"


def _redis(url: str, command: object) -> RedisProbe:
    return RedisProbe.model_validate({"url": url, "command": command})


async def test_numbers_also_as_text_and_status_replies_are_values(url: str) -> None:
    for command, value in (
        ("PING", 1),
        ("SET stock 'not a number'", 1),
        (["SET", "stock", 12.5], 1),
        ("GET stock", 12.5),
        ("EXISTS stock none", 1),
        (["EXPIRE", "none", 5], 0),
        ("ZADD board 2.5 me", 1),
        ("ZSCORE board me", 2.5),
        ("DBSIZE", 2),
        (["EVAL", "return redis.call('dbsize') * 2", 0], 4),
    ):
        assert (await measured(_redis(url, command))).value == value, command


async def test_what_is_not_there_is_no_data(url: str) -> None:
    assert await measured(_redis(url, "GET none")) == Reading(None, "Redis has nothing there", None)
    await measured(_redis(url, "SET odd nan"))
    assert (await measured(_redis(url, "GET odd"))).why == "Redis gave NaN"


async def test_other_answers_are_errors(url: str) -> None:
    await measured(_redis(url, "SET text 'seven apples'"))
    assert "text that is no number" in await complaint(_redis(url, "GET text"))
    assert "answers a list, not a number" in await complaint(_redis(url, "KEYS *"))
    assert "refused: unknown command" in await complaint(_redis(url, "NOSUCHCOMMAND"))


async def test_the_connection_is_kept_and_replaced_when_it_broke(url: str) -> None:
    async with opened(_redis(url, "CLIENT ID")) as probe:
        first, second = await probe.measure(10), await probe.measure(10)
        assert first == second
        await measured(_redis(url, f"CLIENT KILL ID {first.value:.0f}"))
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    if (await probe.measure(10)).value != first.value:
                        break
                except ProbeError:
                    pass


async def test_a_cancelled_command_leaves_no_connection(url: str) -> None:
    async with silent() as server, opened(_redis(f"redis://127.0.0.1:{server.port}", "PING")) as probe:
        await cancelled_while(probe.measure(10), lambda: server.heard)
        assert server.taken == 1
    blocking = _redis(url, "BLPOP none 600")
    async with opened(blocking) as probe:
        async with asyncio.timeout(SECONDS):
            task = asyncio.create_task(probe.measure(10))
            while not await _blocked(url):
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])
            while await _blocked(url):
                await asyncio.sleep(0.01)


async def _blocked(url: str) -> bool:
    """Whether a client waits in a blocking command."""
    script = "return tonumber(string.match(redis.call('INFO', 'clients'), 'blocked_clients:(%d+)'))"
    return bool((await measured(_redis(url, ["EVAL", script, 0]))).value)


async def test_a_server_that_is_away_is_no_data_and_no_secret_is_told(url: str) -> None:
    port = closed_port()
    for bad, told in (
        (f"redis://me:hunter22@127.0.0.1:{port}/0", "could not be asked: the connection was refused"),
        (url.replace("redis://", "redis://me:hunter22@"), "could not be asked"),
        (f"redis://127.0.0.1:{port}/0?password=hunter22", "the connection was refused"),
    ):
        text = await complaint(_redis(bad, "PING"))
        assert told in text
        assert "hunter22" not in text
        assert "hunter22" not in repr(_redis(bad, "PING"))


async def test_a_server_that_hangs_up_is_told() -> None:
    taken = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken += 1
        await reader.read(10)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        text = await complaint(_redis(f"redis://127.0.0.1:{port}", "PING"))
    # What was sent and not read makes an RST of the close.
    assert re.search("could not be asked: the connection was (closed|reset) before the answer was complete$", text)
    assert taken == 1, "a second try would hide the first"


async def test_a_kept_connection_that_was_reset_meanwhile_is_no_bug_of_the_probe() -> None:
    """CPython 3.12 and later write to a lost connection with a TypeError."""

    ended = asyncio.Event()

    async def answer_and_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while b"PING" not in (asked := await reader.read(1000)) and asked:
            writer.write(b"+OK\r\n" * asked.count(b"*"))  # commands by which the client introduces itself
        writer.write(b"+OK\r\n" * (asked.count(b"*") - 1) + b"+PONG\r\n")
        await ended.wait()
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its end is an RST
        writer.transport.abort()

    server = await asyncio.start_server(answer_and_reset, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, opened(_redis(url, "PING")) as probe:
        assert (await probe.measure(10)).value == 1
        ended.set()
        server.close()
        for _ in range(20):  # so that the client's loop hears of it
            await asyncio.sleep(0)
        with pytest.raises(ProbeError, match=r"the connection was (refused|reset|closed)"):
            await probe.measure(10)


def test_a_url_with_a_port_that_is_none_is_told_without_it() -> None:
    with pytest.raises(ProbeError, match="the url is not like"):
        _redis("redis://me:hunter22@127.0.0.1:hunter22/0", "PING").open(ProbeContext())


def test_a_command_is_needed() -> None:
    with pytest.raises(ValidationError):
        RedisProbe.model_validate({"command": ""})
