"""The load against real servers on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest
from aiohttp import web

from brownout_controller.model.answer_conditions import AnswerConditions
from brownout_controller.model.probe import ProbeError
from brownout_controller.probes.load import Load
from brownout_controller.probes.load_stats import Second
from tests.controller.probes.ground import SECONDS, closed_port, eventually, http_server, silent


@asynccontextmanager
async def _running(load: Load) -> AsyncIterator[Load]:
    await load.start()
    try:
        yield load
    finally:
        await load.close()


async def _outcome(url: str, **options: object) -> dict[str, int]:
    """How the first requests that fail do so."""
    found: dict[str, int] = {}
    async with _running(Load(url, 50, **options)) as load:  # type: ignore[arg-type]
        async with asyncio.timeout(SECONDS):
            while not found:
                await asyncio.sleep(0.05)
                for row in load.rows():
                    found |= row.errors
    return found


async def _rows(load: Load, wanted: int) -> list[Second]:
    rows: list[Second] = []
    async with asyncio.timeout(SECONDS):
        while len(rows) < wanted:
            await asyncio.sleep(0.02)
            rows += load.rows()
    return rows


async def test_it_sends_on_schedule_whatever_the_answers_do() -> None:
    async with silent() as server, _running(Load(f"http://127.0.0.1:{server.port}/", 100)) as load:
        await eventually(lambda: server.taken >= 150, "150 requests that nobody answers")
        async with asyncio.timeout(SECONDS):
            while not (rows := load.rows()):
                await asyncio.sleep(0.01)
        assert rows[0].sent <= 101
        assert rows[0].ok == rows[0].failed == 0
        p50 = load.measure("p50", 10).value
        assert p50 is not None
        assert p50 > 0.4, "they wait already"


async def test_a_pause_of_the_server_shows_in_every_request_that_was_due_in_it() -> None:
    """The test for coordinated omission: one answer at a time, and one of them takes 0.6 s."""

    turn, served = asyncio.Lock(), 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal served
        async with turn:
            served += 1
            if served == 10:
                await asyncio.sleep(0.6)
        return web.Response()

    async with http_server(handler) as url, _running(Load(url, 100)) as load:
        await eventually(lambda: served >= 120, "120 answers")
        p50, p90, longest = (load.measure(what, 10).value for what in ("p50", "p90", "max"))
        assert p50 is not None
        assert p90 is not None
        assert longest is not None
        assert longest >= 0.6
        assert p90 > 0.2, "a closed loop would have one slow request among 120"


async def test_good_answers_are_counted_by_second() -> None:
    async def handler(request: web.Request) -> web.Response:
        heard.append((request.method, request.headers.get("X-Shop"), await request.text()))
        return web.Response()

    heard: list[tuple[str, str | None, str]] = []
    async with (
        http_server(handler) as url,
        _running(Load(url, 50, method="POST", headers={"X-Shop": "7"}, body="order")) as load,
    ):
        await eventually(lambda: len(heard) > 110, "two seconds of requests")
        first, second = load.rows()[:2]
        assert (first.second, second.second) == (0, 1)
        assert first.failed == 0
        assert first.p50 is not None
        assert first.max is not None
        assert 0 < first.p50 <= first.max
        assert 0 <= first.late < 5
        assert load.measure("errors", 1).value == 0
        answered = load.measure("rate", 10)
        assert answered.value is not None
        assert answered.events is not None
        assert 80 < answered.events <= len(heard)
    assert set(heard) == {("POST", "7", "order")}


async def test_each_failure_is_counted_as_what_it_is() -> None:
    async def broken(request: web.Request) -> web.Response:
        return web.Response(status=503)

    async def reset(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        request.transport.abort()
        return web.Response()

    async with http_server(broken) as status_url, http_server(reset) as reset_url, silent() as server:
        found = await asyncio.gather(
            _outcome(f"http://127.0.0.1:{closed_port()}/"),
            _outcome(status_url),
            _outcome(reset_url),
            _outcome(f"http://127.0.0.1:{server.port}/", timeout=0.3),
        )
    # What waits for so long that a busy machine holds as many as it may: the next are not sent.
    kinds = [set(errors) - {"unsent"} for errors in found]
    assert kinds == [{"refused"}, {"5xx"}, {"reset"}, {"timeout"}]


async def test_a_reset_of_a_kept_connection_is_not_hidden_by_a_second_try() -> None:
    requests: dict[object, int] = {}

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        peer = request.transport.get_extra_info("peername")
        requests[peer] = requests.get(peer, 0) + 1
        if requests[peer] == 2:
            request.transport.abort()
        return web.Response()

    async with http_server(handler) as url:
        assert set(await _outcome(url)) == {"closed"}


async def test_what_is_beyond_the_bound_is_counted_and_not_sent() -> None:
    async with silent() as server:
        url = f"http://127.0.0.1:{server.port}/"
        assert set(await _outcome(url, in_flight=5, overdue=0.1)) == {"unsent"}
        assert server.taken == 5, "they wait for too long: the service holds up those that were not sent"
        async with _running(Load(url, 100, in_flight=5)) as load:
            rows = await _rows(load, 1)
        assert (rows[0].sent, rows[0].due, rows[0].errors) == (5, 100, {}), "this machine may have no more open"


async def test_a_loop_that_was_blocked_is_told_as_lateness_and_no_request_is_left_out() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    async with http_server(handler) as url, _running(Load(url, 100)) as load:
        await eventually(lambda: load.measure("rate", 10).value, "the first answer")
        asyncio.get_running_loop().call_soon(_block, 0.4)
        rows = await _rows(load, 2)
        assert max(row.late for row in rows) >= 0.3
        assert sum(row.sent for row in rows[:2]) >= 150, "those that were due in the pause are sent after it"


def _block(seconds: float) -> None:
    import time

    time.sleep(seconds)


async def test_a_load_that_does_not_run_measures_nothing() -> None:
    load = Load("http://127.0.0.1:1/", 1)
    with pytest.raises(ProbeError, match="not running"):
        load.measure("p50", 10)
    assert load.rows() == []
    await load.close()
    await load.start()
    await load.close()
    with pytest.raises(ProbeError, match="not running"):
        load.measure("p50", 10)


async def test_closing_gives_up_what_is_under_way() -> None:
    async with silent() as server, _running(Load(f"http://127.0.0.1:{server.port}/", 200)):
        await eventually(lambda: server.open > 20, "requests under way")


async def test_an_answer_that_is_not_as_wished_has_failed() -> None:
    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/error"})

    async def page(request: web.Request) -> web.Response:
        return web.json_response({"state": "sorry"})

    paid = AnswerConditions.model_validate({"json": {"state": "paid"}})
    sorry = AnswerConditions(status=[200, 201], body_contains="sorry")
    async with http_server(moved) as redirect, http_server(page) as url:
        assert set(await _outcome(redirect)) == {"3xx"}
        assert set(await _outcome(url, wished=AnswerConditions(status=204))) == {"2xx"}
        assert set(await _outcome(url, wished=paid)) == {"body"}
        for good, wished in ((redirect, AnswerConditions(status=302)), (url, sorry)):
            async with _running(Load(good, 50, wished=wished)) as load:
                rows = await _rows(load, 1)
            assert rows[0].ok > 0
            assert rows[0].errors == {}


async def test_requests_that_hang_are_unanswered_long_before_their_timeout() -> None:
    asked, over = count(), asyncio.Event()

    async def half(request: web.Request) -> web.Response:
        if next(asked) % 2:
            await over.wait()
        return web.Response()

    async with http_server(half) as url, _running(Load(url, 50, timeout=30, overdue=0.5)) as load:
        rows = await _rows(load, 2)
        errors = load.measure("errors", 10)
        over.set()
    assert rows[1].failed == 0
    assert rows[1].unanswered > 10
    assert errors.value is not None
    assert errors.value > 0.2


async def test_a_body_that_grows_without_end_takes_no_memory_and_ends_with_the_timeout() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(4000):
            await response.write(b"x" * 65536)
        return response

    async with (
        http_server(endless) as url,
        _running(Load(url, 2, timeout=0.2, wished=AnswerConditions(body_contains="y"))) as load,
    ):
        async with asyncio.timeout(SECONDS):
            while not load.rows():
                assert load._room.left >= (64 << 20) - 4 * (1 << 20)
                await asyncio.sleep(0.01)
