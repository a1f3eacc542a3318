"""Faults are put in place, kept alive and reverted; a revert is tried until it is verified or out of time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from brownout_controller.backends.base import TakenError, Target
from brownout_controller.engine.injection import Injection, faults_of, verified_revert
from brownout_controller.engine.planning import Setup
from brownout_controller.engine.target_watch import Watch
from brownout_controller.model.environment import Environment
from brownout_controller.model.journal import Failure, Injected, Record, Refusal, Reverted, Undo
from brownout_core.faults.spec import FaultSpec
from tests.support.builders.runs import experiment
from tests.support.fakes.backends import EDGE, FailingBackend

pytestmark = pytest.mark.virtual_time


class Scene:
    """An injection, what it wrote, and why it ended the run. `full` takes no record."""

    def __init__(self, backend: FailingBackend | None = None, *, full: bool = False) -> None:
        self.backend, self.written, self.halts = backend or FailingBackend(), list[Record](), list[tuple[Any, ...]]()
        self.full = full
        setup = Setup(experiment(), Environment(backend="memory"), "test", self.backend, 7, "")
        watch = Watch(self.backend, "run-1", self.write, lambda *_: None)
        self.injection = Injection(setup, "run-1", watch, self.write, lambda *why: self.halts.append(why))
        self.watch = watch

    def write(self, record: Record) -> bool:
        self.written.append(record)
        return not self.full

    async def inject(self) -> bool:
        targets = await self.backend.targets(EDGE)
        self.watch.begin(targets)
        return await self.injection.inject(targets, lambda: True)

    async def end(self) -> bool:
        await self.injection.let_go()
        reverted = await self.injection.revert()
        await self.injection.end()
        return reverted

    def kinds(self) -> list[type[Record]]:
        return [
            type(record) for record in self.written if isinstance(record, (Undo, Injected, Reverted, Refusal, Failure))
        ]


async def test_what_undoes_it_is_written_before_and_the_lease_is_renewed_until_the_end() -> None:
    scene = Scene()
    assert await scene.inject()
    assert scene.kinds() == [Undo, Injected]
    await asyncio.sleep(10)
    assert not scene.backend.clean, "its lease is 1 s"
    assert await scene.end()
    assert scene.backend.clean
    renewals = scene.backend.asked.count("renew")
    await asyncio.sleep(10)
    assert scene.backend.asked.count("renew") == renewals
    assert (scene.kinds(), scene.halts) == ([Undo, Injected, Reverted], [])


async def test_a_fault_that_is_named_after_its_run_is_nobody_else_s() -> None:
    setup = Setup(experiment(), Environment(backend="memory"), "test", FailingBackend(), 7, "")
    assert [spec.name for spec in faults_of(setup, "run-1")] == ["latency_downstream.run-1"]


async def test_what_could_not_be_found_again_is_not_injected() -> None:
    scene = Scene(full=True)
    assert not await scene.inject()
    assert "inject" not in scene.backend.asked


async def test_a_run_that_is_over_injects_nothing_more() -> None:
    scene = Scene(FailingBackend({EDGE: ["a", "b"]}))
    targets = await scene.backend.targets(EDGE)
    scene.watch.begin(targets)
    answers = iter([True, False])
    assert not await scene.injection.inject(targets, lambda: next(answers))
    assert scene.backend.asked.count("inject") == 1
    assert await scene.end()


async def test_an_injection_that_fails_is_a_failure_and_is_reverted() -> None:
    scene = Scene()
    scene.backend.fails.add("inject")
    assert not await scene.inject()
    scene.backend.fails.clear()
    assert await scene.end()
    assert scene.kinds() == [Undo, Failure, Reverted]


class _Taken(FailingBackend):
    async def inject(self, target: Target, faults: Sequence[FaultSpec], owner: str, lease: float) -> None:
        raise TakenError("somebody was faster")


async def test_a_target_that_somebody_else_took_is_a_refusal() -> None:
    scene = Scene(_Taken())
    assert not await scene.inject()
    assert scene.injection.taken
    assert scene.kinds() == [Undo, Refusal]


async def test_a_lease_that_is_lost_ends_the_run() -> None:
    scene = Scene()
    await scene.inject()
    scene.backend.lose()
    await asyncio.sleep(2)
    assert [halt[0] for halt in scene.halts] == ["lapsed"]
    await scene.end()


async def test_a_bug_in_the_last_look_does_not_hold_up_the_revert(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    scene = Scene()
    await scene.inject()
    monkeypatch.setattr(scene.backend, "counts", broken)
    assert await scene.end()
    assert Failure in scene.kinds()


# A verified revert, which a later start does as well.


async def _reverted(backend: FailingBackend, patience: float = 3.0) -> Reverted:
    (target,) = await backend.targets(EDGE)
    await backend.inject(target, faults_of(Setup(experiment(), Environment(), "x", backend, 7, ""), "r"), "r", 600.0)
    return await verified_revert(backend, target, "r", "u0", patience=patience, how="checked")


async def test_a_revert_is_tried_until_it_is_verified() -> None:
    backend = FailingBackend()
    backend.fails.add("revert")
    asyncio.get_running_loop().call_later(2.0, backend.fails.clear)
    assert await _reverted(backend) == Reverted("u0", "db", verified=True, how="checked")
    assert backend.asked.count("revert") > 2


@pytest.mark.parametrize(("how", "why"), [("fails", "revert failed"), ("keeps", "still lists"), ("breaks", "KeyError")])
async def test_a_revert_that_cannot_be_verified_is_given_up_with_the_reason(
    how: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("a bug")

    backend = FailingBackend()
    backend.keeps = how == "keeps"
    if how == "fails":
        backend.fails.add("revert")
    if how == "breaks":
        monkeypatch.setattr(backend, "revert", broken)
    began = asyncio.get_running_loop().time()
    record = await _reverted(backend)
    assert (record.verified, why in record.why) == (False, True)
    assert 3.0 < asyncio.get_running_loop().time() - began < 3.6
