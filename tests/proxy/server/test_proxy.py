"""A proxy's faults: names are unique, updates are all or nothing, ordinals count connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from brownout_core.errors import Conflict, InvalidSpec, NotFound
from brownout_core.faults.spec import Selection
from brownout_proxy.server import proxy as module
from tests.support.running import Running, dial, echoing, eventually, fault, read_all, read_exactly, running


@pytest.fixture
def harness() -> Iterator[Running]:
    with running() as harness:
        yield harness


def test_a_fault_s_name_is_unique_across_both_directions(harness: Running) -> None:
    proxy = harness.proxy("u:1", fault("noop"))
    with pytest.raises(Conflict, match="toxic already exists"):
        harness.add(proxy, fault("noop", stream="upstream"))


def test_an_update_with_one_bad_value_changes_nothing(harness: Running) -> None:
    proxy = harness.proxy("u:1", fault("latency", latency=5))
    with pytest.raises(InvalidSpec):
        harness.update(proxy, "latency", latency=7, jitter=-1)
    assert proxy.fault("latency").spec.fault.attributes() == {"latency": 5, "jitter": 0}


def test_an_update_keeps_what_it_does_not_name(harness: Running) -> None:
    proxy = harness.proxy("u:1", fault("latency", latency=5))
    harness.ask(lambda: proxy.update_fault("latency", selection={"toxicity": 0.5}))
    harness.update(proxy, "latency", jitter=1)
    spec = proxy.fault("latency").spec
    assert (spec.fault.attributes(), spec.selection.toxicity) == ({"latency": 5, "jitter": 1}, 0.5)


def test_upstream_faults_come_first(harness: Running) -> None:
    names = [("a", "downstream"), ("b", "upstream"), ("c", "downstream"), ("d", "upstream")]
    proxy = harness.proxy("u:1", *(fault("noop", name=name, stream=stream) for name, stream in names))
    assert [active.spec.name for active in proxy.ordered_faults()] == ["b", "d", "a", "c"]


def test_what_is_not_there_is_not_found(harness: Running) -> None:
    proxy = harness.proxy("u:1")
    for act in (lambda: proxy.fault("x"), lambda: proxy.remove_fault("x"), lambda: proxy.update_fault("x")):
        with pytest.raises(NotFound, match="toxic not found"):
            harness.ask(act)


def test_replacing_faults_keeps_the_counters_of_those_that_stay(harness: Running) -> None:
    proxy = harness.proxy("u:1", fault("noop"), fault("latency"))
    kept = proxy.fault("latency")
    harness.ask(lambda: proxy.replace_faults([fault("latency", latency=9), fault("cut")]))
    assert [active.spec.name for active in proxy.faults] == ["latency", "cut"]
    assert proxy.faults[0] is kept
    assert kept.spec.fault.attributes()["latency"] == 9


def test_an_upstream_that_is_no_address_is_found_out_when_it_is_dialled(harness: Running) -> None:
    proxy = harness.proxy("nowhere")
    with dial(proxy) as client:
        assert client.recv(1) == b""
    assert proxy.dial_failures == 1


def test_connections_and_bytes_are_counted_while_they_live(harness: Running) -> None:
    with echoing() as echo:
        proxy = harness.proxy(echo)
        with dial(proxy) as client:
            client.sendall(b"12345")
            read_exactly(client, 5)
            eventually(lambda: (proxy.live, proxy.accepted, sum(proxy.dial_counts)) == (1, 1, 1))
            assert {way: (moved.received, moved.sent) for way, moved in proxy.traffic.items()} == {
                "upstream": (5, 5),
                "downstream": (5, 5),
            }
        eventually(lambda: proxy.live == 0)


def test_a_fault_that_is_replaced_by_its_equal_goes_on_as_it_was(harness: Running) -> None:
    with echoing() as echo:
        proxy = harness.proxy(echo, fault("latency", latency="20ms"))
        before = proxy.faults[0].spec.fault
        chosen = Selection(toxicity=0.5)
        harness.ask(lambda: proxy.replace_faults([fault("latency", latency="20ms", chosen=chosen)]))
        assert proxy.faults[0].spec.fault is before
        assert proxy.faults[0].spec.selection == chosen
        harness.update(proxy, "latency", latency="20ms")
        assert proxy.faults[0].spec.fault is before


def test_many_connections_learn_of_a_change_without_holding_up_the_loop(
    harness: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "time_slice", lambda others: 0.0)  # one connection in each turn
    with echoing() as echo, contextlib.ExitStack() as clients:
        proxy = harness.proxy(echo)
        for _ in range(20):
            client = clients.enter_context(dial(proxy))
            client.sendall(b"x")
            read_exactly(client, 1)

        async def change() -> tuple[int, int]:
            active = proxy.add_fault(fault("noop"))
            at_once = active.connections
            await proxy.settled()
            return at_once, active.connections

        async def change_twice() -> int:
            active = proxy.add_fault(fault("noop", name="again"))
            proxy.remove_fault("again")
            await proxy.settled()
            return active.connections

        at_once, in_the_end = harness.call(change())
        assert at_once < in_the_end == 20
        assert harness.call(change_twice()) < 20


def test_changes_that_follow_each_other_fast_reach_every_connection(
    harness: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "time_slice", lambda others: 0.0)  # one connection in each turn
    with echoing() as echo, contextlib.ExitStack() as clients:
        proxy = harness.proxy(echo)
        for _ in range(20):
            client = clients.enter_context(dial(proxy))
            client.sendall(b"x")
            read_exactly(client, 1)

        async def change_in_each_turn() -> int:
            active = proxy.add_fault(fault("noop"))
            for number in range(25):
                proxy.add_fault(fault("noop", name=str(number)))
                await asyncio.sleep(0)
            return active.connections

        assert harness.call(change_in_each_turn()) == 20


def test_what_is_held_when_a_proxy_stops_ends_in_a_reset_and_not_in_a_stream_that_looks_whole(harness: Running) -> None:
    with echoing() as echo:
        proxy = harness.proxy(echo, fault("latency", latency="60s"))
        with dial(proxy) as idle, dial(proxy) as waiting:
            waiting.sendall(b"x")
            eventually(lambda: proxy.traffic["downstream"].received == 1 and proxy.accepted == 2)
            harness.call(harness.registry.update("p", enabled=False))
            assert read_all(idle) == b""
            with pytest.raises(ConnectionResetError):
                read_all(waiting)
