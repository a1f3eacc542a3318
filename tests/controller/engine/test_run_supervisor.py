"""Many runs in one loop, over a backend and a probe that do what the test says."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from brownout_controller.engine import run_supervisor as module
from brownout_controller.engine import stop_request
from brownout_controller.engine.journal_tail import Line
from brownout_controller.engine.recovery import Recovered
from brownout_controller.engine.resolve import RequestResolver
from brownout_controller.engine.run_supervisor import NotInPlaceError, RunSupervisor
from brownout_controller.engine.settings_file import SettingsFile
from brownout_controller.engine.store import JOURNAL, Journal, Store, read
from brownout_controller.model.environment import Environment
from brownout_controller.model.journal import KINDS, Entered, Injected, Judged, Reverted, Run, Undo
from brownout_controller.report.sentences import recorded
from brownout_core import limits
from brownout_core.errors import InvalidSpec, NotFound, Unavailable
from brownout_core.verdict import Verdict
from tests.support.builders.runs import hypothesis
from tests.support.builders.supervisors import fault_request, run_request, supervising
from tests.support.fakes.backends import SharedBackend
from tests.support.fakes.journals import FullDisk
from tests.support.fakes.probes import reset_readings

pytestmark = pytest.mark.virtual_time


@pytest.fixture(autouse=True)
def _ground() -> None:
    reset_readings()


@asynccontextmanager
async def playing(
    root: Path, backend: SharedBackend | None = None, disk: Callable[[Path], Journal] = Journal
) -> AsyncIterator[RunSupervisor]:
    backend = backend or SharedBackend()
    async with supervising(root, backend, disk=disk) as supervisor:
        yield supervisor
    assert backend.clean


async def until_state(supervisor: RunSupervisor, run: str, state: str) -> None:
    async for line in supervisor.watch(run):
        if isinstance(line.entry.record, Entered) and line.entry.record.state == state:
            return


async def test_runs_at_once_have_their_own_journals_and_verdicts(tmp_path: Path) -> None:
    backend = SharedBackend()
    async with playing(tmp_path, backend) as supervisor:
        runs = [await supervisor.start(run_request(edge)) for edge in ("a -> one", "b -> two")]
        assert {row.state for row in supervisor.runs().rows} <= {"planned", "baseline"}
        assert [(await supervisor.ended(run)).verdict for run in runs] == ["passed", "passed"]
        assert [row.state for row in supervisor.runs().rows] == ["judged", "judged"]
        assert [row.brief.run_id for row in supervisor.runs(1).rows] == [max(runs)]
    assert backend.closed >= 2


async def test_the_journal_of_a_trial_says_of_which_search_it_is(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        run = await supervisor.start(replace(run_request(), part_of="margin-1"))
        await supervisor.ended(run)
        told = read(supervisor.find(run))[0].record
        assert isinstance(told, Run)
        assert told.part_of == "margin-1"


async def test_a_hung_probe_of_one_run_holds_up_no_other(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        stuck = {"name": "stuck", "stuck": "x", "expect": "< 1", "timeout": "60s", "every": "0.1s"}
        hung = await supervisor.start(run_request("b -> two", hypotheses=[stuck], duration="60s", baseline="60s"))
        run = await supervisor.start(run_request())
        assert (await supervisor.ended(run)).verdict == "passed"
        assert supervisor.state(supervisor.runs().rows[1].brief) in ("baseline", "judged")
        await supervisor.interrupt(hung, "SIGINT")
        assert (await supervisor.ended(hung)).exit == 130


async def test_on_one_target_the_second_run_is_refused(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        first = await supervisor.start(run_request(duration="60s"))
        await until_state(supervisor, first, "observing")
        second = await supervisor.ended(
            await supervisor.start(run_request(nets={"already-faulted": "to meet the lock"}))
        )
        assert (second.verdict, second.exit) == ("refused", 4)
        assert first in recorded(second)[0]
        await supervisor.stop(first, "enough")
        judged = await supervisor.ended(first)
        assert (judged.verdict, recorded(judged)) == ("stopped", ["enough"])


async def test_a_watch_begins_where_it_is_told_and_knows_runs_that_are_over(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        run = await supervisor.start(run_request())
        live = [line async for line in supervisor.watch(run)]
        assert [line.entry.n for line in live] == list(range(len(live)))
        assert isinstance(live[-1].entry.record, Judged)
        text = (tmp_path / "runs" / run / JOURNAL).read_text()
        assert "".join(line.text + "\n" for line in live) == text
        assert [line async for line in supervisor.watch("last", 3)] == live[3:]


async def test_a_run_is_named_by_its_id_and_not_by_a_path(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        run = await supervisor.start(run_request())
        await supervisor.ended(run)
        path = str(tmp_path / "runs" / run)
        with pytest.raises(NotFound):
            await supervisor.stop(path, "x")
        with pytest.raises(NotFound):
            supervisor.find(path)
        with pytest.raises(NotFound):
            await anext(supervisor.watch(path))
        await supervisor.stop(run, "it is over, which is no error")


async def test_a_run_of_another_process_is_watched_and_is_asked_to_end(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        journal = Store(tmp_path / "runs").begin("other")
        journal.write(Undo("u0", {"id": "one"}, "x"))
        await supervisor.stop(journal.run_id, "enough")
        assert stop_request.take(journal.directory) == "enough"
        assert supervisor.runs().rows[0].state == "in another process"
        watch = supervisor.watch(journal.run_id)
        assert (await anext(watch)).entry.record.kind == "undo"
        journal.write(Judged("passed", 0, []))
        assert (await anext(watch)).entry.record.kind == "verdict"
        journal.close()


async def test_ad_hoc_faults_are_in_place_when_the_call_ends_and_go_when_they_are_stopped(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        run = await supervisor.start_faults(fault_request())
        (held,) = supervisor.faults()
        assert (held.run, held.targets, held.faults) == (run, ["one", "two", "three"], ["slow"])
        assert 50 < held.left <= 60
        kinds = [entry.record.kind for entry in read(supervisor.find(run))]
        assert [kind for kind in kinds if kind in ("undo", "injected")] == ["undo", "injected"] * 3
        assert "baseline" not in str(kinds)
        await supervisor.stop(run, "seen enough")
        judged = await supervisor.ended(run)
        assert (judged.verdict, judged.exit) == ("stopped", 5)
        assert supervisor.faults() == []


async def test_ad_hoc_faults_end_by_themselves_and_claim_nothing(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        judged = await supervisor.ended(await supervisor.start_faults(fault_request(duration=0.05)))
        assert (judged.verdict, judged.exit) == (Verdict.DONE, 0)


async def test_when_one_target_refuses_ad_hoc_faults_the_others_are_reverted_before_the_call_ends(
    tmp_path: Path,
) -> None:
    backend = SharedBackend()
    backend.refuses.add("two")

    async with playing(tmp_path, backend) as supervisor:
        with pytest.raises(NotInPlaceError, match="two refuses") as error:
            await supervisor.start_faults(fault_request())
        assert backend.clean
        assert not error.value.refused
        records = [entry.record for entry in read(supervisor.find(error.value.run))]
        assert [record.target for record in records if isinstance(record, Injected)] == ["one"]


async def test_who_leaves_before_faults_are_in_place_leaves_none(tmp_path: Path) -> None:
    backend = Slow()

    async with playing(tmp_path, backend) as supervisor:
        asking = asyncio.create_task(supervisor.start_faults(fault_request()))
        await backend.asked_for.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        backend.goes_on.set()
        assert (await supervisor.ended("last")).verdict == "stopped"
        assert backend.clean


class Slow(SharedBackend):
    """Takes its time with the first target."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_for, self.goes_on = asyncio.Event(), asyncio.Event()

    async def inject(self, target, faults, owner, lease) -> None:  # type: ignore[no-untyped-def]
        self.asked_for.set()
        await self.goes_on.wait()
        await super().inject(target, faults, owner, lease)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"edges": ["a -> one", "b -> nothing"]}, "nothing in environment 'local' carries 'b -> nothing'"),
        ({"duration": 6000.0}, "over the limit of 600 s"),
        ({"environment": "guarded"}, "environment 'guarded' is protected"),
    ],
)
async def test_the_safety_nets_hold_for_ad_hoc_faults(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    backend = SharedBackend()
    async with playing(tmp_path, backend) as supervisor:
        with pytest.raises(NotInPlaceError, match=told) as error:
            await supervisor.start_faults(fault_request(**changes))
        assert error.value.refused
    assert "inject" not in backend.asked


async def test_the_limit_of_targets_is_that_of_all_edges_together(tmp_path: Path) -> None:
    backend = SharedBackend()

    async with supervising(tmp_path, backend, max_targets=2) as supervisor:
        with pytest.raises(NotInPlaceError, match="3 targets would be hit, and the limit is 2"):
            await supervisor.start_faults(fault_request())
    assert "inject" not in backend.asked


async def test_the_end_reverts_everything_and_takes_nothing_on(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        run = await supervisor.start(run_request(duration="60s"))
        await until_state(supervisor, run, "observing")
        faults = await supervisor.start_faults(fault_request(edges=["b -> two"]))
        assert await supervisor.shut_down("SIGTERM") == [Verdict.STOPPED, Verdict.STOPPED]
        assert [(await supervisor.ended(name)).exit for name in (run, faults)] == [143, 143]
        with pytest.raises(Unavailable, match="shutting down"):
            await supervisor.start(run_request())


async def test_what_killed_runs_have_left_is_closed_by_the_first_start(tmp_path: Path) -> None:
    backend = SharedBackend()

    async def first(supervisor: RunSupervisor) -> None:
        run = await supervisor.start(run_request())
        await supervisor.ended(run)
        path = supervisor.find(run) / JOURNAL
        lines = path.read_text().splitlines(keepends=True)
        end = next(n for n, entry in enumerate(read(path.parent)) if isinstance(entry.record, Injected))
        path.write_text("".join(lines[: end + 1]))
        target = (await backend.targets("a -> one"))[0]
        await backend.inject(target, fault_request().faults, run, 600.0)

    async with supervising(tmp_path, backend) as supervisor:
        await first(supervisor)
        killed = supervisor.runs().rows[0].brief.run_id
        assert supervisor.runs().rows[0].state == "cut off"
        assert [line.entry.record.kind async for line in supervisor.watch(killed)][-1] == "injected"
        assert (await supervisor.ended(await supervisor.start(run_request()))).verdict == "refused"  # once only

    async with supervising(tmp_path, backend) as supervisor:
        assert (await supervisor.ended(await supervisor.start(run_request()))).verdict == "passed"
        assert (await supervisor.ended(killed)).verdict == "inconclusive"
    assert backend.clean


async def test_nobody_starts_before_what_killed_runs_have_left_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    async def close(*_: object) -> Recovered:
        happened.append("begun")
        await asyncio.sleep(0.05)
        if len(happened) == 1:
            raise Unavailable("away")
        happened.append("closed")
        return Recovered([], [])

    monkeypatch.setattr(module, "close_unfinished", close)

    async with playing(tmp_path) as supervisor:

        async def start(edge: str) -> str:
            run = await supervisor.start(run_request(edge))
            happened.append("started")
            return run

        with pytest.raises(Unavailable, match="away"):
            await start("a -> one")
        for run in await asyncio.gather(start("a -> one"), start("b -> two")):
            await supervisor.ended(run)
    assert happened == ["begun", "begun", "closed", "started", "started"]


@pytest.mark.parametrize(("full", "told"), [(True, "no space left"), (False, "no such file")], ids=["full", "gone"])
async def test_a_journal_that_is_lost_ends_the_run_with_the_revert_and_who_watches_hears_the_rest(
    tmp_path: Path, full: bool, told: str
) -> None:
    disk = FullDisk()
    async with playing(tmp_path, disk=disk) as supervisor:
        run = await supervisor.start(run_request(duration="60s" if full else "0.3s"))
        watching = asyncio.create_task(_all(supervisor, run))
        await until_state(supervisor, run, "observing")
        if full:
            disk.refused.update(KINDS)
            await supervisor.stop("last", "whatever happens next is a record that the disk does not take")
        else:
            shutil.rmtree(supervisor.find(run))
        lines = await watching
        assert [line.entry.n for line in lines] == list(range(len(lines)))
        judged = lines[-1].entry.record
        assert isinstance(judged, Judged)
        assert (judged.verdict, judged.exit) == ("inconclusive", 3)
        assert told in " ".join(recorded(judged))
        assert any(isinstance(line.entry.record, Reverted) and line.entry.record.verified for line in lines)
        assert await supervisor.ended(run) == judged, "also for who comes later"
        await supervisor.stop(run, "it is over, which is no error")


async def _all(supervisor: RunSupervisor, run: str) -> list[Line]:
    return [line async for line in supervisor.watch(run)]


async def test_a_run_whose_journal_is_taken_away_can_still_be_stopped(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        run = await supervisor.start(run_request(duration="60s"))
        await until_state(supervisor, run, "observing")
        shutil.rmtree(supervisor.find(run))
        await supervisor.interrupt(run, "SIGTERM")
        assert (await supervisor.ended(run)).verdict == "inconclusive"


async def test_what_a_killed_run_left_is_undone_in_the_environment_that_its_journal_names(tmp_path: Path) -> None:
    asked: list[Environment] = []

    journal = Store(tmp_path / "runs").begin("killed")
    there = {"name": "other", "control": ["127.0.0.1:1"], "token": None}
    journal.write(Run(journal.run_id, "1", "2026-01-01T00:00:00+00:00", {"name": "x"}, [], there, 7, "", 0.0))
    journal.close()
    config = tmp_path / "brownout.yaml"
    config.write_text("environments: {other: {control: '127.0.0.1:2', token: '${SECRET}'}}")

    def make(environment: Environment) -> SharedBackend:
        asked.append(environment)
        return SharedBackend()

    told: list[str] = []
    desk = RequestResolver(SettingsFile(config), None, {})
    async with RunSupervisor(desk, Store(tmp_path / "runs"), make=make, notify=told.append) as supervisor:
        await supervisor.prepare({"SECRET": "of the other"})
        await supervisor.prepare({"SECRET": "of the other"})
    assert told == [f"closed {journal.run_id}, which had been cut off: inconclusive ({_NOTHING})"]
    assert [(each.control, each.token) for each in asked] == [(("127.0.0.1:1",), "of the other")]


_NOTHING = "nothing may be concluded from this run"


async def test_there_is_an_end_to_how_many_runs_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RUNS", 1)
    async with playing(tmp_path) as supervisor:
        await supervisor.start(run_request(baseline="60s"))
        with pytest.raises(Unavailable, match="1 are going on"):
            await supervisor.start(run_request("b -> two"))


async def test_a_run_whose_journal_cannot_be_begun_leaves_no_backend_open(tmp_path: Path) -> None:
    backend = SharedBackend()
    async with playing(tmp_path, backend) as supervisor:
        (tmp_path / "runs").write_text("no directory")
        with pytest.raises(Unavailable):
            await supervisor.start(run_request())
    assert backend.closed == 1


async def test_places_are_all_that_there_are_or_those_of_an_edge(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        run = await supervisor.start_faults(fault_request(edges=["b -> two"]))
        places = {place.proxy: place for place in await supervisor.places("local")}
        assert sorted(places) == ["one", "three", "two"]
        assert places["two"].faults == [f"slow.{run}"]
        (place,) = await supervisor.places("local", "b -> two")
        assert (place.proxy, place.edges) == ("two", ["b -> two"])
        with pytest.raises(InvalidSpec, match="environment 'nowhere'"):
            await supervisor.places("nowhere")


async def test_a_plan_touches_nothing_and_a_secret_of_the_name_is_in_no_id(tmp_path: Path) -> None:
    backend = SharedBackend()
    async with playing(tmp_path, backend) as supervisor:
        outlook = await supervisor.plan(run_request())
        assert ([target.id for target in outlook.targets], outlook.readings[0].value) == (["one"], 1.0)
        assert supervisor.runs().rows == []
        run = await supervisor.start(run_request(name="${OURS}", hypotheses=[hypothesis()]))
        await supervisor.ended(run)
        assert "machine" not in run
    assert "inject" in backend.asked


@pytest.mark.parametrize("state", ["baseline", "observing", "recovering"])
async def test_a_request_of_another_process_ends_a_run_without_its_recovery(tmp_path: Path, state: str) -> None:
    backend = SharedBackend()
    async with playing(tmp_path, backend) as supervisor:
        times = {"baseline": "60s"} if state == "baseline" else {"duration": "60s"} if state == "observing" else {}
        run = await supervisor.start(run_request(**{"recovery": "60s", **times}))
        async for line in supervisor.watch(run):
            if getattr(line.entry.record, "state", "") == state:
                stop_request.write(supervisor.find(run), "enough")
                stop_request.write(supervisor.find(run), "enough and more")
        assert (await supervisor.ended(run)).verdict == "stopped"
        assert stop_request.take(supervisor.find(run)) is None
        assert "enough" in (supervisor.find(run) / JOURNAL).read_text()
    assert backend.clean


async def test_a_run_that_was_cut_off_is_closed_by_a_stop(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        journal = Store(tmp_path / "runs").begin("other")
        journal.write(Run(journal.run_id, "1", "2026-01-01T00:00:00+00:00", {}, [], {"name": "local"}, 7, "", 1.0))
        journal.close()
        assert (await supervisor.row(journal.run_id)).state == "cut off"
        await supervisor.stop(journal.run_id, "x", at_once=True)
        row = await supervisor.row("last")
        assert row.brief.verdict is not None
        assert row.brief.verdict.verdict == "inconclusive"
        (journal.directory / JOURNAL).write_text("{}\n{}\n")
        with pytest.raises(InvalidSpec, match="line 1"):
            await supervisor.stop(journal.run_id, "x")
        assert [one.line for one in supervisor.runs().left_out] == [1]
        assert [one.line for one in (await supervisor.history()).left_out] == [1]


async def test_a_journal_is_told_as_far_as_it_is_written(tmp_path: Path) -> None:
    async with playing(tmp_path) as supervisor:
        run = await supervisor.start(run_request(duration="60s"))
        async for line in supervisor.watch(run):
            if getattr(line.entry.record, "state", "") == "observing":
                break
        kinds = [line.entry.record.kind async for line in supervisor.watch(run, wait=False)]
        assert (kinds[0], "verdict" in kinds) == ("run", False)
