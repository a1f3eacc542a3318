"""A real browser without a window, for tests of pages: what it would load, what it complains about, how it looks.

Driven by the Chrome DevTools Protocol over its WebSocket; `@needs("chromium")` is for the tests that use it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.support.requirements import program

_PATIENCE: Final = 120.0
_FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--remote-debugging-port=0",
)  # fmt: skip
"""The sandbox asks for rights that a container may lack; only our own pages are opened."""


class Tab:
    """A page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.requests: list[str] = []
        """Addresses that it asked for, the page's own included."""
        self.complaints: list[str] = []
        """What its console says, and what its policy refused."""

    async def listen(self) -> None:
        """Until the browser is gone."""
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            else:
                self._hear(told["method"], told["params"])

    def _hear(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(params["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(params["exceptionDetails"]["text"])
            case "Page.loadEventFired":
                self._loaded.set()

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol. Raises AssertionError where the browser refuses it."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(_PATIENCE):
            told = await self._answers[number]
        assert "error" not in told, f"{method}: {told['error']}"
        result: dict[str, Any] = told["result"]
        return result

    async def open(self, page: Path) -> None:
        """Loads a file to its end, with what it asks for and complains about told anew."""
        for domain in ("Network", "Log", "Runtime", "Page"):
            await self.ask(f"{domain}.enable")
        self.requests.clear()
        self.complaints.clear()
        self._loaded.clear()
        await self.ask("Page.navigate", url=page.as_uri())
        async with asyncio.timeout(_PATIENCE):
            await self._loaded.wait()

    async def screen(self, width: int, *, dark: bool = False, media: str = "") -> None:
        """The size of the window, and what the reader prefers; `media` may be print."""
        await self.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.ask("Emulation.setEmulatedMedia", media=media, features=[scheme])

    async def value(self, script: str) -> Any:
        """Of an expression in the page."""
        told = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def picture(self) -> bytes:
        """The whole page as PNG."""
        told = await self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(told["data"])


@asynccontextmanager
async def tab() -> AsyncIterator[Tab]:
    """A page of a browser that is gone after the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program("chromium") or "chromium", *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        nowhere = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*command, stdout=nowhere, stderr=nowhere)
        try:
            async with aiohttp.ClientSession() as session:
                address = await _address(session, Path(profile, "DevToolsActivePort"))
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    found = Tab(socket)
                    listening = asyncio.create_task(found.listen())
                    try:
                        yield found
                    finally:
                        listening.cancel()
                        with contextlib.suppress(asyncio.CancelledError):
                            await listening
        finally:
            process.terminate()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _address(session: aiohttp.ClientSession, port: Path) -> str:
    """Of the first page's WebSocket, once the browser has written down where it listens."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            with contextlib.suppress(OSError, aiohttp.ClientError, StopIteration, IndexError):
                number = port.read_text().split()[0]  # noqa: ASYNC240  a tiny file
                async with session.get(f"http://127.0.0.1:{number}/json/list") as answer:
                    pages = await answer.json(content_type=None)
                return str(next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"))
            await asyncio.sleep(0.05)
