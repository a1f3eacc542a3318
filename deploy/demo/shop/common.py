"""What the three services have in common: `/metrics`, `/healthz`, and a client with a timeout."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CLIENT = web.AppKey("client", aiohttp.ClientSession)


def make(timeout: float | None = None) -> web.Application:
    """An application that measures itself; with a `timeout` in seconds it has a client for the next service."""
    registry = CollectorRegistry()
    seconds = Histogram(
        "http_request_duration_seconds", "Time to answer.", ["path"], buckets=_BUCKETS, registry=registry
    )
    requests = Counter("http_requests", "Requests answered.", ["path", "code"], registry=registry)

    @web.middleware
    async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, code = time.perf_counter(), 500
        try:
            answer = await handler(request)
            code = answer.status
            return answer
        finally:
            seconds.labels(request.path).observe(time.perf_counter() - began)
            requests.labels(request.path, str(code)).inc()

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def client(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as session:
            app[CLIENT] = session
            yield

    app = web.Application(middlewares=[measured])
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz)])
    if timeout is not None:
        app.cleanup_ctx.append(client)
    return app


async def passed_on(request: web.Request, url: str) -> web.Response:
    """The answer of the next service, or 504 and 502 when there is none."""
    headers = {name: request.headers[name] for name in ("Authorization", "Idempotency-Key") if name in request.headers}
    try:
        async with request.app[CLIENT].post(url, data=await request.read(), headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read())
    except TimeoutError:
        return web.Response(status=504, text="no answer in time")
    except aiohttp.ClientError as error:
        return web.Response(status=502, text=str(error))


def serve(app: web.Application, port: int) -> None:
    """Until SIGINT or SIGTERM."""
    web.run_app(app, host="127.0.0.1", port=port, print=None, shutdown_timeout=0.1)
