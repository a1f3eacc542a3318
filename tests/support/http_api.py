"""The HTTP application on a loopback port, with its own runner, asked from plain functions.

The loop turns only while a question is open.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any, NamedTuple

from aiohttp import ClientSession, web
from multidict import CIMultiDictProxy
from yarl import URL

from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec
from brownout_proxy.api.http import ControlRequests, make_app
from brownout_proxy.api.http_limits import make_runner
from brownout_proxy.server.registry import Registry

Json = Any


class Answer(NamedTuple):
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """The status and the text of an error, whose form is checked on the way."""
        assert self.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert self.headers["X-Content-Type-Options"] == "nosniff"
        assert self.body.endswith(b"}\n")
        assert list(self.json) == ["error", "status"]
        assert self.json["status"] == self.status
        return self.status, self.json["error"]


async def some_metrics() -> AsyncIterator[bytes]:
    yield b"some_metric 1\n"


class Api:
    """The application over a registry of its own."""

    def __init__(self, runner: asyncio.Runner, **options: Any) -> None:
        self._runner = runner
        self.requests = ControlRequests()
        runner.run(self._start(options))

    async def _start(self, options: dict[str, Any]) -> None:
        self.registry = Registry(seed=1)
        self.application = make_app(
            self.registry,
            **{
                "host": "127.0.0.1",
                "metrics": some_metrics,
                "requests": self.requests,
                **options,
            },
        )
        self._server = make_runner(self.application)
        await self._server.setup()
        await web.TCPSite(self._server, "127.0.0.1", 0).start()
        self._root = URL.build(scheme="http", host="127.0.0.1", port=self._server.addresses[0][1])
        self._client = ClientSession()

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._runner.run(self._server.cleanup())
        self._runner.run(self.registry.close())

    def ask(self, method: str, path: str, body: Json = None, headers: dict[str, str] | None = None) -> Answer:
        """The answer to one request.

        A body that is not bytes is sent as JSON; the path is sent as it is written.
        """
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        data = None if raw is None else BytesIO(raw)

        async def asked() -> Answer:
            url = self._root.join(URL(path, encoded=True))
            async with self._client.request(method, url, data=data, headers=headers) as answer:
                return Answer(answer.status, answer.headers, await answer.read())

        return self._runner.run(asked())

    def create(self, name: str = "p", **keys: Json) -> Json:
        """A proxy that listens nowhere unless told otherwise."""
        body = {"name": name, "listen": "localhost:0", "upstream": "u:1", "enabled": False, **keys}
        answer = self.ask("POST", "/proxies", body)
        assert answer.status == 201, answer.body
        return answer.json

    def lease(self, proxy: str, fault: str, lease: str) -> None:
        """A latency under a lease, which HTTP cannot add."""

        async def add() -> None:
            spec = FaultSpec(fault, make("latency", {"latency": 5}))
            self.registry.add_leased_fault(proxy, spec, lease)

        self._runner.run(add())
