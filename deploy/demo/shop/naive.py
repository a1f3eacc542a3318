"""The first version: one connection, and the belief that the database answers.

Everybody stands in one line for it. When a query takes a second, the shop takes one payment a second.
"""

from __future__ import annotations

import asyncio

import asyncpg

from deploy.demo.shop.payment import INSERT, TABLE


class Ledger:
    """Writes one payment after the other."""

    waiting = 0

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None

    async def open(self) -> None:
        self._connection = await asyncpg.connect(self._dsn)
        await self._connection.execute(TABLE)

    async def pay(self, key: str) -> bool:
        assert self._connection is not None, "not open"
        async with self._turn:
            await self._connection.execute(INSERT, key)
        return True

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
