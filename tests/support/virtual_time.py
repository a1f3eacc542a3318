"""An event loop on virtual time: a test that waits for an hour takes a millisecond, and the same one each time.

Mark a test with `virtual_time` (tests/conftest.py) to run it there. Engine, probes and backends read the loop's time
(brownout_controller.clock), and so does everything in asyncio. For tests without servers of other processes and without
gRPC, whose threads the loop does not see.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

_START: Final = 1000.0
"""Not 0, as no machine has been up for so little; nothing may depend on it."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything can run, in this loop or in a thread of `asyncio.to_thread`, and jumps to the
    next timer when nothing can."""

    def __init__(self) -> None:
        self._now = _START
        self._threads = 0
        super().__init__(_Selector(self._pass))

    def time(self) -> float:
        return self._now

    def _pass(self, seconds: float) -> bool:
        """Whether time may go on; it does then."""
        if self._threads:
            return False
        self._now += seconds
        return True

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        self._threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: object) -> None:
        self._threads -= 1


def run_virtually(coroutine: Coroutine[Any, Any, T]) -> T:
    """For a test that is not async, as one of a command that runs a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


class _Selector(selectors.DefaultSelector):
    """Waits for nobody where the time that it would wait can pass at once."""

    def __init__(self, pass_time: Callable[[float], bool]) -> None:
        super().__init__()
        self._pass_time = pass_time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is not None and self._pass_time(timeout):
            return []
        return super().select(None)  # a thread wakes the loop, or a socket
