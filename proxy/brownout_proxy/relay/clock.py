"""Exact timers for the relay: never early, late by microseconds rather than milliseconds.

uvloop's timers count whole milliseconds and can fire up to 0.9 ms early. On Linux one timerfd per loop, armed for the
earliest timer, gives the kernel's precision; elsewhere the loop's own timer is used and its earliness corrected.
This is the only module that reads a clock on the byte path.
"""

from __future__ import annotations

import asyncio
import ctypes
import heapq
import itertools
import logging
import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

log = logging.getLogger(__name__)

_CROWDED: Final = 256  # timers: fewer are not worth tidying
_FAR: Final = 1e9  # seconds: what is due later is looked at again then, for no system counts to infinity
_TURN: Final = 0.005
"""Seconds of timers after which sockets and the control API get their turn."""


class Timer:
    """A callback at a time in seconds; `cancel` forgets it."""

    __slots__ = ("callback", "due")

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Clock(Protocol):
    """What the relay needs of time; tests give it a virtual one."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def call_at(self, due: float, callback: Callable[[], None]) -> Timer:
        """Calls back at `due` or as soon as possible after it, never before."""


class Alarm(Protocol):
    """What wakes the clock: set for one moment at a time."""

    def set(self, due: float) -> None: ...

    def close(self) -> None: ...


class LoopClock:
    """The clock of an event loop."""

    now = staticmethod(time.monotonic)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._due: deque[Timer] = deque()
        """Whose time has come and whose turn has not."""
        self._order = itertools.count()
        self._crowded = _CROWDED
        self._armed = math.inf
        make = _TimerFd if sys.platform == "linux" else _LoopTimer
        self._alarm: Alarm = make(loop, self._fire)

    @property
    def pending(self) -> int:
        """How many timers wait; for tests that look for leaks."""
        waiting = (*self._due, *(timer for _, _, timer in self._heap))
        return sum(1 for timer in waiting if timer.callback is not None)

    def call_at(self, due: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(due, callback)
        if len(self._heap) >= self._crowded:
            self._forget_cancelled()
        heapq.heappush(self._heap, (due, next(self._order), timer))
        if due < self._armed:
            self._armed = due
            self._alarm.set(due)
        return timer

    def _forget_cancelled(self) -> None:
        """Most timers are cancelled long before their time (dial timeouts): they must not pile up."""
        self._heap = [entry for entry in self._heap if entry[2].callback is not None]
        heapq.heapify(self._heap)
        self._crowded = max(_CROWDED, 2 * len(self._heap))

    def close(self) -> None:
        self._heap.clear()
        self._due.clear()
        self._alarm.close()

    def _fire(self) -> None:
        now = self.now()
        self._armed = -math.inf  # timers set by the callbacks are armed once, below
        # What the callbacks set for now waits behind all that is due already, or the busy would starve the others.
        while self._heap and (self._heap[0][0] <= now or self._heap[0][2].callback is None):
            self._due.append(heapq.heappop(self._heap)[2])
        while self._due:
            timer = self._due.popleft()
            if timer.callback is not None:
                _run(timer.callback)
                if self.now() > now + _TURN:
                    break
        self._armed = now if self._due else self._heap[0][0] if self._heap else math.inf
        if self._armed < math.inf:
            self._alarm.set(self._armed)


def _run(callback: Callable[[], None]) -> None:
    """One timer's bug must not keep the others from firing."""
    try:
        callback()
    except Exception:
        log.exception("a timer failed")


class _TimerFd:
    """timerfd_create(2): absolute times of CLOCK_MONOTONIC, the clock of time.monotonic() on Linux."""

    _ABSOLUTE = 1  # TFD_TIMER_ABSTIME

    def __init__(self, loop: asyncio.AbstractEventLoop, fire: Callable[[], None]) -> None:
        # os.timerfd_create exists from Python 3.13 only.
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._settime = self._libc.timerfd_settime
        self._spec = (ctypes.c_long * 4)()  # struct itimerspec: interval, then value, each seconds and nanoseconds
        self._loop = loop
        self._fire = fire
        loop.add_reader(self._fd, self._on_ready)

    def _on_ready(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # set anew since it fired
            return
        self._fire()

    def set(self, due: float) -> None:
        # Rounded up: a timer may not be early. A value of 0 would disarm, 1 ns fires at once.
        seconds, nanoseconds = divmod(max(1, math.ceil(min(due, _FAR) * 1e9)), 1_000_000_000)
        self._spec[2], self._spec[3] = seconds, nanoseconds
        if self._settime(self._fd, self._ABSOLUTE, self._spec, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)


class _LoopTimer:
    """The loop's own timer, asked again as long as it fires early."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fire: Callable[[], None]) -> None:
        self._loop = loop
        self._fire = fire
        self._handle: asyncio.TimerHandle | None = None

    def set(self, due: float) -> None:
        self.close()
        self._handle = self._loop.call_later(max(0.0, due - time.monotonic()), self._check, due)

    def _check(self, due: float) -> None:
        if time.monotonic() < due:
            self.set(due)
        else:
            self._fire()

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
