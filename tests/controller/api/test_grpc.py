"""The service by its own client, over a real socket; what the supervisor does is in its own tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from brownout_controller.api.grpc import SERVICE, Server
from brownout_controller.api.messages import RUN, show_fault_request, show_run_request
from brownout_controller.engine.resolve import Rights
from brownout_controller.engine.run_request import RunRequest
from brownout_controller.engine.store import JOURNAL
from brownout_controller.v1 import controller_pb2 as pb
from brownout_controller.v1.controller_pb2_grpc import ControllerServiceStub
from tests.support.builders.supervisors import fault_request, run_request, supervising
from tests.support.fakes.backends import SharedBackend
from tests.support.fakes.probes import reset_readings
from tests.support.parsing import count_parses
from tests.support.running import SECONDS

Scenario = Callable[[Any, grpc.aio.Channel], Awaitable[None]]


@pytest.fixture(autouse=True)
def _ground() -> None:
    reset_readings()


@asynccontextmanager
async def serving(
    root: Path, *, token: str | None = None, backend: SharedBackend | None = None, max_watches: int = 256
) -> AsyncIterator[tuple[Any, grpc.aio.Channel]]:
    """A stub of a controller over a backend in memory, and its channel."""
    backend = backend or SharedBackend()

    async with asyncio.timeout(SECONDS), supervising(root, backend, Rights()) as supervisor:
        server = Server(supervisor, token=token, max_watches=max_watches)
        port = server.bind("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield ControllerServiceStub(channel), channel  # type: ignore[no-untyped-call]
        finally:
            await supervisor.shut_down("the end of the test")
            await server.stop(0)
    assert backend.clean


async def refused(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


async def test_a_run_is_planned_started_watched_listed_and_told(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _):
        experiment = show_run_request(run_request())
        plan = await api.Plan(pb.PlanRequest(experiment=experiment, measure=True))
        assert ([target.id for target in plan.targets], plan.readings[0].value) == (["one"], 1.0)
        run = (await api.Run(pb.RunRequest(experiment=experiment))).run
        records = [record async for record in api.Watch(pb.WatchRequest(run=run))]
        assert [record.n for record in records] == list(range(len(records)))
        assert (records[0].kind, records[-1].kind) == ("run", "verdict")
        text = (tmp_path / "runs" / run / JOURNAL).read_text()
        assert "".join(f"{record.json}\n" for record in records) == text
        again = [record async for record in api.Watch(pb.WatchRequest(run=run, after=5))]
        assert again == records[5:]
        told = await api.GetRun(pb.GetRunRequest(run="last"))
        assert (told.run.verdict, told.run.state, told.run.exit) == (pb.VERDICT_PASSED, "judged", 0)
        assert {result.phase for result in told.results} == {"baseline", "during", "recovery"}
        listed = (await api.ListRuns(pb.ListRunsRequest())).runs
        assert [info.run for info in listed] == [run]


async def test_the_text_of_a_client_is_parsed_once_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(tmp_path) as (api, _):
        parses = count_parses(monkeypatch)
        await api.Run(pb.RunRequest(experiment=show_run_request(run_request())))
        assert parses["try.json"] == 1


async def test_a_run_is_stopped_with_its_recovery_or_by_a_signal_without(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _):
        for why, signal, exit_, recovers in (
            ("enough", pb.SIGNAL_UNSPECIFIED, 5, True),
            ("", pb.SIGNAL_INT, 130, False),
        ):
            run = (await api.Run(pb.RunRequest(experiment=show_run_request(run_request(duration="60s"))))).run
            states = []
            async for record in api.Watch(pb.WatchRequest(run=run)):
                states.append(record.json)
                if '"state":"observing"' in record.json:
                    await api.Stop(pb.StopRequest(run=run, why=why, signal=signal))
            assert (await api.GetRun(pb.GetRunRequest(run=run))).run.exit == exit_
            assert any('"state":"recovering"' in state for state in states) is recovers


async def test_what_is_wrong_has_its_code(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _):
        codes = grpc.StatusCode
        bad = show_run_request(RunRequest("name: x\nedge: a -> b\n", "mine.yaml"))
        unknown = show_run_request(RunRequest(run_request().text, "x.json", environment="stagin"))
        cases: list[tuple[Awaitable[Any], grpc.StatusCode, str]] = [
            (api.Run(pb.RunRequest(experiment=bad)), codes.INVALID_ARGUMENT, "mine.yaml:1:1"),
            (api.Plan(pb.PlanRequest(experiment=bad)), codes.INVALID_ARGUMENT, "duration is missing"),
            (api.Run(pb.RunRequest(experiment=unknown)), codes.INVALID_ARGUMENT, "environment 'stagin'"),
            (api.Run(pb.RunRequest()), codes.INVALID_ARGUMENT, "file: "),
            (api.Stop(pb.StopRequest(run="nobody")), codes.NOT_FOUND, "nobody"),
            (api.GetRun(pb.GetRunRequest(run=str(tmp_path))), codes.NOT_FOUND, ""),
            (api.Watch(pb.WatchRequest(run="nobody")).read(), codes.NOT_FOUND, "nobody"),
            (api.StartFaults(pb.StartFaultsRequest()), codes.INVALID_ARGUMENT, "duration: missing"),
            (api.StopFaults(pb.StopFaultsRequest(run="nobody")), codes.NOT_FOUND, "nobody"),
        ]
        for call, code, told in cases:
            error = await refused(call)
            assert (error.code(), told in str(error.details())) == (code, True), error
        assert (await api.ListRuns(pb.ListRunsRequest())).runs == []


async def test_a_stranger_s_command_is_a_refused_run(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _):
        claim = {"name": "shell", "command": f"touch {tmp_path / 'touched'}", "expect": "== 0", "every": "0.1s"}
        experiment = show_run_request(run_request(hypotheses=[claim]))
        plan = await api.Plan(pb.PlanRequest(experiment=experiment, measure=True))
        assert [refusal.net for refusal in plan.refusals] == ["local-powers"]
        run = (await api.Run(pb.RunRequest(experiment=experiment))).run
        assert [record async for record in api.Watch(pb.WatchRequest(run=run))][-1].kind == "verdict"
        told = await api.GetRun(pb.GetRunRequest(run=run))
        assert (told.run.verdict, told.run.exit) == (pb.VERDICT_REFUSED, 4)
        assert "--allow-command" in told.reasons[0]
    assert not (tmp_path / "touched").exists()


async def test_faults_are_started_listed_and_stopped(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _):
        started = await api.StartFaults(show_fault_request(fault_request()))
        assert [target.id for target in started.targets] == ["one", "two", "three"]
        (held,) = (await api.ListFaults(pb.ListFaultsRequest())).faults
        assert (held.run, sorted(held.targets)) == (started.run, ["one", "three", "two"])
        assert 50 < held.left.seconds < 61
        places = (await api.ListTargets(pb.ListTargetsRequest(edge="b -> two"))).places
        assert [(place.proxy, list(place.faults)) for place in places] == [("two", [f"slow.{started.run}"])]
        (info,) = (await api.ListRuns(pb.ListRunsRequest())).runs
        assert (info.ad_hoc, info.state) == (True, "observing")
        stopped = await api.StopFaults(pb.StopFaultsRequest(run=started.run, why="enough"))
        assert (stopped.verdict, list(stopped.reasons)) == (pb.VERDICT_STOPPED, ["enough"])
        assert (await api.ListFaults(pb.ListFaultsRequest())).faults == []


async def test_faults_that_are_not_in_place_are_an_error_that_names_their_run(tmp_path: Path) -> None:
    backend = SharedBackend()
    backend.refuses.add("two")
    async with serving(tmp_path, backend=backend) as (api, _):
        error = await refused(api.StartFaults(show_fault_request(fault_request())))
        assert (error.code(), "two refuses" in str(error.details())) == (grpc.StatusCode.UNAVAILABLE, True)
        assert backend.clean
        run = dict(error.trailing_metadata())[RUN]
        assert (await api.GetRun(pb.GetRunRequest(run=str(run)))).run.verdict == pb.VERDICT_INCONCLUSIVE
        request = show_fault_request(fault_request())
        request.duration.CopyFrom(Duration(seconds=6000))
        error = await refused(api.StartFaults(request))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "over the limit" in str(error.details())


async def test_an_experiment_is_not_ended_as_faults(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _):
        run = (await api.Run(pb.RunRequest(experiment=show_run_request(run_request(duration="60s"))))).run
        error = await refused(api.StopFaults(pb.StopFaultsRequest(run=run)))
        assert "end it with Stop" in str(error.details())


async def test_a_client_that_leaves_a_watch_leaves_the_run_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _):
        run = (await api.Run(pb.RunRequest(experiment=show_run_request(run_request())))).run
        watch = api.Watch(pb.WatchRequest(run=run))
        await watch.read()
        watch.cancel()
        assert [record async for record in api.Watch(pb.WatchRequest(run=run))][-1].kind == "verdict"


async def test_watches_beyond_what_a_controller_takes_are_refused_until_one_ends(tmp_path: Path) -> None:
    async with serving(tmp_path, max_watches=1) as (api, _):
        run = (await api.Run(pb.RunRequest(experiment=show_run_request(run_request(duration="60s"))))).run
        request = pb.WatchRequest(run=run)
        first = api.Watch(request)
        await first.read()
        error = await refused(api.Watch(request).read())
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "1 watches are open" in str(error.details())
        first.cancel()
        read = False
        while not read:  # the server hears of it in its own time; the scenario has a deadline
            with suppress(grpc.aio.AioRpcError):
                read = await api.Watch(request).read() is not None


async def test_health_is_for_all_and_the_rest_for_those_with_the_token(tmp_path: Path) -> None:
    async with serving(tmp_path, token="secret") as (api, channel):
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        for call in (
            api.ListRuns(pb.ListRunsRequest()),
            api.Run(pb.RunRequest(experiment=show_run_request(run_request()))),
            api.Watch(pb.WatchRequest(run="last")).read(),
            api.StartFaults(show_fault_request(fault_request()), metadata=(("authorization", "Bearer wrong"),)),
        ):
            assert (await refused(call)).code() is grpc.StatusCode.UNAUTHENTICATED
        await api.ListRuns(pb.ListRunsRequest(), metadata=(("authorization", "Bearer secret"),))
