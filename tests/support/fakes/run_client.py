"""A venue whose system breaks at a value: runs are over at once, with a journal as a real one leaves it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from brownout_controller.backends.base import ProxyPlace
from brownout_controller.cli.client.run_client import RunClient
from brownout_controller.engine.dry_run import DryRun
from brownout_controller.engine.journal_tail import Line
from brownout_controller.engine.resolve import ResolvedRun
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.model.journal import LeftOut, encode
from brownout_core.units import MILLISECONDS
from tests.support.builders import journals
from tests.support.builders.journals import Story

Tale = Callable[[], Story]

TEXT = """\
name: pay
edge: shop -> db
fault: {latency: 800ms}
baseline: 2s
duration: 4s
recovery: 3s
traffic: {url: "http://127.0.0.1:1/pay", rate: 20/s}
hypotheses: [{name: p99 stays low, traffic: p99, expect: < 200ms, window: 1s}]
"""


class Proving:
    """Holds below `edge` (in ms). `tales` are the runs at values that go another way, the first time first."""

    def __init__(self, edge: float, tales: Mapping[float, list[Tale]] | None = None) -> None:
        self._edge = edge
        self._tales = tales or {}
        self._stories: list[Story] = []
        self.values: list[float] = []
        self.orders: list[RunRequest] = []
        self.checked = 0

    async def check(self, run: RunRequest | ResolvedRun) -> None:
        self.checked += 1

    async def prepare(self, given: Mapping[str, str] | None = None) -> Sequence[LeftOut]:
        """There are no killed runs here."""
        return ()

    async def start(self, run: RunRequest | ResolvedRun) -> str:
        assert isinstance(run, RunRequest), "a trial is resolved where it runs"
        match = re.search(r"latency: ([^}]*)\}", run.text)
        assert match is not None
        value = MILLISECONDS.parse(match[1])
        self.values.append(value)
        self.orders.append(run)
        tales = self._tales.get(value)
        tale = tales.pop(0) if tales else journals.passed if value < self._edge else journals.refuted
        self._stories.append(tale())
        return f"run-{len(self._stories)}"

    async def watch(self, run: str, after: int = 0) -> AsyncIterator[Line]:
        for entry in self._stories[int(run.removeprefix("run-")) - 1].entries:
            yield Line(entry, encode(entry))

    async def interrupt(self, run: str, signal: str) -> None:
        raise AssertionError("nobody should interrupt it")

    async def plan(self, run: RunRequest | ResolvedRun, *, measure: bool = True) -> DryRun:
        raise AssertionError("nobody should plan it")

    async def start_faults(self, faults: FaultRequest) -> str:
        raise AssertionError("nobody should wish for it")

    async def places(self, environment: str, edge: str = "") -> list[ProxyPlace]:
        raise AssertionError("nobody should ask for it")

    def opened(self) -> Callable[..., Any]:
        """In place of Where.open."""

        @asynccontextmanager
        async def opening(*_: object) -> AsyncIterator[RunClient]:
            yield cast("RunClient", self)

        return opening
