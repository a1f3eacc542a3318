"""The twin of server/reload.py."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from brownout_core import address
from brownout_core.errors import NotFound
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec
from brownout_proxy.server.config import Config
from brownout_proxy.server.proxy import Proxy, ProxySpec
from brownout_proxy.server.registry import Registry
from brownout_proxy.server.reload import apply

_SLOW = FaultSpec("slow", make("latency", {"latency": 1}))
_SLOWER = FaultSpec("slow", make("latency", {"latency": 2}))
_HELD = FaultSpec("held", make("noop", {}))


class _World:
    """A registry that was started with a file."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.registry = Registry(seed=1)
        self.config = Config()

    def reload(self, *specs: ProxySpec) -> list[str]:
        after = Config(specs, None, {spec.name: f"f.yaml:1: proxies.{spec.name}" for spec in specs})
        failures = self.run(apply(self.registry, self.config, after))
        self.config = after
        return failures  # type: ignore[no-any-return]

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def proxy(self, name: str = "p") -> Proxy:
        return self.registry.get(name)

    def lease(self, name: str = "p", fault: FaultSpec = _HELD) -> None:
        async def add() -> None:
            self.registry.add_leased_fault(name, fault, "run")

        self.run(add())

    def names(self) -> list[str]:
        return [proxy.name for proxy in self.registry.proxies()]


@pytest.fixture
def world() -> Iterator[_World]:
    with asyncio.Runner() as runner:
        made = _World(runner)
        yield made
        runner.run(made.registry.close())


def _spec(name: str = "p", listen: str = "127.0.0.1:0", **keys: Any) -> ProxySpec:
    return ProxySpec(name, listen, keys.pop("upstream", "127.0.0.1:9"), **keys)


def _port(proxy: Proxy) -> int:
    return address.parse(proxy.listen).port


def test_new_proxies_are_made_and_those_that_are_gone_are_deleted(world: _World) -> None:
    assert world.reload(_spec("a"), _spec("b")) == []
    assert world.names() == ["a", "b"]
    assert world.reload(_spec("b"), _spec("c")) == []
    assert world.names() == ["b", "c"]


def test_what_others_made_is_left_alone(world: _World) -> None:
    world.run(world.registry.create(_spec("api")))
    world.reload(_spec("p"))
    world.reload()
    assert world.names() == ["api"]


def test_a_proxy_that_somebody_deleted_is_made_again_or_not_missed(world: _World) -> None:
    world.reload(_spec("a"), _spec("b"))
    world.run(world.registry.delete("a"))
    world.run(world.registry.delete("b"))
    assert world.reload(_spec("a")) == []
    assert world.names() == ["a"]


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0", ":0", "", "[::1]:0"])
def test_a_free_port_is_kept(world: _World, listen: str) -> None:
    world.reload(_spec(listen=listen))
    before, proxy = world.proxy().listen, world.proxy()
    assert world.reload(_spec(listen=listen, faults=(_SLOW,))) == []
    assert world.proxy() is proxy
    assert proxy.listen == before


def test_faults_become_those_of_the_file(world: _World) -> None:
    world.reload(_spec(faults=(_SLOW,)))
    active = world.proxy().fault("slow")
    world.proxy().add_fault(FaultSpec("by-hand", make("noop", {})))
    world.reload(_spec(faults=(_SLOWER,)))
    assert [fault.spec for fault in world.proxy().faults] == [_SLOWER]
    assert world.proxy().fault("slow") is active


def test_a_change_of_the_upstream_is_taken(world: _World) -> None:
    world.reload(_spec())
    before = world.proxy().listen
    world.reload(_spec(upstream="127.0.0.1:10"))
    assert (world.proxy().upstream, world.proxy().listen) == ("127.0.0.1:10", before)


def test_a_proxy_can_be_disabled_and_enabled(world: _World) -> None:
    world.reload(_spec())
    world.reload(_spec(enabled=False))
    assert not world.proxy().enabled
    world.reload(_spec(enabled=True))
    assert world.proxy().enabled


def test_one_that_cannot_move_stays_and_the_others_are_done(world: _World) -> None:
    world.reload(_spec("a"), _spec("b"))
    before = world.proxy("a").listen
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        failures = world.reload(_spec("a", busy), _spec("b", faults=(_SLOW,)), _spec("c", busy))
    assert [failure.partition(f"listen tcp {busy}: ")[0] for failure in failures] == [
        "f.yaml:1: proxies.a: ",
        "f.yaml:1: proxies.c: ",
    ]
    assert world.proxy("a").listen == before
    assert world.proxy("a").enabled
    assert [fault.spec for fault in world.proxy("b").faults] == [_SLOW]
    with pytest.raises(NotFound):
        world.proxy("c")


def test_an_address_can_go_from_one_proxy_to_another(world: _World) -> None:
    world.reload(_spec("a"), _spec("b"))
    freed = world.proxy("b").listen
    assert world.reload(_spec("a", freed), _spec("b")) != [], "b kept its port, so a could not have it"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert world.reload(_spec("a", freed), _spec("b", f"127.0.0.1:{port}")) == []
    assert (world.proxy("a").listen, _port(world.proxy("b"))) == (freed, port)


def test_leased_faults_stay_whether_the_file_changed_or_not(world: _World) -> None:
    world.reload(_spec(faults=(_SLOW,)), _spec("q"))
    world.lease()
    held = world.proxy().fault("held")
    for spec in (_spec(faults=(_SLOW,)), _spec(faults=(_SLOWER,)), _spec(), _spec(faults=(_SLOW,))):
        assert world.reload(spec, _spec("q", faults=spec.faults)) == []
        assert [fault.spec for fault in world.proxy().faults] == [*spec.faults, _HELD]
        assert world.proxy().fault("held") is held


@pytest.mark.parametrize("change", [{"upstream": "127.0.0.1:10"}, {"enabled": False}, {"listen": "127.0.0.2:0"}])
def test_a_proxy_under_a_lease_becomes_what_the_file_says_and_keeps_its_fault(
    world: _World, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    world.reload(_spec())
    world.lease()
    world.reload(_spec())
    assert caplog.text == "", "nothing changed"
    assert world.reload(_spec(**change)) == []
    proxy = world.proxy()
    seen = {"upstream": proxy.upstream, "enabled": proxy.enabled, "listen": f"{address.parse(proxy.listen).host}:0"}
    assert change.items() <= seen.items()
    assert [fault.lease for fault in proxy.faults] == ["run"]
    assert "proxy p is changed under the lease of a running experiment: run" in caplog.text


def test_a_proxy_that_the_file_has_no_longer_goes_though_it_is_under_a_lease(
    world: _World, caplog: pytest.LogCaptureFixture
) -> None:
    world.reload(_spec(), _spec("q"))
    world.lease()
    assert world.reload(_spec("q")) == []
    assert world.names() == ["q"]
    assert "proxy p is deleted under the lease of a running experiment: run" in caplog.text


def test_a_fault_of_the_file_whose_name_a_lease_has_is_told(world: _World) -> None:
    world.reload(_spec(), _spec("q"))
    world.lease(fault=_SLOW)
    (failure,) = world.reload(_spec(faults=(_SLOWER,)), _spec("q", faults=(_SLOWER,)))
    assert failure.startswith("f.yaml:1: proxies.p: fault slow of proxy p is under lease run")
    assert [fault.spec for fault in world.proxy().faults] == [_SLOW]
    assert [fault.spec for fault in world.proxy("q").faults] == [_SLOWER]
