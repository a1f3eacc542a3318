"""An open-loop HTTP load: a request each 1/rate seconds, whatever becomes of the ones before.

Latency counts from when a request was due, not from when it was sent: a client that waits for a slow answer before it
asks again leaves out exactly the requests that would have been slow (coordinated omission). What the load itself does
wrong is counted as well: how late it sent, and what it could not send.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from itertools import count
from typing import Final

import aiohttp

from brownout_controller.model.probe import ProbeError, Reading
from brownout_controller.probes.tally import Outcome, Second, Tally
from brownout_controller.probes.trouble import trouble

_MOST: Final = 4096
"""Requests under way, if nothing else is said: each has a connection, and so a descriptor."""


class Load:
    """Runs from `start` to `close`; answers `measure` for the traffic probe and `rows` for the journal."""

    def __init__(
        self,
        url: str,
        rate: float,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
        timeout: float = 10.0,
        in_flight: int | None = None,
    ) -> None:
        """`rate` a second; beyond `in_flight` requests under way the next are not sent and count as `overload`.

        By default so many may be under way as there can be when none is answered before its `timeout`.
        """
        self._url, self._method, self._body, self._timeout = url, method, body, timeout
        self._headers, self._rate = dict(headers or {}), rate
        self._most = in_flight or min(_MOST, math.ceil(rate * timeout) + 1)
        self._tally = Tally()
        self._due: dict[asyncio.Task[None], float] = {}
        """The requests under way, and when each was due, in seconds since the beginning."""
        self._session: aiohttp.ClientSession | None = None
        self._sender: asyncio.Task[None] | None = None
        self.began = 0.0
        """On time.monotonic, whose digits uvloop's own clock does not have."""

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),  # ours is exact; aiohttp's own rounds up to whole seconds
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
        )
        # aiohttp sends a GET again when a kept connection breaks, and nobody would learn of the reset.
        self._session._retry_connection = False
        self.began = time.monotonic()
        self._sender = asyncio.create_task(self._send_on_schedule(self._session))

    def measure(self, what: str, window: float) -> Reading:
        """For the traffic probe. Raises ProbeError."""
        if self._sender is None or self._sender.done():
            raise ProbeError("the load is not running")
        now = self._now()
        return self._tally.measure(what, window, now, [now - due for due in self._due.values()])

    def rows(self) -> list[Second]:
        """The seconds that are over and were not given before."""
        return list(self._tally.rows(self._now())) if self.began else []

    async def close(self) -> None:
        """Requests under way are given up and counted nowhere."""
        tasks = [task for task in (self._sender, *self._due) if task is not None]
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            if self._session is not None:
                await self._session.close()

    def _now(self) -> float:
        return time.monotonic() - self.began

    async def _send_on_schedule(self, session: aiohttp.ClientSession) -> None:
        for number in count():
            due = number / self._rate
            if (early := due - self._now()) > 0:
                await asyncio.sleep(early)
            elif number % 64 == 0:
                await asyncio.sleep(0)  # behind schedule, but not alone on the loop
            now = self._now()
            if len(self._due) >= self._most:
                self._tally.ended(now, "overload")
                continue
            self._tally.sent(now, now - due)
            task = asyncio.create_task(self._request(session, due))
            self._due[task] = due
            task.add_done_callback(self._due.pop)

    async def _request(self, session: aiohttp.ClientSession, due: float) -> None:
        outcome: Outcome
        try:
            async with (
                asyncio.timeout(self._timeout),
                session.request(self._method, self._url, data=self._body, allow_redirects=False) as response,
            ):
                async for _ in response.content.iter_any():
                    pass
                outcome = "ok" if response.status < 400 else "status"
        except Exception as error:  # whatever it is, a request is never lost
            outcome = trouble(error)
        now = self._now()
        self._tally.ended(now, outcome, now - due)
