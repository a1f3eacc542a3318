"""The client of the demo: calls to PostgreSQL and Redis, each timed, each failure noted. It knows nothing of faults."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import asyncpg
import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CALLERS: Final = 3
"""Clients that work beside each other, each on a connection of its own."""

_WORDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ConnectionResetError, "reset"),
    (ConnectionRefusedError, "refused"),
    (TimeoutError, "no answer"),
    (asyncpg.ConnectionDoesNotExistError, "closed"),
    (redis.ConnectionError, "closed"),
)
"""What a failure is called, by the first of these that is among its causes: libraries wrap what the socket said."""


@dataclass
class Seen:
    """What clients saw in a while: how long calls took, in seconds, those that succeeded and those that did not."""

    durations: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        """Of the calls that succeeded, by nearest rank; NaN without any."""
        ordered = sorted(self.durations)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan

    @property
    def failed(self) -> int:
        return self.failures.total()

    @property
    def calls(self) -> int:
        return len(self.durations) + self.failed


class Client(Protocol):
    async def call(self) -> None:
        """One request and its answer. Raises whatever the library raises."""

    async def close(self) -> None: ...


class PostgresClient:
    """Asks for so many bytes on one connection, which is opened anew after a failure. Patience is in seconds."""

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
            if answer != "x" * self._size:
                raise ValueError(f"{len(answer)} bytes came instead of {self._size}, or other ones")
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


class RedisClient:
    """Writes a key and reads it, without the library's retries, which would hide what happens."""

    def __init__(self, port: int, *, patience: float = 1.0) -> None:
        self._redis = Redis(
            host="127.0.0.1", port=port, socket_timeout=patience, socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip

    async def call(self) -> None:
        try:
            await self._redis.set("session:1", "alice")
            answer = await self._redis.get("session:1")
        except TypeError:  # how asyncio of CPython 3.12 and later writes to a connection that was reset
            raise ConnectionResetError from None
        if answer != b"alice":
            raise ValueError(f"{answer!r} came instead of the session")

    async def close(self) -> None:
        with suppress(OSError, redis.ConnectionError):
            await self._redis.aclose()


async def work(clients: list[Client], seconds: float, *, at_least: int = 1) -> Seen:
    """All clients call for so long, and each at least so often."""
    seen = Seen()
    until = time.monotonic() + seconds
    await asyncio.gather(*(_keep_calling(client, seen, until, at_least) for client in clients))
    return seen


async def _keep_calling(client: Client, seen: Seen, until: float, at_least: int) -> None:
    calls = 0
    while calls < at_least or time.monotonic() < until:
        calls += 1
        started = time.monotonic()
        try:
            await client.call()
        except Exception as error:
            seen.waits.append(time.monotonic() - started)
            seen.failures[word_for(error)] += 1
            await asyncio.sleep(0.01)  # a client that is refused at once must not spin
        else:
            seen.durations.append(time.monotonic() - started)


def word_for(error: BaseException) -> str:
    """What happened, in the words of the network; the name of an error that is none of its."""
    causes = tuple(_causes(error))
    for kind, word in _WORDS:
        if any(isinstance(cause, kind) for cause in causes):
            return word
    return type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
