"""auth-service: knows who asks by a session in Redis, and goes on with those that it has seen when Redis is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import redis.asyncio as redis
from aiohttp import web

from deploy.demo.shop import common

_TIMEOUT = 2.5
_REDIS_PATIENCE = 0.1
_REMEMBERED = 60.0
"""Seconds for which a session that was seen is good without Redis."""


class Sessions:
    """Sessions by token. Redis has the last word while it answers."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, decode_responses=True)
        self._seen: dict[str, tuple[str, float]] = {}
        self._away_until = 0.0

    async def user(self, token: str) -> str | None:
        """Who has that token; None for nobody."""
        if time.monotonic() > self._away_until:
            try:
                async with asyncio.timeout(_REDIS_PATIENCE):
                    found = await self._redis.get(f"session:{token}")
            except (redis.RedisError, OSError, TimeoutError):
                self._away_until = time.monotonic() + 1  # not every request has to find out
            else:
                if found is None:
                    self._seen.pop(token, None)
                    return None
                self._seen[token] = str(found), time.monotonic()
                return self._seen[token][0]
        user, seen = self._seen.get(token, (None, 0.0))
        return user if time.monotonic() - seen < _REMEMBERED else None

    async def close(self) -> None:
        await self._redis.aclose()


def make(redis_url: str, payment_url: str) -> web.Application:
    """`payment_url` is where payment-service is."""
    sessions = Sessions(redis_url)

    async def pay(request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if await sessions.user(token) is None:
            return web.Response(status=401, text="no such session")
        return await common.passed_on(request, f"{payment_url}/pay")

    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        await sessions.close()

    app = common.make(_TIMEOUT)
    app.cleanup_ctx.append(closing)
    app.add_routes([web.post("/pay", pay)])
    return app
