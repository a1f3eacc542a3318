"""Runs from beginning to end, with a backend and a probe that do what the test says: whatever happens, the revert."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from brownout_controller.backends.base import BackendError, Counts, Target
from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.engine import locks, store
from brownout_controller.engine import runner as module
from brownout_controller.model.environment import Environment, Limits
from brownout_controller.model.journal import (
    Counted,
    Entered,
    Failure,
    Injected,
    Judged,
    Plan,
    Record,
    Refusal,
    Reverted,
    Run,
    Sample,
    Stop,
    Undo,
)
from brownout_controller.model.judge import Judgement
from brownout_controller.model.lifecycle import MOVES
from brownout_controller.model.probe import ProbeError, Reading
from brownout_controller.model.secrets import Masker
from brownout_controller.report.sentences import sentence
from brownout_core.errors import Conflict, Unavailable
from brownout_core.faults.spec import FaultSpec
from brownout_core.verdict import Verdict
from tests.support.builders.runs import ExperimentRun, experiment, hypothesis
from tests.support.fakes.backends import EDGE, FailingBackend
from tests.support.fakes.journals import FullDisk
from tests.support.fakes.probes import READINGS

pytestmark = pytest.mark.virtual_time


def said(judgement: Judgement) -> tuple[str, ...]:
    return tuple(map(sentence, judgement.reasons))


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """The probe reads 1 again."""
    READINGS.clear()
    yield
    READINGS.clear()


def told(play: ExperimentRun, kind: type[Record]) -> list[Record]:
    return [entry.record for entry in play.entries if isinstance(entry.record, kind)]


def during_the_fault(backend: FailingBackend, good: float, bad: float) -> None:
    READINGS["value"] = lambda: Reading(good if backend.clean else bad)


async def test_a_system_that_holds_passes_and_nothing_is_left(tmp_path: Path) -> None:
    play = ExperimentRun(tmp_path, experiment())
    judgement = await play.run()
    assert (judgement.verdict, judgement.exit) == (Verdict.PASSED, 0), judgement.reasons
    assert isinstance(play.backend, FailingBackend)
    assert play.backend.clean
    assert judgement.hits["latency_downstream." + told(play, Run)[0].run_id] > 0  # type: ignore[attr-defined]
    assert judgement.recovery is not None


async def test_the_states_are_those_of_the_table_in_order_and_the_verdict_is_the_last_line(tmp_path: Path) -> None:
    play = ExperimentRun(tmp_path, experiment())
    await play.run()
    moves = [(record.before, record.state) for record in told(play, Entered) if isinstance(record, Entered)]
    assert [state for _, state in moves] == [
        "baseline", "injecting", "observing", "reverting", "recovering", "judged",
    ]  # fmt: skip
    assert all(after in MOVES[before] for before, after in moves)
    assert play.kinds()[-1] == Judged.kind
    assert [entry.n for entry in play.entries] == list(range(len(play.entries)))


async def test_what_undoes_a_step_is_written_before_the_step(tmp_path: Path) -> None:
    backend = FailingBackend()
    seen: list[bool] = []
    await (
        ExperimentRun(tmp_path, experiment(), backend).on(Undo, lambda *_: seen.append("inject" in backend.asked)).run()
    )
    assert seen == [False]


async def test_a_hypothesis_that_breaks_under_the_fault_is_refuted_and_told(tmp_path: Path) -> None:
    backend = FailingBackend()
    during_the_fault(backend, 1, 50)
    judgement = await ExperimentRun(tmp_path, experiment(), backend).run()
    assert (judgement.verdict, judgement.exit) == (Verdict.REFUTED, 1)
    assert "value is low (during): 50 at worst" in sentence(judgement.reasons[0])
    assert backend.clean


async def test_a_baseline_that_does_not_hold_injects_nothing(tmp_path: Path) -> None:
    READINGS["value"] = lambda: Reading(50)
    play = ExperimentRun(tmp_path, experiment())
    judgement = await play.run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "so nothing was injected" in sentence(judgement.reasons[0])
    assert isinstance(play.backend, FailingBackend)
    assert not {"inject", "revert"} & set(play.backend.asked)
    assert told(play, Undo) == []


async def test_no_data_is_never_a_pass(tmp_path: Path) -> None:
    backend = FailingBackend()
    READINGS["value"] = lambda: Reading(1) if backend.clean else Reading(None, "nothing there")
    judgement = await ExperimentRun(tmp_path, experiment(), backend).run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "nothing there" in sentence(judgement.reasons[0])


@pytest.mark.parametrize("error", [ProbeError("away"), ZeroDivisionError("a bug")])
async def test_a_probe_that_fails_is_no_data_and_no_reason_to_leave_a_fault(tmp_path: Path, error: Exception) -> None:
    backend = FailingBackend()

    def read() -> Reading:
        if backend.clean:
            return Reading(1)
        raise error

    READINGS["value"] = read
    judgement = await ExperimentRun(tmp_path, experiment(), backend).run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert str(error) in sentence(judgement.reasons[0])
    assert backend.clean


async def test_a_probe_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    hangs = {"name": "hangs", "stuck": "x", "expect": "< 1", "every": "0.01s", "timeout": "60s", "when": ["during"]}
    play = ExperimentRun(tmp_path, experiment(hypotheses=[hypothesis(), hangs]))
    judgement = await play.run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert [result.outcome for result in judgement.results if result.name == "hangs"] == ["no-data"]
    assert all(record.verified for record in told(play, Reverted) if isinstance(record, Reverted))


async def test_a_stop_condition_ends_the_run_at_once_with_a_verified_revert(tmp_path: Path) -> None:
    backend = FailingBackend()
    during_the_fault(backend, 1, 99)
    slow = experiment(duration="600s", hypotheses=[hypothesis(stop="> 90")])
    play = ExperimentRun(tmp_path, slow, backend)
    judgement = await play.run()
    assert (judgement.verdict, judgement.exit) == (Verdict.STOPPED, 5)
    assert judgement.stopping is not None
    assert judgement.stopping < 2
    stop = told(play, Stop)[0]
    assert isinstance(stop, Stop)
    assert (stop.cause, stop.hypothesis) == ("condition", "value is low")
    assert next(result for result in judgement.results if result.phase == "during").outcome == "broke"


async def test_a_stop_condition_that_cannot_be_seen_any_more_is_as_good_as_met(tmp_path: Path) -> None:
    backend = FailingBackend()
    READINGS["value"] = lambda: Reading(1) if backend.clean else Reading(None, "the server is away")
    judgement = await ExperimentRun(
        tmp_path, experiment(duration="600s", hypotheses=[hypothesis(stop="> 90")]), backend
    ).run()
    assert judgement.verdict is Verdict.STOPPED
    assert "could not be seen" in sentence(judgement.reasons[0])
    assert backend.clean


async def test_an_injection_that_fails_is_undone_and_inconclusive(tmp_path: Path) -> None:
    backend = FailingBackend()
    backend.fails.add("inject")
    judgement = await ExperimentRun(tmp_path, experiment(), backend).run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert said(judgement) == ("the fault was not in place", "inject failed, as the test wants")
    assert "revert" in backend.asked


async def test_a_fault_that_met_no_traffic_tested_nothing(tmp_path: Path) -> None:
    judgement = await ExperimentRun(tmp_path, experiment(), FailingBackend(rate=0.0)).run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "no traffic met the fault" in sentence(judgement.reasons[0])


async def test_a_fault_that_vanishes_half_way_is_inconclusive(tmp_path: Path) -> None:
    backend = FailingBackend()
    play = ExperimentRun(tmp_path, experiment(duration="600s"), backend).on(Counted, lambda *_: backend.lose())
    judgement = await play.run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "vanished" in sentence(judgement.reasons[0])


async def test_the_lease_is_renewed_for_as_long_as_the_run_goes_on(tmp_path: Path) -> None:
    backend = FailingBackend()
    judgement = await ExperimentRun(tmp_path, experiment(duration="1.5s"), backend).run()
    assert judgement.verdict is Verdict.PASSED
    assert backend.asked.count("renew") >= 2


async def test_targets_that_cannot_be_reached_end_the_run_within_a_lease(tmp_path: Path) -> None:
    backend = FailingBackend()
    play = ExperimentRun(tmp_path, experiment(duration="600s"), backend)
    play.on(Injected, lambda *_: backend.fails.update(("renew", "counts")))
    judgement = await play.run()
    assert judgement.verdict is Verdict.STOPPED
    assert "could not be reached" in sentence(judgement.reasons[0])


@pytest.mark.parametrize("how", ["fails", "keeps"])
async def test_a_revert_that_is_not_verified_is_the_gravest_verdict(tmp_path: Path, how: str) -> None:
    backend = FailingBackend()
    during_the_fault(backend, 1, 50)  # refuted as well

    def misbehave(*_: object) -> None:
        backend.keeps = how == "keeps"
        if how == "fails":
            backend.fails.add("revert")

    play = ExperimentRun(tmp_path, experiment(), backend).on(Injected, misbehave)
    # What stays is kept alive, as by somebody who does not know that the run is over.
    if how == "keeps":
        backend._lapse = lambda: None  # type: ignore[method-assign]
    judgement = await play.run()
    assert (judgement.verdict, judgement.exit) == (Verdict.NOT_REVERTED, 6)
    assert "db" in sentence(judgement.reasons[0])


async def test_a_revert_that_succeeds_at_the_second_try_is_verified(tmp_path: Path) -> None:
    backend = FailingBackend()
    play = ExperimentRun(tmp_path, experiment(), backend)
    play.on(Injected, lambda *_: backend.fails.add("revert"))

    def entered(_: object, record: Record) -> None:
        if isinstance(record, Entered) and record.state == "reverting":
            asyncio.get_running_loop().call_later(0.3, backend.fails.clear)

    play.on(Entered, entered)
    assert (await play.run()).verdict is Verdict.PASSED
    assert backend.asked.count("revert") >= 2


@pytest.mark.parametrize(("signal", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("state", ["baseline", "injecting", "observing", "recovering"])
async def test_a_signal_ends_the_run_in_any_state_with_the_revert_done(
    tmp_path: Path, signal: str, code: int, state: str
) -> None:
    long = dict.fromkeys(("baseline", "duration", "recovery"), "600s")
    for name, own in (("baseline", "baseline"), ("duration", "observing"), ("recovery", "recovering")):
        if own != state:
            long[name] = "0.1s"
    backend = FailingBackend()
    play = ExperimentRun(tmp_path, experiment(**long), backend)

    def entered(runner: module.Runner, record: Record) -> None:
        if isinstance(record, Entered) and record.state == state:
            runner.interrupt(signal)
            runner.interrupt(signal)  # impatience changes nothing

    judgement = await play.on(Entered, entered).run()
    assert (judgement.verdict, judgement.exit) == (Verdict.STOPPED, code)
    assert backend.clean
    assert all(record.verified for record in told(play, Reverted) if isinstance(record, Reverted))


class _Spoilt(float):
    """Seconds that cannot be waited for."""

    def __radd__(self, other: float) -> float:
        raise ZeroDivisionError("a bug")


async def test_a_bug_of_ours_under_a_fault_reverts_and_is_told_as_such(tmp_path: Path) -> None:
    backend, fine = FailingBackend(), experiment()
    spoilt = fine.conditions.model_copy(update={"duration": _Spoilt(0.3)})
    play = ExperimentRun(tmp_path, replace(fine, conditions=spoilt), backend)
    judgement = await play.run()
    assert (judgement.verdict, judgement.exit) == (Verdict.INTERNAL, 7)
    assert "inject" in backend.asked
    assert backend.clean
    assert [record.where for record in told(play, Failure) if isinstance(record, Failure)][:1] == ["runner"]


# What goes wrong while it is put right.


async def test_what_cannot_be_written_is_not_injected(tmp_path: Path) -> None:
    disk = FullDisk()
    disk.refused.add(Undo.kind)
    play = ExperimentRun(tmp_path, experiment(), disk=disk)
    judgement = await play.run()
    assert isinstance(play.backend, FailingBackend)
    assert "inject" not in play.backend.asked
    assert judgement.exit in (3, 6)


@pytest.mark.parametrize("kind", [Injected, Sample, Counted, Reverted, Entered])
async def test_a_journal_that_takes_no_more_under_a_fault_reverts_at_once(tmp_path: Path, kind: type[Record]) -> None:
    backend, disk = FailingBackend(), FullDisk()
    play = ExperimentRun(tmp_path, experiment(duration="600s", lease="600s"), backend, disk=disk)
    play.on(Undo, lambda *_: disk.refused.add(kind.kind))
    if kind is Reverted:
        play.on(Injected, lambda runner, _: runner.stop("enough"))
    judgement = await play.run()
    assert (judgement.verdict, judgement.exit) == (Verdict.INCONCLUSIVE, 3)
    assert "no space left on device" in sentence(judgement.reasons[0])
    assert backend.clean


async def test_an_observer_that_fails_is_no_reason_to_leave_a_fault(tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise BrokenPipeError

    backend = FailingBackend()
    assert (await ExperimentRun(tmp_path, experiment(), backend).on(Injected, fail).run()).verdict is Verdict.PASSED
    assert backend.clean


async def test_who_cancels_a_run_waits_for_the_revert_however_often(tmp_path: Path) -> None:
    backend = FailingBackend()
    play = ExperimentRun(tmp_path, experiment(duration="600s"), backend)

    async def slow(target: Target, owner: str) -> None:
        await asyncio.sleep(0.2)
        await MemoryBackend.revert(backend, target, owner)

    backend.revert = slow  # type: ignore[method-assign]

    def cancel(_: module.Runner, record: Record) -> None:
        if isinstance(record, Entered) and record.state == "observing":
            task, loop = asyncio.current_task(), asyncio.get_running_loop()
            assert task is not None
            for delay in (0, 0.05, 0.1):
                loop.call_later(delay, task.cancel)

    with pytest.raises(asyncio.CancelledError):
        await play.on(Entered, cancel).run()
    assert backend.clean
    records = [entry.record for entry in store.read(next(iter(play.store.runs())))]
    assert any(isinstance(record, Reverted) and record.verified for record in records)
    assert isinstance(records[-1], Judged)


async def test_a_probe_that_ignores_its_end_keeps_nobody(tmp_path: Path) -> None:
    stubborn = {
        "name": "stubborn",
        "stubborn": "x",
        "expect": "< 1",
        "every": "0.01s",
        "timeout": "60s",
        "when": ["during"],
    }
    play = ExperimentRun(tmp_path, experiment(hypotheses=[hypothesis(), stubborn]))
    judgement = await play.run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert [failure.where for failure in told(play, Failure) if isinstance(failure, Failure)] == ["probe"]
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)


async def test_many_targets_that_hang_hold_up_the_revert_no_longer_than_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = FailingBackend({EDGE: [f"db{number}" for number in range(10)]})
    waiting: list[int] = [0]
    most: list[int] = []

    async def hang(*_: object) -> Counts:
        waiting[0] += 1
        most.append(waiting[0])
        try:
            await asyncio.Event().wait()
        finally:
            waiting[0] -= 1
        raise AssertionError("nobody sets it")

    monkeypatch.setattr(backend, "counts", hang)
    nets = {"large-scope": "a test"}
    judgement = await ExperimentRun(tmp_path, experiment(blast_radius={"mode": "all"}, nets=nets), backend).run()
    assert judgement.verdict is Verdict.INCONCLUSIVE, "nobody saw a hit"
    assert backend.clean
    assert max(most) >= 10, "they are asked beside each other"


async def test_a_fault_that_was_gone_before_the_revert_is_inconclusive_though_nobody_answered_the_last_look(
    tmp_path: Path,
) -> None:
    backend = FailingBackend()
    play = ExperimentRun(tmp_path, experiment(), backend)

    def restart(_: object, record: Record) -> None:
        if isinstance(record, Entered) and record.state == "observing":
            asyncio.get_running_loop().call_later(0.2, backend.fails.update, ("counts", "revert"))
        if isinstance(record, Entered) and record.state == "reverting":
            backend.lose()
            asyncio.get_running_loop().call_later(0.1, backend.fails.clear)

    judgement = await play.on(Entered, restart).run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "gone before it was reverted" in sentence(judgement.reasons[0])


async def test_a_bug_in_a_backend_is_tried_again_and_then_told(tmp_path: Path) -> None:
    backend = FailingBackend()
    calls: list[str] = []

    async def broken(target: Target, owner: str) -> None:
        calls.append(target.id)
        if len(calls) < 2:
            raise KeyError("where")
        await MemoryBackend.revert(backend, target, owner)

    backend.revert = broken  # type: ignore[method-assign]
    assert (await ExperimentRun(tmp_path, experiment(), backend).run()).verdict is Verdict.PASSED
    assert len(calls) == 2


# Who wants it to end.


@pytest.mark.parametrize("state", ["planned", "baseline", "injecting", "observing", "reverting", "recovering"])
async def test_who_asks_for_the_end_gets_it_in_any_state(tmp_path: Path, state: str) -> None:
    own = {"baseline": "baseline", "observing": "duration", "recovering": "recovery"}.get(state, "")
    play = ExperimentRun(tmp_path, experiment(**({own: "600s"} if own else {})), backend := FailingBackend())

    def stop(runner: module.Runner, record: Record) -> None:
        if state == "planned" or (isinstance(record, Entered) and record.state == state):
            runner.stop("enough")

    judgement = await play.on(Run if state == "planned" else Entered, stop).run()
    assert (judgement.verdict, said(judgement)) == (Verdict.STOPPED, ("enough",))
    assert backend.clean


async def test_a_signal_after_the_end_comes_too_late_to_be_told(tmp_path: Path) -> None:
    def interrupt(runner: module.Runner, record: Record) -> None:
        if not isinstance(record, Entered) or record.state == "judged":
            runner.interrupt("SIGINT")
            runner.stop("enough")

    play = ExperimentRun(tmp_path, experiment()).on(Entered, interrupt).on(Judged, interrupt)
    assert (await play.run()).verdict is Verdict.PASSED
    assert play.kinds()[-1] == Judged.kind


# Refusals.


@pytest.mark.parametrize(
    ("net", "backend", "environment", "changes"),
    [
        ("zero-targets", FailingBackend({}), Environment(backend="memory"), {}),
        ("protected-target", FailingBackend(), Environment(backend="memory", protected=True), {}),
        ("max-duration", FailingBackend(), Environment(backend="memory", limits=Limits(max_duration=0.1)), {}),
        (
            "large-scope",
            FailingBackend({EDGE: ["a", "b", "c"]}),
            Environment(backend="memory", limits=Limits(max_targets=2)),
            {"blast_radius": {"mode": "all"}},
        ),
        (
            "large-scope",
            FailingBackend({EDGE: ["a", "b", "c"]}),
            Environment(backend="memory"),
            {"blast_radius": {"mode": "fixed", "value": 2}},
        ),
    ],
)
async def test_a_safety_net_refuses_before_anything_is_touched(
    tmp_path: Path, net: str, backend: FailingBackend, environment: Environment, changes: dict[str, object]
) -> None:
    play = ExperimentRun(tmp_path, experiment(**changes), backend, environment=environment)
    judgement = await play.run()
    assert (judgement.verdict, judgement.exit) == (Verdict.REFUSED, 4)
    refusals = [record.net for record in told(play, Refusal) if isinstance(record, Refusal)]
    assert refusals == [net]
    assert "inject" not in backend.asked
    assert told(play, Sample) == []


async def test_a_target_that_has_faults_already_is_refused(tmp_path: Path) -> None:
    backend = FailingBackend()

    target = (await backend.targets(EDGE))[0]
    await backend.inject(target, experiment().faults, "somebody", 600.0)
    judgement = await ExperimentRun(tmp_path, experiment(), backend).run()
    assert judgement.verdict is Verdict.REFUSED
    assert "latency_downstream" in sentence(judgement.reasons[0])


async def test_a_target_that_gets_faults_during_the_baseline_is_refused(tmp_path: Path) -> None:
    backend = FailingBackend()
    play = ExperimentRun(tmp_path, experiment(), backend)
    tasks: list[asyncio.Task[None]] = []

    def somebody(_: object, record: Record) -> None:
        if isinstance(record, Entered) and record.state == "baseline":
            target = Target("db", "db", "nowhere")
            injecting = MemoryBackend.inject(backend, target, experiment().faults, "somebody", 600.0)
            tasks.append(asyncio.create_task(injecting))

    judgement = await play.on(Entered, somebody).run()
    assert judgement.verdict is Verdict.REFUSED
    assert "since the plan was made: latency_downstream" in sentence(judgement.reasons[0])
    assert "inject" not in backend.asked


async def test_locks_that_cannot_be_taken_are_a_refusal_that_says_what_helps(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("a file")
    judgement = await ExperimentRun(tmp_path, experiment()).run()
    assert judgement.verdict is Verdict.REFUSED
    assert "locks" in sentence(judgement.reasons[0])


async def test_a_target_that_another_run_is_at_is_refused(tmp_path: Path) -> None:
    with locks.held(["db"], locks.Claim("another run"), tmp_path / "locks"):
        judgement = await ExperimentRun(tmp_path, experiment()).run()
    assert judgement.verdict is Verdict.REFUSED
    assert "another run" in sentence(judgement.reasons[0])


class Keys:
    """A lock whose fate the test decides."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.claim = locks.Claim("")
        self.late = False

    @asynccontextmanager
    async def hold(self, targets: Iterable[str], claim: locks.Claim) -> AsyncIterator[Callable[[], None]]:
        assert list(targets) == ["db"]
        self.claim = claim
        if self.trouble is not None:
            raise self.trouble
        yield self.check

    def check(self) -> None:
        if self.late:
            self.claim.lost("the lease on db could not be renewed")


async def test_a_lock_that_cannot_be_asked_for_is_a_refusal_and_no_bug(tmp_path: Path) -> None:
    keys = Keys(Unavailable("may not create leases in namespace shop"))
    play = ExperimentRun(tmp_path, experiment(), exclusive=keys.hold)
    judgement = await play.run()
    assert (judgement.verdict, judgement.exit) == (Verdict.REFUSED, 4)
    assert "may not create leases" in sentence(judgement.reasons[0])
    assert keys.claim.experiment == "try"
    assert told(play, Undo) == []


async def test_a_secret_of_the_name_is_in_no_lock(tmp_path: Path) -> None:
    keys = Keys()
    await ExperimentRun(tmp_path, experiment(name="try hunter2"), exclusive=keys.hold, masker=Masker(["hunter2"])).run()
    assert keys.claim.experiment == "try ***"


@pytest.mark.parametrize("state", ["baseline", "observing"])
async def test_a_lock_that_is_lost_ends_the_run_with_the_revert_done(tmp_path: Path, state: str) -> None:
    backend, keys = FailingBackend(), Keys()
    long = {"baseline": "600s"} if state == "baseline" else {"duration": "600s"}
    play = ExperimentRun(tmp_path, experiment(**long), backend, exclusive=keys.hold)

    def entered(_: object, record: Record) -> None:
        if isinstance(record, Entered) and record.state == state:
            keys.claim.lost("the lease on db is lost: run-2 has it")

    judgement = await play.on(Entered, entered).run()
    assert (judgement.verdict, judgement.exit) == (Verdict.STOPPED, 5)
    assert said(judgement) == ("the lease on db is lost: run-2 has it",)
    assert [record.cause for record in told(play, Stop) if isinstance(record, Stop)] == ["unlocked"]
    assert backend.clean


async def test_a_lock_that_is_lost_after_the_fault_is_told_and_the_recovery_is_measured(tmp_path: Path) -> None:
    keys = Keys()
    play = ExperimentRun(tmp_path, experiment(), exclusive=keys.hold)

    def entered(_: object, record: Record) -> None:
        if isinstance(record, Entered) and record.state == "recovering":
            keys.claim.lost("the lease on db is lost")

    assert (await play.on(Entered, entered).run()).verdict is Verdict.PASSED
    assert told(play, Failure) == [Failure("lease", "the lease on db is lost")]


async def test_a_lock_that_is_lost_in_the_last_moment_keeps_the_fault_from_being_injected(tmp_path: Path) -> None:
    backend, keys = FailingBackend(), Keys()
    keys.late = True
    judgement = await ExperimentRun(tmp_path, experiment(), backend, exclusive=keys.hold).run()
    assert judgement.verdict is Verdict.STOPPED
    assert "inject" not in backend.asked


async def test_a_run_that_is_interrupted_while_it_waits_for_a_lock_is_stopped_and_not_refused(tmp_path: Path) -> None:
    keys = Keys(Conflict("the run was stopped while it waited"))
    play = ExperimentRun(tmp_path, experiment(), exclusive=keys.hold)
    play.on(Plan, lambda runner, _: runner.interrupt("SIGINT"))
    judgement = await play.run()
    assert (judgement.verdict, judgement.exit) == (Verdict.STOPPED, 130)
    assert keys.claim.stopped.is_set()


async def test_a_net_that_is_off_refuses_nothing_and_the_journal_keeps_the_reason(tmp_path: Path) -> None:
    environment = Environment(backend="memory", protected=True)
    play = ExperimentRun(tmp_path, experiment(nets={"protected-target": "a rehearsal"}), environment=environment)
    assert (await play.run()).verdict is Verdict.PASSED
    run = told(play, Run)[0]
    assert isinstance(run, Run)
    assert run.nets_off == {"protected-target": "a rehearsal"}


async def test_targets_that_cannot_be_asked_are_inconclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = FailingBackend()

    async def away(edge: str) -> list[Target]:
        raise BackendError("no answer from 127.0.0.1:1")

    monkeypatch.setattr(backend, "targets", away)
    judgement = await ExperimentRun(tmp_path, experiment(), backend).run()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "no answer from 127.0.0.1:1" in said(judgement)


async def test_secrets_are_in_no_record(tmp_path: Path) -> None:
    READINGS["value"] = lambda: Reading(None, "cannot log in to postgresql://me:hunter22@db as hunter22")
    secret = experiment(because="hunter22 is the password")
    play = ExperimentRun(tmp_path, secret, masker=Masker(["hunter22"]))
    await play.run()
    text = next(iter(play.store.runs())).joinpath("journal.jsonl").read_text()
    assert "hunter22" not in text
    assert "***" in text


_OPEN = Environment(backend="memory", limits=Limits(max_percent=100, max_targets=2))


class _Taken(FailingBackend):
    """Somebody else is at the last of the targets when it comes to be injected."""

    async def inject(self, target: Target, faults: Sequence[FaultSpec], owner: str, lease: float) -> None:
        if target.proxy == "two":
            await super().inject(target, faults, "somebody else", lease)
        await super().inject(target, faults, owner, lease)


async def test_a_target_that_somebody_else_was_faster_at_is_a_refusal_and_nothing_is_left(tmp_path: Path) -> None:
    backend = _Taken({EDGE: ["one", "two"]})
    play = ExperimentRun(tmp_path, experiment(blast_radius={"mode": "all"}, recovery="60s"), backend, environment=_OPEN)
    judgement = await play.run()
    assert (judgement.verdict, judgement.exit) == (Verdict.REFUSED, 4)
    assert "somebody else" in sentence(judgement.reasons[0])
    assert "recovering" not in [entry.record.state for entry in play.entries if isinstance(entry.record, Entered)]
    assert [owner for _, owner in backend._held] == ["somebody else"]
