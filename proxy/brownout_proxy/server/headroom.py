"""Keeps the process clear of its limit of open files: listeners pause before accept(2) can fail.

Running into EMFILE would make the loop accept and drop clients; a paused listener lets them wait in the kernel's queue.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from brownout_proxy.server.listener import Listener

log = logging.getLogger(__name__)

_FILES: Final = 64  # standard streams, libraries, the control API and its clients
_EACH: Final = 2  # sockets of a connection
_RELIEF: Final = 0.95  # of the capacity: below it listeners go on


class Headroom:
    """Counts the connections of all proxies against what the limit of open files allows."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        """`limit` is RLIMIT_NOFILE of the process."""
        self.backlog = max(8, min(1024, limit // 16))
        # One turn of the loop may accept a whole backlog before a pause takes effect.
        self.capacity = max(4, (limit - _FILES - _EACH * self.backlog) // _EACH)
        self.open = 0
        self.full = False
        self._loop = loop
        self._listeners: set[Listener] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def allows_pipes(self) -> bool:
        """Whether descriptors are plentiful enough to spend some on speed."""
        return self.open < self.capacity // 4

    async def add(self, listener: Listener) -> None:
        self._listeners.add(listener)
        if self.full:
            listener.pause()

    def remove(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def opened(self) -> None:
        self.open += 1
        if self.open >= self.capacity and not self.full:
            self.full = True
            log.warning(
                "%d connections use up the limit of open files: new clients wait (raise it with ulimit -n)", self.open
            )
            # Not at once: the loop is in the middle of accepting.
            self._loop.call_soon(self._pause)

    def _pause(self) -> None:
        if self.full:
            for listener in self._listeners:
                listener.pause()

    def closed(self) -> None:
        self.open -= 1
        if self.full and self.open < self.capacity * _RELIEF:
            self.full = False
            log.info("connections were closed: new clients are served again")
            for listener in self._listeners:
                task = self._loop.create_task(listener.resume())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
