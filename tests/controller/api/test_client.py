"""The client has the supervisor's face; and it comes back when the controller does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from brownout_controller.api.client import LostError, Remote
from brownout_controller.api.grpc import Server
from brownout_controller.backends.channel import Credentials
from brownout_controller.engine.resolve import Rights
from brownout_controller.engine.run_request import RunRequest
from brownout_controller.engine.run_supervisor import NotInPlaceError, RunSupervisor
from brownout_controller.model.journal import Entered, Judged
from brownout_core import rpc
from brownout_core.errors import InvalidSpec, NotFound, Unavailable
from tests.support.builders.supervisors import fault_request, run_request, supervising
from tests.support.certificates import Authority
from tests.support.fakes.backends import SharedBackend
from tests.support.fakes.probes import reset_readings
from tests.support.requirements import needs
from tests.support.running import SECONDS


@pytest.fixture(autouse=True)
def _ground() -> None:
    reset_readings()


@asynccontextmanager
async def serving(
    supervisor: RunSupervisor, where: str = "127.0.0.1:0", token: str | None = None, tls: rpc.Tls | None = None
) -> AsyncIterator[str]:
    server = Server(supervisor, token=token, tls=tls)
    port = server.bind(where)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@asynccontextmanager
async def something_else() -> AsyncIterator[str]:
    """A server of something else."""
    server = rpc.Server("some.Service", lambda _: None)
    port = server.bind("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop()


async def test_it_does_what_the_conductor_does(tmp_path: Path) -> None:
    backend = SharedBackend()
    async with (
        asyncio.timeout(SECONDS),
        supervising(tmp_path, backend, Rights()) as here,
        serving(here) as address,
        Remote(address) as there,
    ):
        await there.check(run_request())
        plans = [await venue.plan(run_request()) for venue in (here, there)]
        assert (plans[0].targets, plans[0].readings) == (plans[1].targets, plans[1].readings)
        run = await there.start(run_request())
        lines = [line async for line in there.watch(run)]
        assert lines == [line async for line in here.watch(run)]
        assert isinstance(lines[-1].entry.record, Judged)
        assert [line async for line in there.watch(run, 4)] == lines[4:]
        held = await there.start_faults(fault_request())
        places = [await venue.places("local") for venue in (here, there)]
        assert [place.where for place in places[0]] == [place.where for place in places[1]]
        assert {place.proxy: list(place.faults) for place in places[1]} == {
            name: [f"slow.{held}"] for name in ("one", "two", "three")
        }
        await there.interrupt(held, "SIGINT")
        assert (await here.ended(held)).exit == 130
    assert backend.clean


async def test_errors_are_those_of_the_conductor(tmp_path: Path) -> None:
    backend = SharedBackend()
    backend.refuses.add("two")
    async with asyncio.timeout(SECONDS), supervising(tmp_path, backend, Rights()) as here, serving(here) as address:
        async with Remote(address) as there:
            with pytest.raises(InvalidSpec, match=r"mine\.yaml:1:1"):
                await there.start(RunRequest("name: x", "mine.yaml"))
            with pytest.raises(NotFound, match="nobody"):
                await there.interrupt("nobody", "SIGINT")
            with pytest.raises(NotFound, match="nobody"):
                await anext(there.watch("nobody"))
            with pytest.raises(NotInPlaceError, match="two refuses") as error:
                await there.start_faults(fault_request())
            assert here.find(error.value.run).is_dir()
            await here.shut_down("SIGTERM")
            with pytest.raises(Unavailable, match=r"^the controller is shutting down$"):
                await there.start(run_request())
        async with serving(here, token="secret") as other:
            async with Remote(other, Credentials("wrong")) as stranger:
                with pytest.raises(InvalidSpec, match=r"--token-file: .* does not know us"):
                    await stranger.start(run_request())
            async with Remote(other, Credentials("secret")) as friend:
                await friend.plan(run_request())
    async with something_else() as other, Remote(other) as wrong:
        with pytest.raises(InvalidSpec, match="is no `brownout controller`"):
            await wrong.plan(run_request())
    async with Remote(address) as nobody:
        with pytest.raises(Unavailable, match="does not answer"):
            await nobody.start(run_request())


@needs("openssl")
async def test_ends_that_do_not_agree_on_tls_are_told_what_to_change(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")

    async def told(address: str, credentials: Credentials) -> str:
        async with Remote(address, credentials) as remote:
            with pytest.raises(Unavailable) as error:
                await remote.check(run_request())
            return str(error.value)

    async with asyncio.timeout(SECONDS), supervising(tmp_path, SharedBackend(), Rights()) as here:
        async with serving(here, tls=rpc.Tls(*ours.issue("localhost"))) as address:
            assert "give --tls-ca" in await told(address, Credentials())
            strange = await told(address.replace("127.0.0.1", "localhost"), Credentials(root=theirs.certificate))
            assert "not signed by the authority in --tls-ca" in strange
            assert "is for another name" in await told(address, Credentials(root=ours.certificate))
        async with serving(here) as address:
            plain = await told(address, Credentials(root=ours.certificate))
            assert "it speaks no TLS; leave --tls-ca out" in plain


async def test_a_watch_goes_on_where_it_was_when_the_controller_is_back(tmp_path: Path) -> None:
    told: list[str] = []
    async with asyncio.timeout(SECONDS), supervising(tmp_path, SharedBackend(), Rights()) as here:
        async with serving(here) as address:
            run = await here.start(run_request(duration="60s"))
            remote = Remote(address, notify=told.append)
            watch = remote.watch(run)
            numbers = []
            async for line in watch:
                numbers.append(line.entry.n)
                if isinstance(line.entry.record, Entered) and line.entry.record.state == "observing":
                    break
        async with serving(here, address):
            await here.interrupt(run, "SIGINT")
            numbers += [line.entry.n async for line in watch]
        await remote.__aexit__(None, None, None)
    assert numbers == list(range(len(numbers)))
    assert told == ["the connection to the controller is lost; trying again for 30 s", "the controller is back"]


async def test_a_controller_that_does_not_come_back_is_given_up_and_the_lease_is_named(tmp_path: Path) -> None:
    async with asyncio.timeout(SECONDS), supervising(tmp_path, SharedBackend(), Rights()) as here:
        async with serving(here) as address:
            run = await here.start(run_request(duration="60s"))
            remote = Remote(address, patience=0.5)
            watch = remote.watch(run)
            async for line in watch:
                if isinstance(line.entry.record, Entered) and line.entry.record.state == "observing":
                    break
        with pytest.raises(LostError, match="ends with its lease of 1 s"):
            async for _ in watch:
                pass
        await remote.__aexit__(None, None, None)


async def test_a_controller_that_was_never_there_is_given_up_too() -> None:
    async with Remote("127.0.0.1:1", patience=0.1) as remote:
        with pytest.raises(LostError, match=r"the verdict on run r is not known.* ends with its lease$"):
            await anext(remote.watch("r"))


async def test_it_lists_ends_and_tells_the_runs_of_a_controller(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(SECONDS),
        supervising(tmp_path, SharedBackend(), Rights()) as here,
        serving(here) as address,
        Remote(address) as there,
    ):
        run = await there.start(run_request(duration="60s", recovery="60s"))
        async for line in there.watch(run):
            if isinstance(line.entry.record, Entered) and line.entry.record.state == "observing":
                break
        so_far = [line.entry.record.kind async for line in there.watch(run, wait=False)]
        assert (so_far[0], "verdict" in so_far) == ("run", False)
        (row,) = (await there.list_runs()).rows
        assert (row.brief.run_id, row.phase, row.is_over, list(row.targets)) == (run, "observing", False, ["one"])
        assert row.left is not None
        await there.stop(run, "enough", at_once=True)
        assert [line.entry.record async for line in there.watch(run)][-1] == await here.ended(run)
        row = await there.row("last")
        assert row.brief.verdict is not None
        assert (row.brief.verdict.verdict, row.brief.verdict.exit) == ("stopped", 5)
        (tmp_path / "runs" / "broken").mkdir()
        (tmp_path / "runs" / "broken" / "journal.jsonl").write_text("{}\n{}\n")
        there_past, here_past = await there.history(), await here.history()
        assert list(there_past.runs) == list(here_past.runs)
        assert [past.verdict for past in there_past.runs] == ["stopped"]
        assert [one.line for one in there_past.left_out] == [1]
        assert [one.line for one in (await there.list_runs()).left_out] == [1]
        with pytest.raises(NotFound, match="there is no run"):
            await there.row("nobody")
