"""HTTP requests that are measured, against a real server on loopback."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from pydantic import ValidationError

from brownout_controller.model.hypothesis import Terms
from brownout_controller.probes.http import HttpProbe
from tests.controller.probes.ground import (
    cancelled_while,
    closed_port,
    complaint,
    http_server,
    measured,
    opened,
    silent,
)


def _http(url: str, **fields: object) -> HttpProbe:
    return HttpProbe.model_validate({"url": url, **fields})


async def _shop(request: web.Request) -> web.StreamResponse:
    if request.path == "/slow":
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await asyncio.sleep(0.3)
        await response.write(b"last")
        return response
    if request.path == "/moved":
        raise web.HTTPFound("/orders")
    if request.path == "/deep":
        return web.Response(text="[" * 100_000)
    if request.path == "/broken":
        return web.Response(status=503, text="no database")
    return web.json_response({"state": "ok", "orders": [{"id": 7, "paid": True}]})


async def test_latency_is_that_of_the_whole_answer() -> None:
    async with http_server(_shop) as url:
        slow = await measured(_http(f"{url}/slow"))
        assert slow.value is not None
        assert 0.3 <= slow.value < 10
        assert slow.events == 1


async def test_a_service_that_hangs_is_slow_and_not_unknown() -> None:
    async with silent() as server:
        url = f"http://127.0.0.1:{server.port}/"
        reading = await measured(_http(url).judged_by(Terms(name="h", expect="< 100ms", timeout=1)))
        assert reading.value is not None
        assert reading.value >= 0.95
        assert "there was no answer" in reading.why  # how long it was waited for depends on the machine
        told = await complaint(_http(url).judged_by(Terms(name="h", expect="< 5s", timeout=1)))
        assert "no answer in time" in told, "an answer after 2 s would have been good"
        ok = _http(url, measure="ok").judged_by(Terms(name="h", expect="== 1", timeout=1))
        assert (await measured(ok)).value == 0


async def test_status_is_that_of_the_first_answer() -> None:
    async with http_server(_shop) as url:
        for path, status in (("/orders", 200), ("/broken", 503), ("/moved", 302)):
            assert (await measured(_http(url + path, measure="status"))).value == status


@pytest.mark.parametrize(
    ("path", "conditions", "wished"),
    [
        ("/orders", {}, 1),
        ("/broken", {}, 0),
        ("/moved", {}, 0),
        ("/moved", {"status": 200}, 0),
        ("/moved", {"status": [200, 302]}, 1),
        ("/broken", {"status": 503}, 1),
        ("/broken", {"status": [200, 503], "body_contains": "no data"}, 1),
        ("/orders", {"body_contains": "no data"}, 0),
        ("/orders", {"json": {"state": "ok", "orders.0.id": 7, "orders.0.paid": True}}, 1),
        ("/orders", {"json": {"orders.0.paid": 1}}, 0),
        ("/orders", {"json": {"orders.1.id": 7}}, 0),
        ("/orders", {"json": {"missing": None}}, 0),
        ("/deep", {"json": {"a": 1}}, 0),
        ("/broken", {"status": 503, "json": {"state": "ok"}}, 0),
        ("/slow", {"within": "50ms"}, 0),
    ],
)
async def test_ok_is_1_when_all_conditions_hold(path: str, conditions: dict[str, object], wished: float) -> None:
    async with http_server(_shop) as url:
        assert (await measured(_http(url + path, measure="ok", **conditions))).value == wished


async def test_a_service_that_is_down_is_not_ok_but_has_no_latency() -> None:
    url = f"http://127.0.0.1:{closed_port()}/"
    assert (await measured(_http(url, measure="ok"))).value == 0
    assert (await complaint(_http(url))).endswith("could not be measured: the connection was refused")


@pytest.mark.parametrize(
    ("status", "wished", "timed"),
    [
        (200, None, True),
        (302, None, True),
        (404, None, True),
        (500, None, False),
        (302, 200, False),
        (302, [302], True),
    ],
)
async def test_only_a_good_answer_has_a_latency(status: int, wished: object, timed: bool) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with http_server(answer) as url:
        probe = _http(url) if wished is None else _http(url, status=wished)
        if timed:
            assert (await measured(probe)).value is not None
        else:
            assert str(status) in await complaint(probe)


async def test_a_service_whose_name_is_unknown_is_no_data_also_for_ok() -> None:
    text = await complaint(_http("http://no-such-host.invalid/", measure="ok"))
    assert text.endswith("its name has no address")


async def test_method_headers_and_body_arrive() -> None:
    async def echo(request: web.Request) -> web.Response:
        seen = {"method": request.method, "shop": request.headers.get("X-Shop"), "type": request.content_type}
        return web.json_response({**seen, "body": await request.text()})

    async with http_server(echo) as url:
        for body, kind, text in (({"a": 1}, "application/json", '{"a": 1}'), ("a=1", "text/plain", "a=1")):
            wished = {"method": "PUT", "shop": "7", "type": kind, "body": text}
            probe = _http(url, method="put", headers={"X-Shop": "7"}, body=body, measure="ok", json=wished)
            assert (await measured(probe)).value == 1


@pytest.mark.parametrize(("fresh", "connections"), [(False, 1), (True, 3)])
async def test_the_connection_is_kept_unless_a_fresh_one_is_wished(fresh: bool, connections: int) -> None:
    peers: set[object] = set()

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response()

    async with http_server(handler) as url, opened(_http(url, fresh=fresh)) as probe:
        for _ in range(3):
            await probe.measure(10)
    assert len(peers) == connections


async def test_a_cancelled_measurement_closes_its_connection() -> None:
    async with silent() as server, opened(_http(f"http://127.0.0.1:{server.port}/")) as probe:
        await cancelled_while(probe.measure(10), lambda: server.heard)


async def test_no_secret_is_told() -> None:
    async with silent(b"hunter22 is no HTTP\r\n\r\n") as server:
        for url in (
            f"http://me:hunter22@127.0.0.1:{server.port}/?token=hunter22",
            f"http://me:hunter22@127.0.0.1:{closed_port()}/",
            "http://me:hunter22@no-such-host.invalid/hunter22",
            "http://me:hunter22@127.0.0.1:70000/",
        ):
            probe = _http(url, headers={"Authorization": "Bearer hunter22"})
            assert "hunter22" not in await complaint(probe)
            assert "hunter22" not in repr(probe)


def test_conditions_without_ok_are_refused() -> None:
    with pytest.raises(ValidationError, match="condition of `measure: ok`"):
        _http("http://shop/", body_contains="x")
    with pytest.raises(ValidationError):
        _http("ftp://shop/")
