"""A lease is renewed while the run goes on; what cannot be renewed ends it."""

from __future__ import annotations

import asyncio

import pytest

from brownout_controller.backends.base import Target
from brownout_controller.engine.lease_renewer import LeaseRenewer
from tests.support.builders.runs import experiment
from tests.support.fakes.backends import EDGE, FailingBackend

pytestmark = pytest.mark.virtual_time

_LEASE = 0.15


async def _keep(backend: FailingBackend, *, inject: bool = True, until: int = 1) -> list[tuple[str, str]]:
    """What the keeper said, once it has said so much or asked ten times."""
    said: list[tuple[str, str]] = []

    target: Target = (await backend.targets(EDGE))[0]
    if inject:
        await backend.inject(target, experiment().faults, "run", _LEASE)
    keeper = LeaseRenewer(backend, target, "run", _LEASE, lambda cause, why, _: said.append((cause, why)))
    task = asyncio.create_task(keeper.run())
    async with asyncio.timeout(10):
        while len(said) < until and backend.asked.count("renew") < 10:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return said


async def test_a_lease_that_is_renewed_does_not_lapse() -> None:
    backend = FailingBackend()
    assert await _keep(backend) == []
    assert not backend.clean


async def test_a_lease_that_has_lapsed_is_told() -> None:
    said = await _keep(FailingBackend(), inject=False)
    assert said[0][0] == "lapsed"
    assert "db has the fault no longer" in said[0][1]


async def test_a_target_that_is_away_is_told_when_the_lease_must_have_lapsed() -> None:
    backend = FailingBackend()
    backend.fails.add("renew")
    said = await _keep(backend)
    assert said[0][0] == "cut-off"
    assert backend.asked.count("renew") >= 3
