"""What every backend must do, by one suite: a lease is what lets a fault live, and a listing is what proves its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, closing

import pytest

from brownout_controller.backends.base import (
    AwayError,
    Backend,
    BackendError,
    LeaseLostError,
    MissingError,
    TakenError,
    Target,
    TargetSnapshot,
    described,
)
from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.backends.proxy import ProxyBackend
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec
from tests.support.processes.proxy import proxy_process
from tests.support.running import Upstream, echoing, said_back

_FAULTS = (
    FaultSpec("slow", make("latency", {"latency": 1})),
    FaultSpec("narrow", make("bandwidth", {"rate": 1000}), "upstream"),
)
_EDGE = "app -> db"


@pytest.fixture(params=["memory", "proxy"])
async def opened_backend(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Backend, Target]]:
    """A backend with one target that has traffic."""
    if request.param == "memory":
        async with opened(MemoryBackend({_EDGE: ["db"]}), "") as both:
            yield both
        return
    with echoing() as echo, proxy_process(f"db@0={echo}") as process:
        async with opened(ProxyBackend([process.control]), process.listen("db")) as both:
            yield both


@pytest.fixture
def backend(opened_backend: tuple[Backend, Target]) -> Backend:
    return opened_backend[0]


@pytest.fixture
def target(opened_backend: tuple[Backend, Target]) -> Target:
    return opened_backend[1]


@asynccontextmanager
async def opened(backend: Backend, listen: str) -> AsyncIterator[tuple[Backend, Target]]:
    """The backend and its one target; with a `listen` address there is traffic."""
    traffic = asyncio.create_task(_talk(listen)) if listen else None
    try:
        yield backend, (await backend.targets(_EDGE))[0]
    finally:
        if traffic is not None:
            traffic.cancel()
            await asyncio.gather(traffic, return_exceptions=True)
        await backend.close()


async def _talk(listen: str) -> None:
    while True:
        await asyncio.to_thread(said_back, listen, b"hello")


async def _until(condition: Callable[[], Awaitable[object]]) -> None:
    while not await condition():
        await asyncio.sleep(0.02)


async def test_an_edge_that_nothing_carries_has_no_targets(backend: Backend, target: Target) -> None:
    assert await backend.targets("app -> nothing") == []


async def test_a_target_has_a_key_that_no_other_has(backend: Backend, target: Target) -> None:
    assert target.key == (f"{target.instance}/{target.proxy}" if target.instance else target.id)
    again = (await backend.targets(_EDGE))[0]
    assert again.key == target.key
    assert target._replace(where="elsewhere", id="elsewhere/db").key == target.key or not target.instance
    assert target._replace(proxy="other", id="other").key != target.key


async def test_every_place_is_told_with_its_edges_and_faults(backend: Backend, target: Target) -> None:
    await backend.inject(target, _FAULTS[:1], "me", 60)
    (place,) = await backend.places([_EDGE, "app -> nothing"])
    assert (place.where, place.proxy) == (target.where, target.proxy)
    assert (list(place.edges), list(place.faults), place.trouble) == ([_EDGE], ["slow"], "")


async def test_what_is_injected_is_listed_hit_and_reverted(backend: Backend, target: Target) -> None:
    assert await backend.gone(target, "me")
    await backend.inject(target, _FAULTS, "me", 60)
    assert sorted(await backend.faults_on(target)) == ["narrow", "slow"]
    assert not await backend.gone(target, "me")

    async def hit() -> bool:
        hits = (await backend.counts(target, "me")).hits
        assert hits.keys() == {"slow", "narrow"}
        return hits["slow"] > 0

    await _until(hit)
    await backend.revert(target, "me")
    assert await backend.gone(target, "me")
    assert await backend.faults_on(target) == []
    assert (await backend.counts(target, "me")).hits == {}
    await backend.revert(target, "me")  # once more is no error


async def test_a_fault_that_nobody_renews_ends_by_itself(backend: Backend, target: Target) -> None:
    await backend.inject(target, _FAULTS[:1], "me", 0.5)
    await _until(lambda: backend.gone(target, "me"))
    with pytest.raises(LeaseLostError):
        await backend.renew(target, "me")


async def test_renewal_keeps_it(backend: Backend, target: Target) -> None:
    await backend.inject(target, _FAULTS[:1], "me", 2)
    for _ in range(5):
        await asyncio.sleep(0.5)
        await backend.renew(target, "me")
    assert not await backend.gone(target, "me")


async def test_all_of_the_faults_are_injected_or_none(backend: Backend, target: Target) -> None:
    await backend.inject(target, _FAULTS[1:], "other", 60)
    with pytest.raises(BackendError):
        await backend.inject(target, _FAULTS, "me", 60)
    assert await backend.gone(target, "me")
    assert await backend.faults_on(target) == ["narrow"]


async def test_owners_do_not_touch_each_other_s(backend: Backend, target: Target) -> None:
    await backend.inject(target, _FAULTS[:1], "me", 60)
    await backend.revert(target, "you")
    assert await backend.gone(target, "you")
    assert not await backend.gone(target, "me")
    assert (await backend.counts(target, "you")).hits == {}
    assert (await backend.counts(target, "me")).hits.keys() == {"slow"}


async def test_a_target_has_one_owner_at_a_time(backend: Backend, target: Target) -> None:
    await backend.inject(target, _FAULTS[:1], "me", 60)
    with pytest.raises(TakenError, match="me"):
        await backend.inject(target, _FAULTS[1:], "you", 60)
    assert await backend.faults_on(target) == ["slow"]
    await backend.revert(target, "me")
    await backend.inject(target, _FAULTS[1:], "you", 60)
    assert await backend.faults_on(target) == ["narrow"]


async def _looks(
    backend: Backend, target: Target, owner: str, enough: Callable[[TargetSnapshot], bool]
) -> TargetSnapshot:
    """The first look that is enough."""
    async with aclosing(backend.watch(target, owner, 0.1)) as looks:
        async for look in looks:
            if enough(look):
                return look
    raise AssertionError("a watch has no end")


async def test_a_watch_shows_what_a_target_is_and_counts(backend: Backend, target: Target) -> None:
    first = await _looks(backend, target, "me", lambda look: True)
    assert (first.enabled, first.upstream != "", first.instance != "") == (True, True, True)
    assert (list(first.faults), dict(first.counts.hits)) == ([], {})
    await backend.inject(target, _FAULTS, "me", 60)
    shown = await _looks(backend, target, "me", lambda look: look.counts.met_exchanges.get("slow", 0) > 0)
    assert {fault["name"]: fault for fault in shown.faults} == {
        spec.name: described(spec, f"me/{target.proxy}") for spec in _FAULTS
    }
    assert shown.counts.exchanges > first.counts.exchanges
    assert shown.counts.connections >= first.counts.connections
    await backend.revert(target, "me")
    await _looks(backend, target, "me", lambda look: not look.faults and not look.counts.hits)


async def test_a_watch_shows_what_others_put_there_and_counts_it_not_as_ours(backend: Backend, target: Target) -> None:
    await backend.inject(target, _FAULTS[:1], "you", 60)
    look = await _looks(backend, target, "me", lambda look: bool(look.faults))
    assert [fault["lease"].partition("/")[0] for fault in look.faults] == ["you"]
    assert look.counts.hits == {}


async def test_a_watch_of_a_proxy_that_is_deleted_or_dies_ends_with_an_error() -> None:
    with closing(Upstream()) as upstream, proxy_process(f"db@0={upstream.address}") as process:
        async with opened(ProxyBackend([process.control]), "") as (backend, target):
            await _looks(backend, target, "me", lambda look: look.upstream == upstream.address)
            with pytest.raises(MissingError, match="no proxy 'other'"):
                await _looks(backend, target._replace(proxy="other"), "me", lambda look: True)
            watching = asyncio.create_task(_looks(backend, target, "me", lambda look: False))
            await asyncio.sleep(0)
            process.kill()
            with pytest.raises(AwayError):
                await watching


async def test_a_proxy_that_dies_is_an_error_of_the_backend() -> None:
    with closing(Upstream()) as upstream, proxy_process(f"db@0={upstream.address}") as process:
        async with opened(ProxyBackend([process.control]), "") as (backend, target):
            await backend.inject(target, _FAULTS[:1], "me", 60)
            process.kill()
            for ask in (backend.renew, backend.revert, backend.gone, backend.counts):
                with pytest.raises(AwayError):
                    await ask(target, "me")
            (place,) = await backend.places([_EDGE])
            assert (place.where, place.proxy) == (target.where, "")
            assert "does not answer" in place.trouble
            with pytest.raises(BackendError, match="is none of the control addresses"):
                await backend.gone(target._replace(where="gone:1"), "me")
