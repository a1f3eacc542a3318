"""What a run writes down of its targets: each look, what changed, and how long nobody was heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any

import pytest

from brownout_controller.backends.base import AwayError, BackendError, Counts, MissingError, Target, TargetSnapshot
from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.engine import target_watch as module
from brownout_controller.engine.target_watch import Watch
from brownout_controller.model.journal import Counted, Outage, Record, TargetState

pytestmark = pytest.mark.virtual_time

DB = Target("db", "db", "nowhere")
OURS = {"name": "slow.run", "kind": "latency", "lease": "run/db", "attributes": {"latency": 1}}


def counts(*faults: str, connections: int = 1) -> Counts:
    return Counts(connections, 0, 0, 0, dict.fromkeys(faults, 1), {})


def look(
    *faults: dict[str, Any], stalled: float = 0.0, counted: Counts | None = None, **changes: Any
) -> TargetSnapshot:
    ours = counts(*(str(fault["name"]) for fault in faults))
    plain: dict[str, Any] = {"instance": "one", "enabled": True, "upstream": "db:1", "faults": faults}
    return TargetSnapshot(**{**plain, **changes}, counts=counted or ours, stalled=stalled)


Step = TargetSnapshot | BackendError | float | Callable[[], object]


def BLOCKED() -> None:  # a step like the others
    """Time in which this process does not run."""


class Scripted(MemoryBackend):
    """Shows one step of a script after the other: a look, an error that ends the watch, seconds that pass."""

    def __init__(self, script: Sequence[Step]) -> None:
        super().__init__({})
        self.time = 100.0
        self.over = asyncio.Event()
        self.fresh = counts()
        """What is counted when somebody asks, and not the watch."""
        self.beat: Callable[[], None] = lambda: None
        self._script: Iterator[Step] = iter(script)

    async def watch(self, target: Target, owner: str, every: float) -> AsyncGenerator[TargetSnapshot]:
        for step in self._script:
            await asyncio.sleep(0)
            if isinstance(step, BackendError):
                raise step
            if isinstance(step, TargetSnapshot):
                yield step
            elif step is BLOCKED:
                self.block()
            elif callable(step):
                step()
            else:
                self.pass_by(step)
            await asyncio.sleep(0)
        self.over.set()
        await asyncio.Event().wait()

    def pass_by(self, seconds: float) -> None:
        """So much time, in which this process runs as it should."""
        while seconds > 0:
            self.time += min(seconds, 0.25)
            seconds -= 0.25
            self.beat()

    def block(self, seconds: float = 5.0) -> None:
        """So much time, in which this process does not run at all."""
        self.time += seconds

    async def counts(self, target: Target, owner: str) -> Counts:
        return self.fresh


async def watched(
    *script: Step, expect: Sequence[str] = (), fresh: Counts | None = None
) -> tuple[list[Record], list[str]]:
    """What was written, and which faults were reported as gone."""
    written: list[Record] = []
    gone: list[str] = []

    backend = Scripted(script)
    backend.fresh = fresh or counts(*expect)
    watch = Watch(backend, "run", written.append, lambda target, faults, how: gone.extend(faults), lambda: backend.time)
    backend.beat = watch.beat
    watch.begin([DB])
    if expect:
        watch.expect(DB, expect)
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(10):
        await backend.over.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return written, gone


async def outages(*script: Step) -> list[tuple[str, float]]:
    return [(record.cause, record.seconds) for record in (await watched(*script))[0] if isinstance(record, Outage)]


async def test_a_state_is_written_when_it_changes_and_counters_at_each_look() -> None:
    written, _ = await watched(look(), look(), look(OURS), look(OURS), look())
    assert [type(record) for record in written] == [
        TargetState, Counted, Counted, TargetState, Counted, Counted, TargetState, Counted,
    ]  # fmt: skip
    states = [record for record in written if isinstance(record, TargetState)]
    assert [list(state.faults) for state in states] == [[], [OURS], []]


@pytest.mark.parametrize(
    ("pause", "found"), [(1.0, []), (2.9, []), (3.5, [("unreachable", 3.5)])], ids=["usual", "slow", "silent"]
)
async def test_a_target_that_is_not_heard_for_long_is_written_down(
    pause: float, found: list[tuple[str, float]]
) -> None:
    assert await outages(look(), pause, look()) == found
    assert await outages(look(), pause, BackendError("no answer"), look()) == found


async def test_who_is_silent_when_the_run_ends_is_written_down_as_well() -> None:
    assert await outages(look(), 5.0) == [("unreachable", 5.0)]


async def test_a_target_that_refuses_connections_is_away_however_soon_the_run_ends() -> None:
    assert await outages(look(), 0.5, AwayError("closed")) == [("unreachable", 0.5)]
    assert await outages(look(), 0.5, AwayError("closed"), AwayError("refused"), look()) == [("unreachable", 0.5)]


async def test_one_closed_stream_of_a_target_that_answers_the_next_call_is_no_outage() -> None:
    closed = AwayError("closed")
    assert await outages(look(), 0.5, closed, look(), 0.5, closed, look()) == []
    assert await outages(look(), 3.5, closed, look()) == [("unreachable", 3.5)]


async def test_a_process_that_stood_still_by_its_own_clock_was_frozen_and_not_unreachable() -> None:
    assert await outages(look(), 3.2, look(stalled=3.1)) == [("frozen", 3.1)]
    assert await outages(look(), 1.5, look(stalled=0.5)) == []


async def test_the_time_in_which_we_ourselves_did_not_run_is_nobody_s_silence() -> None:
    assert await outages(look(), BLOCKED, look()) == []
    assert await outages(look(), BLOCKED, BLOCKED, 1.0, BLOCKED, look()) == []
    assert await outages(look(), 2.0, BLOCKED, 2.0, look()) == [("unreachable", 4.25)]  # until a beat is due


@pytest.mark.parametrize("silence", [0.5, 30.0])
async def test_a_proxy_that_is_gone_is_missing_however_soon_it_is_back(silence: float) -> None:
    assert await outages(look(), silence, MissingError("no proxy"), look()) == [("missing", silence)]


async def test_a_proxy_that_was_made_anew_between_two_looks_counts_from_nothing() -> None:
    before, after = look(counted=counts(connections=9)), look(counted=counts(connections=1))
    assert await outages(before, after) == [("missing", module.TICK)]


async def test_a_fault_of_ours_that_is_gone_is_reported_once_it_is_sure() -> None:
    assert (await watched(look(OURS), look(), expect=["slow.run"], fresh=counts()))[1] == ["slow.run"]
    # The look may be older than the fault: what is asked for anew has it.
    assert (await watched(look(), look(OURS), expect=["slow.run"]))[1] == []


async def test_a_fault_that_may_go_is_not_missed() -> None:
    gone: list[str] = []

    steps: list[Step] = [look(OURS)]
    backend = Scripted(steps)
    watch = Watch(backend, "run", lambda _: None, lambda *_: gone.append("gone"), lambda: backend.time)
    steps += [watch.release, look()]
    watch.begin([DB])
    watch.expect(DB, ["slow.run"])
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(10):
        await backend.over.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert gone == []


async def test_the_last_look_at_a_target_is_taken_once_it_answers() -> None:
    asked: list[str] = []

    class Deaf(MemoryBackend):
        async def counts(self, target: Target, owner: str) -> Counts:
            asked.append(target.id)
            if len(asked) == 1:
                raise BackendError("not now")
            return counts("slow.run")

    watch = Watch(Deaf({}), "run", lambda _: None, lambda *_: None)
    watch.begin([DB])
    for _ in range(4):
        await watch.see_out(DB)
    assert len(asked) == 2
