"""One exchange with a real server, and what is kept of it."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web

from brownout_controller.probes.response import Room, exchange, make_session
from tests.controller.probes.ground import http_server

_BOMB = gzip.compress(b"x" * 50_000_000, 9)


async def _page(request: web.Request) -> web.StreamResponse:
    if request.path == "/moved":
        raise web.HTTPFound("/page")
    if request.path == "/bomb":
        return web.Response(body=_BOMB, headers={"Content-Encoding": "gzip"})
    return web.Response(text="x" * 3000, headers={"Set-Cookie": f"seen={request.headers.get('Cookie', 'never')}"})


async def test_the_beginning_of_a_body_is_kept_and_the_rest_is_read() -> None:
    async with http_server(_page) as url, make_session({}, decode=True) as session:
        assert await exchange(session, "get", url, None, keep=10) == (200, b"x" * 10)
        assert await exchange(session, "get", url, None, keep=0) == (200, b"")
        assert len((await exchange(session, "get", url, None)).body) == 3000


async def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    async with http_server(_page) as url, make_session({}, decode=True) as session:
        assert (await exchange(session, "get", f"{url}/moved", None)).status == 302
        for _ in range(2):
            assert (await exchange(session, "get", url, None)).status == 200
        assert not len(session.cookie_jar)


async def test_a_compressed_body_of_any_size_takes_no_more_than_what_is_kept() -> None:
    async with http_server(_page) as url:
        async with make_session({}, decode=True) as session:
            assert await exchange(session, "get", f"{url}/bomb", None, keep=1000) == (200, b"x" * 1000)
        async with make_session({}, decode=False) as session:
            assert (await exchange(session, "get", f"{url}/bomb", None, keep=1000)).body == _BOMB[:1000]


async def test_bodies_have_one_room_together_and_give_it_back() -> None:
    room = Room(3500)
    async with http_server(_page) as url, make_session({}, decode=True) as session:
        await exchange(session, "get", url, None, room=room)
        assert room.left == 3500
        room.take(1000)
        with pytest.raises(OSError, match="no room left"):
            await exchange(session, "get", url, None, room=room)
    assert room.left == 2500
