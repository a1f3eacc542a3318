"""Changes of proxies, on a real loop with real listeners: each happens entirely or not at all, and holds up nobody."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from brownout_core.address import Address
from brownout_core.errors import Conflict, InvalidSpec, Leased, NotFound, Unavailable
from brownout_proxy.relay.lookup import Addresses
from brownout_proxy.server.events import FaultRemoved
from brownout_proxy.server.leases import FORCED, Authority
from brownout_proxy.server.proxy import Proxy, ProxySpec
from tests.support.running import (
    SECONDS,
    Running,
    Upstream,
    dial,
    eventually,
    fault,
    open_files,
    read_all,
    read_exactly,
    running,
)


@pytest.fixture
def harness() -> Iterator[Running]:
    with running() as harness:
        yield harness


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with closing(Upstream()) as upstream:
        yield upstream


@pytest.fixture
def taken() -> Iterator[str]:
    """An address on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


class Slow:
    """Host names that are looked up for as long as the test wants; others are looked up at once."""

    def __init__(self, harness: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self._loop = harness.loop
        self._answer = harness.ask(asyncio.Event)
        self.asked = 0
        monkeypatch.setattr(harness.ask(lambda: harness.registry.engine.lookups), "find", self._find)

    async def _find(self, host: str) -> Addresses:
        if host == "slow":
            self.asked += 1
            await self._answer.wait()
        return ["127.0.0.1"]

    def answer(self) -> None:
        self._loop.call_soon_threadsafe(self._answer.set)


@pytest.fixture
def slow(harness: Running, monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(harness, monkeypatch)


def spec(name: str = "p", listen: str = "127.0.0.1:0", upstream: str = "127.0.0.1:1", **more: Any) -> ProxySpec:
    return ProxySpec(name, listen, upstream, **more)


def port(proxy: Proxy) -> int:
    return int(proxy.listen.rpartition(":")[2])


def free(proxy: Proxy) -> bool:
    """Whether nobody listens any more where the proxy did."""
    try:
        socket.create_connection(("127.0.0.1", port(proxy)), SECONDS).close()
    except ConnectionRefusedError:
        return True
    return False


class Pair:
    """A client of a proxy and what its upstream has of it, known to be joined."""

    def __init__(self, proxy: Proxy, upstream: Upstream) -> None:
        self.client, self.server = dial(proxy), upstream.accept()
        assert self.works()

    def works(self) -> bool:
        self.client.sendall(b"x")
        return read_exactly(self.server, 1) == b"x"

    def ended(self) -> bool:
        """Whether both ends get FIN."""
        return read_all(self.client) == read_all(self.server) == b""

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.close()


# Creating.


def test_a_proxy_is_known_by_its_name_and_its_real_address(harness: Running) -> None:
    proxy = harness.proxy("127.0.0.1:1", listen="localhost:0")
    assert harness.ask(lambda: harness.registry.get("p")) is proxy
    assert proxy.listen.startswith("127.0.0.1:")
    assert not free(proxy)


def test_proxies_come_in_the_byte_order_of_their_names(harness: Running) -> None:
    names = ["b", "B", "é", "a", "z", "\uffff", "\U0001f600"]
    for name in names:
        harness.call(harness.registry.create(spec(name, enabled=False)))
    got = [proxy.name for proxy in harness.registry.proxies()]
    assert got == ["B", "a", "b", "z", "é", "\uffff", "\U0001f600"]


def test_a_name_is_taken_once(harness: Running) -> None:
    first = harness.proxy("127.0.0.1:1")
    with pytest.raises(Conflict, match=r"^proxy already exists$"):
        harness.proxy("127.0.0.1:2")
    assert harness.registry.proxies() == [first]


def test_an_unknown_name_is_not_found(harness: Running) -> None:
    for change in (harness.registry.update, harness.registry.delete):
        with pytest.raises(NotFound, match=r"^proxy not found$"):
            harness.call(change("nobody"))


def test_a_proxy_that_cannot_listen_is_not_made(harness: Running, taken: str) -> None:
    harness.proxy("127.0.0.1:1", name="other")
    before = open_files()
    with pytest.raises(Unavailable, match=f"^listen tcp {taken}: bind: address already in use$"):
        harness.proxy("127.0.0.1:1", listen=taken)
    assert [proxy.name for proxy in harness.registry.proxies()] == ["other"]
    assert open_files() == before


def test_of_creates_of_one_name_at_once_one_wins_and_the_others_leave_nothing(harness: Running, slow: Slow) -> None:
    async def create() -> list[Proxy | BaseException]:
        return await asyncio.gather(
            *(harness.registry.create(spec(listen="slow:0")) for _ in range(5)), return_exceptions=True
        )

    harness.proxy("127.0.0.1:1", name="other")
    before = open_files()
    creating = asyncio.run_coroutine_threadsafe(create(), harness.loop)
    eventually(lambda: slow.asked == 5)
    slow.answer()
    outcomes = creating.result(SECONDS)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 4 + ["Proxy"]
    harness.call(harness.registry.delete("p"))
    eventually(lambda: open_files() == before, "release of the listeners")


def test_a_disabled_proxy_listens_nowhere_and_may_name_a_host_nobody_knows(harness: Running) -> None:
    proxy = harness.call(harness.registry.create(spec(listen="nowhere:1", enabled=False)))
    assert (proxy.enabled, proxy.listen) == (False, "nowhere:1")


# Updating.


def test_another_address_ends_connections_and_keeps_the_faults(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address, fault("noop"))
    old, faults = port(proxy), list(proxy.faults)
    with Pair(proxy, upstream) as pair:
        assert harness.call(harness.registry.update("p", listen="127.0.0.1:0")) is proxy
        assert pair.ended()
    assert port(proxy) != old
    assert proxy.faults == faults
    Pair(proxy, upstream).__exit__()


def test_an_address_that_cannot_be_bound_changes_nothing(harness: Running, upstream: Upstream, taken: str) -> None:
    proxy = harness.proxy(upstream.address, fault("noop"))
    before = proxy.listen
    with Pair(proxy, upstream) as pair:
        with pytest.raises(Unavailable, match=f"^listen tcp {taken}: bind: address already in use$"):
            harness.call(harness.registry.update("p", listen=taken, upstream="127.0.0.1:1"))
        assert pair.works()
        assert (proxy.listen, proxy.upstream, proxy.enabled) == (before, upstream.address, True)
        Pair(proxy, upstream).__exit__()


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1"])
def test_the_same_address_in_other_words_is_no_change(harness: Running, upstream: Upstream, host: str) -> None:
    proxy = harness.proxy(upstream.address, listen="0.0.0.0:0" if not host else "127.0.0.1:0")
    with Pair(proxy, upstream) as pair:
        harness.call(harness.registry.update("p", listen=f"{host}:{port(proxy)}", upstream=upstream.address))
        assert pair.works()


def test_a_proxy_may_move_to_another_host_on_its_own_port(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address)
    number = port(proxy)
    for listen, shown in ((":{}", "[::]:{}"), ("127.0.0.2:{}", "127.0.0.2:{}")):
        with Pair(proxy, upstream) as pair:
            harness.call(harness.registry.update("p", listen=listen.format(number)))
            assert pair.ended()
        assert proxy.listen == shown.format(number)


def test_a_proxy_that_cannot_have_its_own_port_elsewhere_stays_where_it_is(
    harness: Running, upstream: Upstream
) -> None:
    proxy = harness.proxy(upstream.address)
    before = proxy.listen
    with Pair(proxy, upstream) as pair, socket.create_server(("127.0.0.2", port(proxy))):
        with pytest.raises(Unavailable, match=r"^listen tcp 127\.0\.0\.2:\d+: bind: address already in use$"):
            harness.call(harness.registry.update("p", listen=f"127.0.0.2:{port(proxy)}"))
        assert pair.works()
        assert proxy.listen == before
        Pair(proxy, upstream).__exit__()


def test_another_upstream_ends_connections_and_keeps_the_listener(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address)
    before = proxy.listen
    with closing(Upstream()) as other, Pair(proxy, upstream) as pair:
        harness.call(harness.registry.update("p", upstream=other.address))
        assert pair.ended()
        assert proxy.listen == before
        Pair(proxy, other).__exit__()


def test_disabling_ends_connections_and_enabling_has_the_same_port_and_faults(
    harness: Running, upstream: Upstream
) -> None:
    proxy = harness.proxy(upstream.address, fault("noop"))
    before, faults = proxy.listen, list(proxy.faults)
    with Pair(proxy, upstream) as pair:
        harness.call(harness.registry.update("p", enabled=False))
        assert pair.ended()
    assert free(proxy)
    assert proxy.listen == before
    harness.call(harness.registry.update("p", enabled=True))
    assert proxy.listen == before
    assert proxy.faults == faults
    with Pair(proxy, upstream) as pair:
        harness.call(harness.registry.update("p", enabled=True))
        assert pair.works()


def test_an_update_that_does_not_speak_of_it_leaves_a_proxy_disabled(harness: Running) -> None:
    proxy = harness.call(harness.registry.create(spec(enabled=False)))
    harness.call(harness.registry.update("p", listen="127.0.0.1:2", upstream="127.0.0.1:3"))
    assert (proxy.listen, proxy.upstream, proxy.enabled) == ("127.0.0.1:2", "127.0.0.1:3", False)


def test_a_proxy_that_cannot_be_enabled_stays_disabled(harness: Running, taken: str) -> None:
    proxy = harness.call(harness.registry.create(spec(listen=taken, enabled=False)))
    with pytest.raises(Unavailable):
        harness.call(harness.registry.update("p", enabled=True, upstream="127.0.0.1:3"))
    assert (proxy.listen, proxy.upstream, proxy.enabled) == (taken, "127.0.0.1:1", False)


# Look-ups of names.


def test_a_look_up_that_hangs_holds_up_no_other_change(harness: Running, slow: Slow) -> None:
    moved = harness.proxy("127.0.0.1:1", name="moved")
    creating = asyncio.run_coroutine_threadsafe(harness.registry.create(spec(listen="slow:0")), harness.loop)
    updating = asyncio.run_coroutine_threadsafe(harness.registry.update("moved", listen="slow:0"), harness.loop)
    populating = asyncio.run_coroutine_threadsafe(harness.registry.populate([spec("q", "slow:0")], []), harness.loop)
    eventually(lambda: slow.asked == 3)
    old = moved.listen
    harness.proxy("127.0.0.1:1", name="new")
    harness.call(harness.registry.update("new", listen="127.0.0.1:0"))
    harness.call(harness.registry.update("moved", upstream="127.0.0.1:2"))
    harness.call(harness.registry.populate([spec("r", "localhost:0")], []))
    harness.call(harness.registry.reset())
    harness.call(harness.registry.delete("new"))
    assert [proxy.name for proxy in harness.registry.proxies()] == ["moved", "r"]
    assert moved.listen == old
    slow.answer()
    for change in (creating, updating, populating):
        change.result(SECONDS)
    assert [proxy.name for proxy in harness.registry.proxies()] == ["moved", "p", "q", "r"]
    assert moved.listen != old


def test_a_proxy_that_is_deleted_during_its_update_is_gone(harness: Running, slow: Slow) -> None:
    proxy = harness.proxy("127.0.0.1:1")
    before = open_files()
    updating = asyncio.run_coroutine_threadsafe(harness.registry.update("p", listen="slow:0"), harness.loop)
    eventually(lambda: slow.asked)
    harness.call(harness.registry.delete("p"))
    slow.answer()
    with pytest.raises(NotFound):
        updating.result(SECONDS)
    assert not proxy.enabled
    eventually(lambda: open_files() < before, "release of the listener")


def test_a_proxy_created_while_a_disabled_one_of_its_name_is_populated_is_not_lost(harness: Running) -> None:
    """A listener without a proxy would hold its port until the process ends."""

    async def scenario() -> None:
        registry, done = harness.registry, list[Proxy]()
        async with registry._changing:
            creating = asyncio.create_task(registry.create(spec(listen="127.0.0.1:0")))
            await asyncio.sleep(0)
            populating = asyncio.create_task(registry.populate([spec(enabled=False)], done))
            await asyncio.sleep(0)
        created = await creating
        await populating
        assert done == registry.proxies()
        assert created in done or not created.enabled

    harness.call(scenario())


# Populating.


def populate(harness: Running, *specs: ProxySpec) -> list[Proxy]:
    done: list[Proxy] = []
    harness.call(harness.registry.populate(specs, done))
    return done


def test_populating_creates_in_order_and_leaves_others_alone(harness: Running) -> None:
    other = harness.proxy("127.0.0.1:1", name="other")
    done = populate(harness, spec("z"), spec("a", enabled=False))
    assert [(proxy.name, proxy.enabled) for proxy in done] == [("z", True), ("a", False)]
    assert [proxy.name for proxy in harness.registry.proxies()] == ["a", "other", "z"]
    assert other.enabled


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("127.0.0.1:0", "127.0.0.1:{port}"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:0", "localhost:{port}"),
        ("localhost:0", "localhost:0"),
        ("0.0.0.0:0", "0.0.0.0:0"),
        ("0.0.0.0:0", ":{port}"),
        (":0", "0.0.0.0:{port}"),
        ("", "[::]:{port}"),
        ("", ""),
    ],
)
def test_a_proxy_with_the_same_address_and_upstream_is_left_untouched(
    harness: Running, upstream: Upstream, first: str, again: str
) -> None:
    (proxy,) = populate(harness, spec(listen=first, upstream=upstream.address))
    harness.add(proxy, fault("noop"))
    with Pair(proxy, upstream) as pair:
        same = spec(listen=again.format(port=port(proxy)), upstream=upstream.address)
        assert populate(harness, same) == [proxy]
        assert pair.works()
    assert [active.spec.name for active in proxy.faults] == ["noop"]


def test_populating_an_unchanged_proxy_gives_it_the_faults_that_are_named_and_keeps_its_clients(
    harness: Running, upstream: Upstream
) -> None:
    (proxy,) = populate(harness, spec(upstream=upstream.address, faults=(fault("noop"),)))
    with dial(proxy) as client, upstream.accept() as server:
        populate(harness, spec(listen=proxy.listen, upstream=upstream.address))
        assert [active.spec.kind for active in proxy.faults] == ["noop"]
        populate(
            harness, spec(listen=proxy.listen, upstream=upstream.address, faults=(fault("latency", latency="1ms"),))
        )
        assert [active.spec.kind for active in proxy.faults] == ["latency"]
        server.sendall(b"x")
        assert read_exactly(client, 1) == b"x"


@pytest.mark.parametrize("enabled", [True, False])
def test_populating_does_not_enable_or_disable_a_proxy_that_is_the_same(harness: Running, enabled: bool) -> None:
    proxy = harness.proxy("127.0.0.1:1")
    if not enabled:
        harness.call(harness.registry.update("p", enabled=False))
    assert populate(harness, spec(listen=proxy.listen, enabled=not enabled)) == [proxy]
    assert proxy.enabled is enabled


def _another_upstream(proxy: Proxy) -> ProxySpec:
    return spec(listen=proxy.listen, upstream="127.0.0.1:2")


def _another_upstream_any_port(proxy: Proxy) -> ProxySpec:
    return spec(listen="127.0.0.1:0", upstream="127.0.0.1:2")


def _another_host(proxy: Proxy) -> ProxySpec:
    return spec(listen=f":{port(proxy)}", upstream=proxy.upstream)


def _disabled(proxy: Proxy) -> ProxySpec:
    return spec(listen=f"127.0.0.1:{port(proxy)}", upstream="127.0.0.1:2", enabled=False)


@pytest.mark.parametrize("changed", [_another_upstream, _another_upstream_any_port, _another_host, _disabled])
def test_another_proxy_of_that_name_replaces_the_old_one_on_its_port(
    harness: Running, upstream: Upstream, changed: Callable[[Proxy], ProxySpec]
) -> None:
    old = harness.proxy(upstream.address, fault("noop"))
    wanted = changed(old)
    with Pair(old, upstream) as pair:
        (new,) = populate(harness, wanted)
        assert pair.ended()
    assert new is not old
    assert harness.registry.proxies() == [new]
    assert (new.faults, new.upstream, new.enabled) == ([], wanted.upstream, wanted.enabled)
    assert port(new) == port(old)
    assert not old.enabled
    assert free(new) is not wanted.enabled


def test_a_replacement_elsewhere_gives_up_the_old_address(harness: Running) -> None:
    old = harness.proxy("127.0.0.1:1")
    (new,) = populate(harness, spec(listen="127.0.0.2:0"))
    assert new.listen.startswith("127.0.0.2:")
    assert free(old)


def test_the_first_failure_ends_populating_and_what_was_done_stays(harness: Running, taken: str) -> None:
    kept = harness.proxy("127.0.0.1:1", name="b")
    done: list[Proxy] = []
    with pytest.raises(Unavailable, match="address already in use"):
        harness.call(harness.registry.populate([spec("a"), spec("b", listen=taken), spec("c")], done))
    assert [proxy.name for proxy in done] == ["a"]
    assert [proxy.name for proxy in harness.registry.proxies()] == ["a", "b"]
    assert harness.registry.get("b") is kept


# Resetting, deleting, closing.


def test_a_reset_enables_every_proxy_and_removes_every_fault(harness: Running, upstream: Upstream) -> None:
    on, off = (harness.proxy(upstream.address, fault("noop"), name=name) for name in ("on", "off"))
    harness.call(harness.registry.update("off", enabled=False))
    with Pair(on, upstream) as pair:
        harness.call(harness.registry.reset())
        assert pair.works()
    assert off.enabled
    assert on.faults == off.faults == []


def test_a_reset_tries_all_before_it_says_which_failed(harness: Running, taken: str) -> None:
    for name, listen in (("a", taken), ("b", "127.0.0.1:0"), ("c", taken), ("d", "127.0.0.1:0")):
        harness.call(harness.registry.create(spec(name, listen, enabled=False, faults=(fault("noop"),))))
    reason = f"listen tcp {taken}: bind: address already in use"
    with pytest.raises(Unavailable) as refusal:
        harness.call(harness.registry.reset())
    assert str(refusal.value) == f"a: {reason}; c: {reason}"
    assert [proxy.enabled for proxy in harness.registry.proxies()] == [False, True, False, True]
    assert not any(proxy.faults for proxy in harness.registry.proxies())


def test_a_deleted_proxy_ends_its_connections_and_its_name_is_free(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address)
    with Pair(proxy, upstream) as pair:
        harness.call(harness.registry.delete("p"))
        assert pair.ended()
    assert free(proxy)
    assert harness.proxy(upstream.address, listen=proxy.listen) is not proxy


def test_closing_ends_all_and_may_be_done_twice(harness: Running, upstream: Upstream) -> None:
    proxy = harness.proxy(upstream.address)
    with Pair(proxy, upstream) as pair:
        harness.call(harness.registry.close())
        harness.call(harness.registry.close())
        assert pair.ended()
    assert free(proxy)
    assert harness.registry.proxies() == []


def files_of_an_idle_loop(harness: Running) -> int:
    """Taken after a first listener: with that one libuv opens a spare descriptor, and keeps it (uv__emfile_trick)."""
    harness.proxy("127.0.0.1:1", name="first")
    harness.call(harness.registry.close())
    return open_files()


def test_closing_leaves_no_descriptor(upstream: Upstream) -> None:
    with running() as harness:
        before = files_of_an_idle_loop(harness)
        proxies = [harness.proxy(upstream.address, fault("latency", latency="1h"), name=name) for name in "abc"]
        for proxy in proxies:
            with dial(proxy) as client:
                client.sendall(b"x")
                upstream.accept().close()
        harness.call(harness.registry.close())
        eventually(lambda: open_files() <= before, "release of all")


def test_closing_ends_the_connections_of_deleted_proxies_too(upstream: Upstream) -> None:
    with running() as harness:
        before = files_of_an_idle_loop(harness)
        client, server = dial(harness.proxy(upstream.address)), upstream.accept()
        harness.call(harness.registry.delete("p"))
        harness.call(harness.registry.close())
        eventually(lambda: open_files() <= before + 2, "release of the connection")
        client.close()
        server.close()


# What must not be.


@pytest.mark.parametrize("change", ["populate", "update"])
def test_a_proxy_goes_on_where_its_replacement_cannot_have_the_port(
    harness: Running, upstream: Upstream, change: str
) -> None:
    proxy = harness.proxy(upstream.address)
    elsewhere = f"127.0.0.2:{port(proxy)}"
    with socket.create_server(("127.0.0.2", port(proxy))), Pair(proxy, upstream) as pair:
        moving: Any = harness.registry.update("p", listen=elsewhere)
        if change == "populate":
            moving.close()
            moving = harness.registry.populate([spec("p", elsewhere, "127.0.0.1:9")], [])
        with pytest.raises(Unavailable, match="address already in use"):
            harness.call(moving)
        assert pair.works()
        assert proxy.enabled
        assert not free(proxy)
        assert harness.registry.get("p") is proxy


def test_disabling_looks_nothing_up(harness: Running, slow: Slow) -> None:
    proxy = harness.proxy("127.0.0.1:1")
    harness.call(harness.registry.update("p", listen="slow:0", enabled=False))
    harness.call(harness.registry.update("p", upstream="127.0.0.1:2"))
    assert slow.asked == 0
    assert (proxy.listen, proxy.upstream, proxy.enabled) == ("slow:0", "127.0.0.1:2", False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"])
def test_a_proxy_whose_upstream_is_itself_is_refused(harness: Running, host: str) -> None:
    listen, where = "127.0.0.1" if host == "localhost" else host, free_port()
    with pytest.raises(InvalidSpec, match="own address"):
        harness.proxy(f"{host}:{where}", listen=f"{listen}:{where}")
    proxy = harness.proxy("127.0.0.1:1", listen=f"{listen}:{where}")
    with pytest.raises(InvalidSpec, match="own address"):
        harness.call(harness.registry.update("p", upstream=f"{host}:{where}"))
    assert proxy.upstream == "127.0.0.1:1"


def test_a_unix_socket_whose_upstream_is_itself_is_refused(harness: Running, tmp_path: Path) -> None:
    where = f"unix:{tmp_path}/p"
    with pytest.raises(InvalidSpec, match="own address"):
        harness.proxy(where, listen=where)
    assert not (tmp_path / "p").exists()


def test_a_neighbour_on_the_same_port_of_another_address_is_no_loop(harness: Running) -> None:
    where = free_port()
    harness.proxy(f"127.0.0.2:{where}", listen=f"127.0.0.1:{where}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_of_two_leases_at_once_the_proxy_takes_one(harness: Running) -> None:
    harness.proxy("u:1")

    def both() -> list[str]:
        refused = []
        for owner in ("a", "b"):
            try:
                harness.registry.add_leased_fault("p", fault("noop", name=owner), owner)
            except Leased:
                refused.append(owner)
        return refused

    assert harness.ask(both) == ["b"]
    assert harness.ask(lambda: len(harness.registry.engine.leases)) == 1, "the refused one is none"


def test_a_lease_that_came_while_a_name_was_looked_up_guards_the_proxy(harness: Running, slow: Slow) -> None:
    proxy = harness.proxy("u:1")
    moving = asyncio.run_coroutine_threadsafe(harness.registry.update("p", listen="slow:0"), harness.loop)
    eventually(lambda: slow.asked, "the look-up")
    harness.ask(lambda: harness.registry.add_leased_fault("p", fault("noop"), "run"))
    before = proxy.listen
    slow.answer()
    with pytest.raises(Leased):
        moving.result(SECONDS)
    assert (proxy.enabled, proxy.listen) == (True, before)


def test_a_lease_on_a_proxy_that_came_while_populate_was_at_another_guards_it(harness: Running, slow: Slow) -> None:
    done: list[Proxy] = []
    specs = [ProxySpec("a", "slow:0", "u:1"), ProxySpec("p", "127.0.0.1:0", "v:1", enabled=False)]
    filling = asyncio.run_coroutine_threadsafe(harness.registry.populate(specs, done), harness.loop)
    eventually(lambda: slow.asked, "the look-up")
    proxy = harness.proxy("u:1")
    harness.ask(lambda: harness.registry.add_leased_fault("p", fault("noop"), "run"))
    slow.answer()
    with pytest.raises(Leased):
        filling.result(SECONDS)
    assert [made.name for made in done] == ["a"]
    assert harness.registry.get("p") is proxy


def test_the_owner_of_a_lease_and_whoever_forces_it_may_change_the_proxy(harness: Running) -> None:
    for by in (Authority("run"), FORCED):
        proxy = harness.proxy("u:1", fault("noop", name="own"))
        harness.ask(lambda: harness.registry.add_leased_fault("p", fault("noop"), "run"))
        harness.call(harness.registry.update("p", upstream="v:1", enabled=False, by=by))
        assert (proxy.enabled, proxy.upstream, len(proxy.faults)) == (False, "v:1", 2)
        harness.call(harness.registry.reset(by))
        assert (proxy.enabled, proxy.faults) == (True, [])
        harness.call(harness.registry.delete("p", by))


def test_a_deleted_proxy_tells_of_the_faults_that_went_with_it(harness: Running) -> None:
    harness.proxy("u:1", fault("noop"))
    watcher = harness.ask(harness.registry.engine.events.watch)
    harness.call(harness.registry.delete("p"))
    (happening,), _ = harness.ask(watcher.take)
    assert happening.event == FaultRemoved("p", "noop", "", "removed", 0, 0)


def test_a_port_that_something_else_of_the_process_has_is_refused_with_its_name(harness: Running, taken: str) -> None:
    host, _, port = taken.rpartition(":")
    harness.registry.reserve(Address(host, int(port)), "the gRPC API has it; --grpc-port moves that")
    with pytest.raises(Unavailable, match=r"address already in use: the gRPC API has it; --grpc-port moves that$"):
        harness.proxy("127.0.0.1:1", listen=taken)
