"""The version that copes: a pool, a timeout, a circuit breaker, and an outbox for what could not be confirmed in time.

A payment that is not written within 0.2 s is accepted as pending and written later, under its key, so that nobody pays
twice. (The outbox is in memory here; a real shop keeps it on a disk.)
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import Protocol

import asyncpg

from deploy.demo.shop.payment import INSERT, TABLE

_PATIENCE = 0.2
_CONNECTIONS = 4
_FAILURES = 5
"""So many in a row open the breaker."""
_OPEN = 1.0
"""Seconds until the breaker lets one try."""
_PAUSE = 0.1


class Pool(Protocol):
    """What executes statements on some connection."""

    async def execute(self, statement: str, key: str) -> None: ...

    async def close(self) -> None: ...


class Breaker:
    """Open after too many failures in a row; then one try at a time tells whether it may close."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0

    @property
    def closed(self) -> bool:
        return self._failures < _FAILURES or time.monotonic() > self._open_until

    def tell(self, *, good: bool) -> None:
        self._failures = 0 if good else self._failures + 1
        if self._failures >= _FAILURES:
            self._open_until = time.monotonic() + _OPEN


class AsyncpgPool:
    """asyncpg's own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def execute(self, statement: str, key: str) -> None:
        await self._pool.execute(statement, key)

    async def close(self) -> None:
        self._pool.terminate()


class Ledger:
    """Writes payments, if need be later."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._breaker = Breaker()
        self._outbox: deque[str] = deque()
        self._late: set[asyncio.Task[bool]] = set()
        """Writes that took too long to wait for: the clients were told `pending`, and they go on."""
        self._pool: Pool
        self._settler: asyncio.Task[None]

    @property
    def waiting(self) -> int:
        return len(self._outbox) + len(self._late)

    async def open(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        await connection.execute(TABLE)
        await connection.close()
        self._pool = await self.make_pool(self._dsn)
        self._settler = asyncio.create_task(self._settle())

    async def make_pool(self, dsn: str) -> Pool:
        return AsyncpgPool(await asyncpg.create_pool(dsn, min_size=_CONNECTIONS, max_size=_CONNECTIONS))

    async def pay(self, key: str) -> bool:
        if not self._breaker.closed:
            self._outbox.append(key)
            return False
        writing = asyncio.create_task(self._write(key))
        # The client does not wait for what is late: it goes on without anybody, and is not cancelled in the middle.
        done, _ = await asyncio.wait({writing}, timeout=_PATIENCE)
        if not done:
            self._late.add(writing)
            writing.add_done_callback(lambda task: self._came(task, key))
        written = bool(done) and writing.result()
        if done and not written:
            self._outbox.append(key)
        self._breaker.tell(good=written)
        return written

    def _came(self, writing: asyncio.Task[bool], key: str) -> None:
        """What was late has come to its end."""
        self._late.discard(writing)
        if writing.cancelled() or not writing.result():
            self._outbox.append(key)

    async def _write(self, key: str) -> bool:
        try:
            await self._pool.execute(INSERT, key)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def _settle(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            # It leaves the outbox when it is written, and not before: until then it may still be lost.
            while self._outbox and self._breaker.closed and await self._write(self._outbox[0]):
                self._outbox.popleft()

    async def close(self) -> None:
        self._settler.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._settler
        await self._pool.close()
