"""payment-service: takes payments and writes them into a ledger, whose versions are what differs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp import web

from deploy.demo.shop import common

TABLE = "create table if not exists payments (key text, at timestamptz default now())"
"""Without a unique key: whoever writes twice charges twice, and the demo looks for that."""
INSERT = "insert into payments (key) select $1 where not exists (select 1 from payments where key = $1)"


class Ledger(Protocol):
    """Where payments are written."""

    @property
    def waiting(self) -> int:
        """Payments that were accepted and are not written yet."""

    async def open(self) -> None: ...

    async def pay(self, key: str) -> bool:
        """True if it is written, False if it is accepted and will be. Raises what the database does."""

    async def close(self) -> None: ...


def make(ledger: Ledger) -> web.Application:
    """The service over a ledger."""

    async def pay(request: web.Request) -> web.Response:
        written = await ledger.pay(request.headers["Idempotency-Key"])
        return web.Response(status=200 if written else 202, text="paid" if written else "pending")

    async def outbox(_: web.Request) -> web.Response:
        return web.json_response({"waiting": ledger.waiting})

    async def opened(_: web.Application) -> AsyncIterator[None]:
        await ledger.open()
        yield
        await ledger.close()

    app = common.make()
    app.cleanup_ctx.append(opened)
    app.add_routes([web.post("/pay", pay), web.get("/outbox", outbox)])
    return app
