"""A controller somewhere else: what the conductor can do, asked for over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

import grpc

from brownout_controller import clock
from brownout_controller.api.messages import (
    RUN,
    SIGNALS,
    read_dry_run,
    read_left_out,
    read_place,
    read_row,
    show_fault_request,
    show_run_request,
)
from brownout_controller.backends.base import ProxyPlace
from brownout_controller.backends.channel import ANYBODY, Credentials, channel
from brownout_controller.backends.connection import CONTROLLER, UNREACHED, explained
from brownout_controller.engine.dry_run import DryRun
from brownout_controller.engine.history import History, row_of_json
from brownout_controller.engine.journal_tail import Line
from brownout_controller.engine.resolve import ResolvedRun
from brownout_controller.engine.run_list import Row, RunList
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.engine.run_supervisor import NotInPlaceError
from brownout_controller.model.journal import BadRecord, Injected, LeftOut, decode
from brownout_controller.model.run_summary import RunSummary
from brownout_controller.v1 import controller_pb2 as pb
from brownout_controller.v1.controller_pb2_grpc import ControllerServiceStub
from brownout_core import __version__
from brownout_core.errors import BrownoutError, Conflict, InvalidSpec, NotFound, Unavailable
from brownout_core.rpc import OURS

PATIENCE: Final = 30.0
"""Seconds in which a lost controller may come back."""
_CALL: Final = 60.0
"""Seconds that one call may take: a plan measures every hypothesis once."""
_RETRY: Final = 0.25
_ALIVE: Final = 10.0
"""Seconds of silence after which we ask whether the controller is still there, and half as many for its answer."""
_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", int(_ALIVE * 1000)),
    ("grpc.keepalive_timeout_ms", int(_ALIVE * 500)),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", -1),
)
_LOST: Final = frozenset(
    (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)
)
"""What a stream ends with when its server goes."""
_ERRORS: Final = {
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: Conflict,
}


class LostError(Unavailable):
    """The controller could not be reached within the patience of its client: its run has no verdict that we know."""


def _request(run: RunRequest | ResolvedRun) -> RunRequest:
    """What is sent: the controller resolves it anew, with its own environments and rights."""
    request = run.request if isinstance(run, ResolvedRun) else run
    assert isinstance(request, RunRequest), "ad-hoc faults are not started like an experiment"
    return request


class Remote:
    """To be made in the loop that uses it. `notify` is called with what a person should learn of the connection."""

    def __init__(
        self,
        address: str,
        credentials: Credentials = ANYBODY,
        *,
        patience: float = PATIENCE,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.address = address
        self._patience = patience
        self._notify = notify
        self._credentials = credentials
        self._metadata = credentials.metadata
        self._channel = channel(address, credentials, _OPTIONS)
        self._stub: ControllerServiceStub = ControllerServiceStub(self._channel)  # type: ignore[no-untyped-call]

    async def __aenter__(self) -> Remote:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def prepare(self, variables: Mapping[str, str] | None = None) -> Sequence[LeftOut]:
        """Nothing: the controller did it when it started, and has logged what it left out."""
        return ()

    async def check(self, run: RunRequest | ResolvedRun) -> None:
        """Whether the controller understands it. Raises InvalidSpec, Unavailable."""
        await self.plan(run, measure=False)

    async def plan(self, run: RunRequest | ResolvedRun, *, measure: bool = True) -> DryRun:
        """Raises InvalidSpec, Unavailable."""
        request = pb.PlanRequest(experiment=show_run_request(_request(run)), measure=measure)
        return read_dry_run(await self._asked(self._stub.Plan, request))

    async def start(self, run: RunRequest | ResolvedRun) -> str:
        """Raises InvalidSpec, Unavailable."""
        request = pb.RunRequest(experiment=show_run_request(_request(run)))
        answer: pb.RunResponse = await self._asked(self._stub.Run, request)
        return answer.run

    async def start_faults(self, faults: FaultRequest) -> str:
        """Raises InvalidSpec, Unavailable, NotInPlaceError."""
        answer: pb.StartFaultsResponse = await self._asked(self._stub.StartFaults, show_fault_request(faults))
        return answer.run

    async def watch(self, run: str, after: int = 0, *, wait: bool = True) -> AsyncIterator[Line]:
        """The records of a run until its verdict, or without `wait` as far as it is written, however often the
        connection is lost on the way. Raises NotFound, Unavailable, LostError."""
        lost, lease = None, 0.0
        while True:
            try:
                call = self._stub.Watch(
                    pb.WatchRequest(run=run, after=after, no_wait=not wait), metadata=self._metadata
                )
                async for message in call:
                    if lost is not None:
                        self._notify("the controller is back")
                        lost = None
                    after = message.n + 1
                    line = self._line(message.json)
                    if isinstance(line.entry.record, Injected):
                        lease = line.entry.record.lease
                    yield line
                return
            except grpc.aio.AioRpcError as error:
                if error.code() not in _LOST:
                    raise self._failure(error) from None
                if lost is None:
                    lost = clock.now()
                    self._notify(f"the connection to the controller is lost; trying again for {self._patience:g} s")
                elif clock.now() - lost > self._patience:
                    raise LostError(self._farewell(run, lease)) from None
            await asyncio.sleep(_RETRY)

    def _line(self, text: str) -> Line:
        """Raises Unavailable for what this version cannot read."""
        try:
            return Line(decode(text), text)
        except BadRecord as error:
            raise Unavailable(
                f"the controller at {self.address} sent a record that this version ({__version__}) cannot read: {error}"
            ) from None

    def _farewell(self, run: str, lease: float) -> str:
        known = f" of {lease:g} s" if lease else ""
        faults = f"; if it is gone, whatever it had put in place ends with its lease{known}"
        return (
            f"{self.address} has not answered for {self._patience:g} s, so the verdict on run {run} is not known: it "
            f"may still go on there{faults}"
        )

    async def interrupt(self, run: str, signal: str) -> None:
        """Raises NotFound, Conflict, Unavailable."""
        await self._asked(self._stub.Stop, pb.StopRequest(run=run, signal=SIGNALS[signal]))

    async def stop(
        self, run: str, why: str, *, at_once: bool = False, variables: Mapping[str, str] | None = None
    ) -> None:
        """`variables` are not sent: the environments are the controller's. Raises NotFound, Conflict, Unavailable."""
        await self._asked(self._stub.Stop, pb.StopRequest(run=run, why=why, at_once=at_once))

    async def list_runs(self, limit: int = 100) -> RunList:
        """Raises Unavailable."""
        answer: pb.ListRunsResponse = await self._asked(self._stub.ListRuns, pb.ListRunsRequest(limit=limit))
        return RunList(list(map(read_row, answer.runs)), list(map(read_left_out, answer.left_out)))

    async def row(self, run: str) -> Row:
        """Raises NotFound, InvalidSpec for a journal that cannot be read, Unavailable."""
        answer: pb.GetRunResponse = await self._asked(self._stub.GetRun, pb.GetRunRequest(run=run))
        return read_row(answer.run)

    async def history(self) -> History:
        """Raises Unavailable."""
        runs: list[RunSummary] = []
        warnings: list[str] = []
        unread: list[LeftOut] = []
        try:
            async for page in self._stub.History(pb.HistoryRequest(), timeout=_CALL, metadata=self._metadata):
                runs += map(row_of_json, page.runs)
                warnings += page.warnings
                unread += map(read_left_out, page.left_out)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from None
        except ValueError:
            raise Unavailable(
                f"the controller at {self.address} keeps its history as this version ({__version__}) cannot read it; "
                "ask with the version that it has"
            ) from None
        return History(runs, warnings, unread)

    async def places(self, environment: str, edge: str = "") -> list[ProxyPlace]:
        """Raises InvalidSpec, Unavailable."""
        request = pb.ListTargetsRequest(environment=environment, edge=edge)
        answer: pb.ListTargetsResponse = await self._asked(self._stub.ListTargets, request)
        return [read_place(place) for place in answer.places]

    async def _asked(self, method: Any, request: object) -> Any:
        call: Awaitable[Any] = method(request, timeout=_CALL, metadata=self._metadata)
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from None

    def _failure(self, error: grpc.aio.AioRpcError) -> BrownoutError:
        code, details = error.code(), error.details() or "no reason"
        trailing = dict(error.trailing_metadata() or ())
        if RUN in trailing:
            return NotInPlaceError(str(trailing[RUN]), details)
        if code is grpc.StatusCode.INVALID_ARGUMENT:
            return InvalidSpec("", details)
        if code in _ERRORS:
            return _ERRORS[code](details)
        if code is grpc.StatusCode.UNAUTHENTICATED:
            return InvalidSpec("--token-file", f"the controller at {self.address} does not know us: {details}")
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return InvalidSpec(
                "--controller", f"{self.address} is no `brownout controller` (a proxy has its API on 8473)"
            )
        if OURS in trailing:
            return Unavailable(details)
        if code in UNREACHED:
            why = explained(code, details, self._credentials, CONTROLLER)
            return Unavailable(f"the controller at {self.address} {why}")
        return Unavailable(f"the controller at {self.address}: {details}")
