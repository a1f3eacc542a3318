"""api-gateway: gives every request a key by which nobody pays twice, and passes it on."""

from __future__ import annotations

import uuid

from aiohttp import web

from deploy.demo.shop import common

_TIMEOUT = 3.0


def make(auth_url: str) -> web.Application:
    """`auth_url` is where auth-service is."""

    async def pay(request: web.Request) -> web.Response:
        if "Idempotency-Key" not in request.headers:
            request = request.clone(headers={**request.headers, "Idempotency-Key": str(uuid.uuid4())})
        return await common.passed_on(request, f"{auth_url}/pay")

    app = common.make(_TIMEOUT)
    app.add_routes([web.post("/pay", pay)])
    return app
