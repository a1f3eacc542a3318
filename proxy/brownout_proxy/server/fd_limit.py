"""Keeps the process clear of its limit of open files: listeners pause before accept(2) can fail.

Running into EMFILE would make the loop accept and drop clients; a paused listener lets them wait in the kernel's queue.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from brownout_core import limits
from brownout_proxy.server.listener import AT_ONCE, Listener

log = logging.getLogger(__name__)

_FILES: Final = 64  # standard streams, libraries, look-ups of names
_FEWEST: Final = 8  # connections that a control API always takes
_EACH: Final = 2  # sockets of a connection
_RELIEF: Final = 0.95  # of the capacity: below it listeners go on
_RETRY: Final = 1.0  # seconds until a listener that could not go on tries again
_SLACK: Final = 0.1  # seconds: a timer of the loop may be early
_QUIET: Final = 10.0  # seconds between two lines in the log: at the edge of the capacity each client would make one


def control_connections(limit: int) -> int:
    """How many connections a control API may have where so many files may be open."""
    return min(limits.CONNECTIONS, max(_FEWEST, limit // 16))


class FdLimit:
    """Counts the files of all connections against what the limit of open files allows."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        """`limit` is RLIMIT_NOFILE of the process."""
        self.capacity = max(4 * _EACH, limit - _FILES - _EACH * AT_ONCE)
        self.used = 0
        self.full = False
        self._loop = loop
        self._listeners: set[Listener] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet_until = 0.0
        self._warned = False
        self._out_until = 0.0

    @property
    def allows_pipes(self) -> bool:
        """Whether files are plentiful enough to spend some on speed."""
        return self.used < self.capacity // 4

    def add(self, listener: Listener) -> None:
        self._listeners.add(listener)
        if self.full:
            listener.pause()

    def remove(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def opened(self) -> None:
        """A connection."""
        self.use(_EACH)

    def closed(self) -> None:
        self.use(-_EACH)

    def use(self, files: int) -> None:
        """So many more are in use, or fewer."""
        self.used += files
        if not self.full and self.used >= self.capacity:
            self.full = True
            self._warn()
            # Not at once: the loop is in the middle of accepting.
            self._loop.call_soon(self._pause)
        elif self.full and self.used < self.capacity * _RELIEF and self._loop.time() >= self._out_until:
            self._go_on()

    def ran_out(self) -> None:
        """The system has refused to open a file, though by this count there is room: others have used it up, such as
        libraries or, where the limit is the whole system's, other processes. Clients wait for a moment."""
        self._out_until = self._loop.time() + _RETRY
        if not self.full:
            self.full = True
            self._warn()
            self._loop.call_soon(self._pause)
            self._loop.call_later(_RETRY + _SLACK, self.use, 0)

    def _go_on(self) -> None:
        self.full = False
        if self._warned:
            log.info("files were closed: new clients are served again")
        for listener in self._listeners:
            self._resume(listener)

    def _warn(self) -> None:
        self._warned = self._loop.time() >= self._quiet_until
        if self._warned:
            self._quiet_until = self._loop.time() + _QUIET
            log.warning("%d open files are all that the limit allows: new clients wait (see ulimit -n)", self.used)

    def _pause(self) -> None:
        if self.full:
            for listener in self._listeners:
                listener.pause()

    def _resume(self, listener: Listener) -> None:
        if self.full or listener not in self._listeners:
            return
        task = self._loop.create_task(self._resumed(listener))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resumed(self, listener: Listener) -> None:
        try:
            await listener.resume()
        except OSError as error:
            log.warning("%s does not accept yet: %s", listener.address, error)
            self._loop.call_later(_RETRY, self._resume, listener)
