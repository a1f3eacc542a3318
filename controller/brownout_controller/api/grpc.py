"""The gRPC service of a controller: each call is one of the supervisor's, or ends with the code of its error.

Who listens where, and who may call, is decided above.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import grpc

from brownout_controller.api.messages import (
    RUN,
    SIGNALS,
    read_fault_request,
    read_run_request,
    show_dry_run,
    show_held,
    show_judgement,
    show_left_out,
    show_place,
    show_row,
    show_target,
    show_verdict,
)
from brownout_controller.backends.base import Target
from brownout_controller.engine import store
from brownout_controller.engine.history import History, row_as_json
from brownout_controller.engine.run_supervisor import NotInPlaceError, RunSupervisor
from brownout_controller.model.environment import LOCAL
from brownout_controller.model.journal import Plan
from brownout_controller.model.judge import judge
from brownout_controller.report.sentences import recorded
from brownout_controller.v1 import controller_pb2 as pb
from brownout_controller.v1 import controller_pb2_grpc
from brownout_core import rpc
from brownout_core.errors import InvalidSpec, NotFound, Unavailable
from brownout_core.rpc import Context

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ControllerService"].full_name
ALIVE: Final = 5.0
"""Seconds after which a client may ask whether we are still there; gRPC's own 5 minutes are for the idle."""
SHUTDOWN_GRACE: Final = 1.0
"""Seconds in which clients hear the last of their runs."""
_LISTED: Final = 100
MAX_LISTED: Final = 10_000
MAX_WATCHES: Final = 256
"""Each reads the journal for itself, on the loop that the runs are on."""


class ControllerService(controller_pb2_grpc.ControllerServiceServicer):
    """The calls of brownout.controller.v1."""

    def __init__(self, supervisor: RunSupervisor, max_watches: int = MAX_WATCHES) -> None:
        self._supervisor = supervisor
        self._max_watches = max_watches
        self._watches = 0

    async def Plan(self, request: pb.PlanRequest, context: Context) -> pb.PlanResponse:
        async def plan() -> pb.PlanResponse:
            order = read_run_request(request.experiment)
            return show_dry_run(await self._supervisor.plan(order, measure=request.measure))

        return await rpc.answered(context, plan)

    async def Run(self, request: pb.RunRequest, context: Context) -> pb.RunResponse:
        async def run() -> pb.RunResponse:
            return pb.RunResponse(run=await self._supervisor.start(read_run_request(request.experiment)))

        return await rpc.answered(context, run)

    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:
        if self._watches >= self._max_watches:
            why = f"{self._max_watches} watches are open, which is all that one controller takes; wait for one to end"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, why)
        self._watches += 1
        try:
            async for entry, text in self._supervisor.watch(request.run, request.after, wait=not request.no_wait):
                yield pb.WatchResponse(n=entry.n, at=entry.at, kind=entry.record.kind, json=text)
        except NotFound as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        except (Unavailable, InvalidSpec) as error:  # of the journal: to come back would not help
            await context.abort(grpc.StatusCode.ABORTED, str(error))
        finally:
            self._watches -= 1

    async def Stop(self, request: pb.StopRequest, context: Context) -> pb.StopResponse:
        async def stop() -> pb.StopResponse:
            signal = next((name for name, number in SIGNALS.items() if number == request.signal), None)
            if signal is None:
                why = request.why or "somebody stopped it"
                await self._supervisor.stop(request.run, why, at_once=request.at_once)
            else:
                await self._supervisor.interrupt(request.run, signal)
            return pb.StopResponse()

        return await rpc.answered(context, stop)

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        async def list_() -> pb.ListRunsResponse:
            limit = min(request.limit or _LISTED, MAX_LISTED)
            rows, left_out = await self._supervisor.list_runs(limit)
            return pb.ListRunsResponse(runs=map(show_row, rows), left_out=map(show_left_out, left_out[:_LISTED]))

        return await rpc.answered(context, list_)

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        async def get() -> pb.GetRunResponse:
            directory = self._supervisor.find(request.run)
            row = await self._supervisor.row(request.run)
            judgement = await asyncio.to_thread(lambda: judge(store.read(directory)))
            return show_judgement(row, judgement)

        return await rpc.answered(context, get)

    async def History(self, request: pb.HistoryRequest, context: Context) -> AsyncIterator[pb.HistoryResponse]:
        found = History([])

        async def first() -> pb.HistoryResponse:
            nonlocal found
            found = await self._supervisor.history()
            unread = map(show_left_out, found.left_out[:_LISTED])
            return pb.HistoryResponse(left_out=unread, warnings=found.closed_to_us[:_LISTED])

        yield await rpc.answered(context, first)
        for begin in range(0, len(found.runs), _LISTED):
            yield pb.HistoryResponse(runs=map(row_as_json, found.runs[begin : begin + _LISTED]))

    async def ListTargets(self, request: pb.ListTargetsRequest, context: Context) -> pb.ListTargetsResponse:
        async def list_() -> pb.ListTargetsResponse:
            found = await self._supervisor.places(request.environment or LOCAL, request.edge)
            return pb.ListTargetsResponse(places=[show_place(place) for place in found])

        return await rpc.answered(context, list_)

    async def StartFaults(self, request: pb.StartFaultsRequest, context: Context) -> pb.StartFaultsResponse:
        async def start() -> pb.StartFaultsResponse:
            try:
                run = await self._supervisor.start_faults(await asyncio.to_thread(read_fault_request, request))
            except NotInPlaceError as error:
                context.set_trailing_metadata(((RUN, error.run),))
                code = grpc.StatusCode.FAILED_PRECONDITION if error.refused else grpc.StatusCode.UNAVAILABLE
                await context.abort(code, str(error))
            records = [entry.record for entry in store.read(self._supervisor.find(run))]
            plan = next(record for record in records if isinstance(record, Plan))
            targets = [show_target(Target.from_plain(target)) for target in plan.targets]
            return pb.StartFaultsResponse(run=run, targets=targets)

        return await rpc.answered(context, start)

    async def ListFaults(self, request: pb.ListFaultsRequest, context: Context) -> pb.ListFaultsResponse:
        return pb.ListFaultsResponse(faults=[show_held(held) for held in self._supervisor.faults()])

    async def StopFaults(self, request: pb.StopFaultsRequest, context: Context) -> pb.StopFaultsResponse:
        async def stop() -> pb.StopFaultsResponse:
            if store.brief(self._supervisor.find(request.run)).claims:
                raise InvalidSpec("run", f"{request.run} is an experiment; end it with Stop")
            await self._supervisor.stop(request.run, request.why or "somebody stopped it")
            judged = await self._supervisor.ended(request.run)
            return pb.StopFaultsResponse(verdict=show_verdict(judged.verdict), reasons=recorded(judged))

        return await rpc.answered(context, stop)


class Server(rpc.Server):
    """A server of the API, with health and reflection."""

    def __init__(
        self,
        supervisor: RunSupervisor,
        *,
        token: str | None = None,
        tls: rpc.Tls | None = None,
        max_watches: int = MAX_WATCHES,
    ) -> None:
        def add(server: grpc.aio.Server) -> None:
            controller_pb2_grpc.add_ControllerServiceServicer_to_server(  # type: ignore[no-untyped-call]
                ControllerService(supervisor, max_watches), server
            )

        super().__init__(SERVICE, add, token=token, tls=tls, pinged_every=ALIVE)

    async def stop(self, grace: float = SHUTDOWN_GRACE) -> None:
        await super().stop(grace)
