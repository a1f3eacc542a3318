"""A proxy's faults: names are unique, updates are all or nothing, ordinals count connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brownout_proxy.errors import Conflict, InvalidSpec, NotFound
from tests.support.running import Running, dial, echoing, eventually, fault, read_exactly, running


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
            assert (proxy.live, proxy.accepted, sum(proxy.dial_counts)) == (1, 1, 1)
            assert {way: (moved.received, moved.sent) for way, moved in proxy.traffic.items()} == {
                "upstream": (5, 5),
                "downstream": (5, 5),
            }
        eventually(lambda: proxy.live == 0)
