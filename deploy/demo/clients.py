"""The client of the demo: calls to PostgreSQL and Redis, each timed, each failure noted. It knows nothing of faults."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CALLERS: Final = 3
"""Clients that work beside each other, each on a connection of its own."""


@dataclass
class Seen:
    """What clients saw in a while: the durations in seconds of calls that succeeded, and the failures by name."""

    durations: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    def quantile(self, share: float) -> float:
        """Nearest rank; NaN without a call that succeeded."""
        ordered = sorted(self.durations)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan

    @property
    def failed(self) -> int:
        return self.failures.total()


class Client(Protocol):
    async def call(self) -> None:
        """One request and its answer. Raises whatever the library raises."""

    async def close(self) -> None: ...


class PostgresClient:
    """Asks for so many bytes on one connection, which is opened anew after a failure."""

    def __init__(self, port: int, *, size: int = 1, patience: float = 10.0) -> None:
        self._port, self._size, self._patience = port, size, patience
        self._connection: asyncpg.Connection | None = None

    async def call(self) -> None:
        try:
            if self._connection is None:
                self._connection = await asyncpg.connect(
                    host="127.0.0.1", port=self._port, user="postgres", timeout=self._patience, ssl=False
                )
            answer = await self._connection.fetchval("select repeat('x', $1)", self._size, timeout=self._patience)
            assert len(answer) == self._size
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


class RedisClient:
    """Reads a key."""

    def __init__(self, port: int, *, patience: float = 1.0) -> None:
        self._redis = Redis(
            host="127.0.0.1", port=port, socket_timeout=patience, socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip

    async def call(self) -> None:
        await self._redis.get("session:1")

    async def close(self) -> None:
        with suppress(OSError):
            await self._redis.aclose()


async def work(clients: list[Client], seconds: float, *, at_least: int = 1) -> Seen:
    """All clients call for so long, and each at least so often."""
    seen = Seen()
    until = time.monotonic() + seconds
    await asyncio.gather(*(_keep_calling(client.call, seen, until, at_least) for client in clients))
    return seen


async def _keep_calling(call: Callable[[], Awaitable[None]], seen: Seen, until: float, at_least: int) -> None:
    calls = 0
    while calls < at_least or time.monotonic() < until:
        calls += 1
        started = time.monotonic()
        try:
            await call()
        except Exception as error:
            seen.failures[type(error).__name__] += 1
            await asyncio.sleep(0.01)  # a client that is refused at once must not spin
        else:
            seen.durations.append(time.monotonic() - started)
