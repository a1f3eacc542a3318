"""Tasks that go on beside a run, and that nothing may wait for when it is over: a probe can ignore its cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from brownout_controller.model.journal import Failure, Record

STOP_TIMEOUT: Final = 5.0
"""Seconds that probes, the load and renewals may take to end."""


class BackgroundTasks:
    """To be started and ended in one loop."""

    def __init__(self, write: Callable[[Record], object], timeout: float = STOP_TIMEOUT) -> None:
        self._write = write
        self._timeout = timeout
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[Any, Any, None], name: str = "") -> None:
        self._tasks.append(asyncio.create_task(work, name=name or None))

    def cancel(self) -> None:
        """Without waiting for their end."""
        for task in self._tasks:
            task.cancel()

    async def end(self, *, cancel: bool = True) -> None:
        """What failed, and what does not end in time, is written down; the latter is left behind."""
        if cancel:
            self.cancel()
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        ended, stuck = await asyncio.wait(tasks, timeout=self._timeout)
        for task in ended:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._write(Failure("runner", f"{type(error).__name__}: {error}"))
        for task in stuck:
            task.cancel()
            self._write(Failure("probe", f"{task.get_name()} did not end within {self._timeout:g} s"))
