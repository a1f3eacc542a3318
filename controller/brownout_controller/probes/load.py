"""An open-loop HTTP load: a request each 1/rate seconds, whatever becomes of the ones before.

Latency counts from when a request was due, not from when it was sent: a client that waits for a slow answer before it
asks again leaves out exactly the requests that would have been slow (coordinated omission). What the load itself does
wrong is counted as well: how late it sent, and what it could not send.

A request that waits is answered by nobody yet: from `overdue` seconds on it counts as unanswered, for as long as it
waits. So a service that hangs until the fault ends has failed under the fault, however long `timeout` is.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from itertools import count
from typing import Final, cast

import aiohttp

from brownout_controller import clock
from brownout_controller.model.answer_conditions import KEPT, AnswerConditions
from brownout_controller.model.probe import ProbeError, Reading
from brownout_controller.probes.load_stats import LoadStats, Outcome, Second
from brownout_controller.probes.response import Room, exchange, make_session
from brownout_core.connection_failure import failure_reason

_MOST: Final = 4096
"""Requests under way, by default: each has a connection, and so a descriptor."""
_ROOM: Final = 64 << 20
"""Bytes that the bodies of all answers may take together while conditions look at them."""


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
        wished: AnswerConditions | None = None,
        overdue: float | None = None,
        in_flight: int | None = None,
    ) -> None:
        """`rate` a second. Beyond `in_flight` requests under way the next are not sent: they count as `unsent` where
        the oldest is overdue, as then the service holds them up; else this machine falls short of the rate.

        By default so many may be under way as there can be when none is answered before its `timeout`, up to 4096.
        Times are in seconds; `overdue` is `timeout` by default.
        """
        self._url, self._method, self._body, self._timeout = url, method, body, timeout
        self._headers, self._rate = dict(headers or {}), rate
        self._most = in_flight or min(_MOST, math.ceil(rate * timeout) + 1)
        self._wished = wished or AnswerConditions()
        self._room = Room(_ROOM)
        self._tally = LoadStats(rate, timeout if overdue is None else overdue)
        self._due: dict[asyncio.Task[None], float] = {}
        """The requests under way, and when each was due, in seconds since the beginning."""
        self._session: aiohttp.ClientSession | None = None
        self._sender: asyncio.Task[None] | None = None
        self.began = 0.0
        """On clock.now."""
        self._ended = 0.0
        """Seconds since the beginning."""
        self._given_up: list[float] = []
        """How long each request had waited that was under way then."""

    async def start(self) -> None:
        self._session = make_session(self._headers, decode=self._wished.needs_body, limit=0, again=False)
        self.began = clock.now()
        self._sender = asyncio.create_task(self._send_on_schedule(self._session))

    def measure(self, what: str, window: float) -> Reading:
        """For the traffic probe. Raises ProbeError."""
        if self._sender is None or self._sender.done():
            raise ProbeError("the load is not running")
        return self._tally.measure(what, window, self._now(), self._waits())

    def rows(self) -> list[Second]:
        """The seconds that are over and were not returned before."""
        return list(self._tally.rows(self._now(), self._waits())) if self.began else []

    def last_rows(self) -> list[Second]:
        """Once it is closed: the seconds that were not returned before, with the part of the last one."""
        return list(self._tally.last_rows(self._ended, self._given_up)) if self.began else []

    async def close(self) -> None:
        """Requests under way are given up, which leaves them unanswered."""
        self._ended, self._given_up = self._now(), self._waits()
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
        return clock.now() - self.began

    def _waits(self) -> list[float]:
        now = self._now()
        return [now - due for due in self._due.values()]

    async def _send_on_schedule(self, session: aiohttp.ClientSession) -> None:
        for number in count():
            due = number / self._rate
            if (early := due - self._now()) > 0:
                await asyncio.sleep(early)
            elif number % 64 == 0:
                await asyncio.sleep(0)  # behind schedule, but not alone on the loop
            now = self._now()
            if len(self._due) >= self._most:
                if now - next(iter(self._due.values())) >= self._tally.overdue:
                    self._tally.ended(now, "unsent")
                continue
            self._tally.sent(now, now - due)
            task = asyncio.create_task(self._request(session, due))
            self._due[task] = due
            task.add_done_callback(self._due.pop)

    async def _request(self, session: aiohttp.ClientSession, due: float) -> None:
        outcome: Outcome
        try:
            keep = KEPT if self._wished.needs_body else 0
            async with asyncio.timeout(self._timeout):
                response = await exchange(session, self._method, self._url, self._body, keep=keep, room=self._room)
            outcome = cast(Outcome, self._wished.judged(response.status, response.body))
        except Exception as error:  # whatever it is, a request is never lost
            outcome = failure_reason(error)
        now = self._now()
        self._tally.ended(now, outcome, now - due)
