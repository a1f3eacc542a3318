"""Virtual time passes when nothing runs, and only then."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

pytestmark = pytest.mark.virtual_time


async def test_an_hour_takes_no_time() -> None:
    loop, before = asyncio.get_running_loop(), time.monotonic()
    began = loop.time()
    await asyncio.sleep(3600)
    assert loop.time() - began == pytest.approx(3600)
    assert time.monotonic() - before < 60


async def test_timers_fire_in_their_order_each_at_its_time() -> None:
    loop, fired = asyncio.get_running_loop(), list[tuple[str, float]]()
    began = loop.time()

    async def after(seconds: float, name: str) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, round(loop.time() - began, 6)))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(25):
            await asyncio.gather(after(20, "second"), after(10, "first"), after(30, "third"))
    assert fired == [("first", 10.0), ("second", 20.0)]


async def test_time_stands_still_while_a_thread_works() -> None:
    loop, go = asyncio.get_running_loop(), threading.Event()
    began, ticks = loop.time(), list[float]()

    async def tick() -> None:
        await asyncio.sleep(0.001)
        ticks.append(loop.time())

    def work() -> int:
        go.wait(0.05)  # longer than the tick, on the clock of the machine
        return len(ticks)

    task = asyncio.create_task(tick())
    assert await asyncio.to_thread(work) == 0
    assert loop.time() == began
    await task


async def test_what_comes_from_a_socket_comes_before_time_passes() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(5))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(b"hello")
        async with asyncio.timeout(10):
            assert await reader.read() == b"hello"
        writer.close()
        await writer.wait_closed()
    assert loop.time() == began
