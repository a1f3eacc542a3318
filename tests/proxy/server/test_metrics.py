"""/metrics: what was moved is what is told, under bounded labels, in a format that Prometheus reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM
from brownout_proxy.relay.link import DELAY_BUCKETS
from brownout_proxy.server import metrics, time_slice
from brownout_proxy.server.metrics import Exposition
from brownout_proxy.server.proxy import DIAL_BUCKETS, Proxy, ProxySpec
from tests.support.running import Running, dial, echoing, fault, read_exactly, running

_REQUESTS = {("GET", "/proxies", 200): 3}
_ODD = 'a\\n"b"\nc\x00\r\\é\U0001f600'
"""A name that has to be escaped, or must not be."""


@pytest.fixture
def harness() -> Iterator[Running]:
    with running() as harness:
        yield harness


def _text(harness: Running, requests: Mapping[tuple[str, str, int], int] = _REQUESTS) -> str:
    return harness.call(Exposition(harness.registry, requests).text()).decode()


def _samples(harness: Running) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(_text(harness))
        for sample in family.samples
    }


def test_counters_tell_what_was_moved_and_injected(harness: Running) -> None:
    with echoing() as echo:
        proxy = harness.proxy(echo, fault("latency", latency="20ms"))
        with dial(proxy) as client:
            client.sendall(bytes(100))
            read_exactly(client, 100)
            seen = _samples(harness)
    where = (proxy.listen, "p", echo)
    assert seen["toxiproxy_proxy_received_bytes_total", ("upstream", *where)] == 100
    assert seen["toxiproxy_proxy_sent_bytes_total", ("downstream", *where)] == 100
    assert seen["brownout_connections", ("p",)] == 1
    assert seen["brownout_connections_total", ("p",)] == 1
    assert seen["brownout_fault_hits_total", ("downstream", "latency", "latency", "p")] >= 1
    assert seen["brownout_fault_connections_total", ("downstream", "latency", "latency", "p")] == 1
    assert seen["brownout_injected_delay_seconds_bucket", ("downstream", "0.01", "p")] == 0
    assert seen["brownout_injected_delay_seconds_count", ("downstream", "p")] >= 1
    assert seen["brownout_injected_delay_seconds_sum", ("downstream", "p")] >= 0.0199
    assert seen["brownout_dial_seconds_count", ("p",)] == 1
    assert seen["brownout_buffered_bytes", ()] == 0
    assert seen["brownout_control_requests_total", ("GET", "/proxies", "200")] == 3


def test_connections_add_no_series(harness: Running) -> None:
    with echoing() as echo:
        proxy = harness.proxy(echo)
        before = set(_samples(harness))
        for _ in range(5):
            with dial(proxy) as client:
                client.sendall(b"x")
                read_exactly(client, 1)
        assert set(_samples(harness)) == before


def test_the_text_says_what_prometheus_own_library_would(harness: Running) -> None:
    proxies = [
        harness.proxy("127.0.0.1:9", fault("latency", name=_ODD), name=_ODD),
        harness.proxy('u"\n:1', name="plain"),
        harness.call(harness.registry.create(ProxySpec("off", "127.0.0.1:1", "u:1", enabled=False))),
    ]
    for number, proxy in enumerate(proxies, 1):
        _count_something(proxy, number)
    requests = {("GET", "/proxies/{proxy}", 200): 3, ("other", "other", 405): 12_345_678}
    library = CollectorRegistry(auto_describe=False)
    library.register(_AsTheLibraryHasIt(harness, requests))
    ours, theirs = (
        list(text_string_to_metric_families(text))
        for text in (_text(harness, requests), generate_latest(library).decode())
    )
    assert ours[: len(theirs)] == theirs
    assert {family.name.partition("_")[0] for family in ours[len(theirs) :]} == {"process"}
    names = {sample.labels.get("proxy") for family in ours for sample in family.samples}
    assert names == {None, _ODD, "plain", "off"}


def _count_something(proxy: Proxy, number: int) -> None:
    proxy.accepted, proxy.dial_failures, proxy.dial_seconds = number * 1_234_567, number, number * 1e-7
    for at in range(len(proxy.dial_counts)):
        proxy.dial_counts[at] = number * at
    for traffic in proxy.traffic.values():
        traffic.received, traffic.sent, traffic.delay_sum = number * 10**9 + 1, 10**17 + number, number / 3
        traffic.delay_counts[number] = traffic.delay_counts[-1] = number * 7
    for active in proxy.faults:
        active.hits, active.connections = 5, 1_000_000


class _AsTheLibraryHasIt(Collector):
    """The families by prometheus_client's own means: slow, and right."""

    def __init__(self, harness: Running, requests: Mapping[tuple[str, str, int], int]) -> None:
        self._registry = harness.registry
        self._budget = harness.ask(lambda: harness.registry.engine.budget)
        self._requests = requests

    def collect(self) -> Iterator[Metric]:
        live = GaugeMetricFamily("brownout_connections", "Connections now open.", labels=["proxy"])
        enabled = GaugeMetricFamily("brownout_proxy_enabled", "Whether the proxy listens.", labels=["proxy"])
        total = CounterMetricFamily("brownout_connections", "Connections accepted.", labels=["proxy"])
        failures = CounterMetricFamily("brownout_dial_failures", "Dials that failed.", labels=["proxy"])
        dials = HistogramMetricFamily("brownout_dial_seconds", "Time to reach the upstream.", labels=["proxy"])
        ends = ["direction", "listener", "proxy", "upstream"]
        received = CounterMetricFamily("toxiproxy_proxy_received_bytes", "Bytes read.", labels=ends)
        sent = CounterMetricFamily("toxiproxy_proxy_sent_bytes", "Bytes passed on.", labels=ends)
        delays = HistogramMetricFamily(
            "brownout_injected_delay_seconds", "How long faults held data back.", labels=["proxy", "direction"]
        )
        which = ["proxy", "fault", "kind", "direction"]
        hits = CounterMetricFamily("brownout_fault_hits", "How often a fault did something.", labels=which)
        met = CounterMetricFamily("brownout_fault_connections", "Connections that a fault met.", labels=which)
        for proxy in self._registry.proxies():
            live.add_metric([proxy.name], proxy.live)
            enabled.add_metric([proxy.name], proxy.enabled)
            total.add_metric([proxy.name], proxy.accepted)
            failures.add_metric([proxy.name], proxy.dial_failures)
            dials.add_metric([proxy.name], _cumulative(DIAL_BUCKETS, proxy.dial_counts), proxy.dial_seconds)
            for direction in (UPSTREAM, DOWNSTREAM):
                traffic = proxy.traffic[direction]
                values = [direction, proxy.listen, proxy.name, proxy.upstream]
                received.add_metric(values, traffic.received)
                sent.add_metric(values, traffic.sent)
                buckets = _cumulative(DELAY_BUCKETS, traffic.delay_counts)
                delays.add_metric([proxy.name, direction], buckets, traffic.delay_sum)
            for active in proxy.faults:
                values = [proxy.name, active.spec.name, active.spec.kind, active.spec.direction]
                hits.add_metric(values, active.hits)
                met.add_metric(values, active.connections)
        yield from (live, enabled, total, failures, dials, received, sent, delays, hits, met)
        budget = self._budget
        yield GaugeMetricFamily("brownout_buffered_bytes", "Bytes that faults hold back now.", budget.used)
        yield GaugeMetricFamily("brownout_buffer_limit_bytes", "Bytes that faults may hold back.", budget.limit)
        yield CounterMetricFamily(
            "brownout_buffer_waits", "How often a connection had to wait because the buffer was full.", budget.waits
        )
        control = CounterMetricFamily(
            "brownout_control_requests", "Requests to the control API.", labels=["method", "route", "status"]
        )
        for (method, route, status), count in self._requests.items():
            control.add_metric([method, route, str(status)], count)
        yield control


def _cumulative(bounds: tuple[float, ...], counts: list[int]) -> list[tuple[str, float]]:
    names = [f"{bound:g}" for bound in bounds] + ["+Inf"]
    return [(name, sum(counts[: at + 1])) for at, name in enumerate(names)]


def test_the_loop_turns_between_the_lines_of_each_proxy(harness: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_slice, "TURN", 0)
    monkeypatch.setattr(time_slice, "LONGEST", 0)
    for number in range(5):
        harness.proxy("u:1", *(fault("noop", name=str(at)) for at in range(3)), name=str(number))

    turn, written_in = 0, []

    def lines(name: str, proxy: Proxy) -> Iterator[str]:
        for _ in range(3):
            written_in.append(turn)
            yield name

    monkeypatch.setattr(metrics, "_FAMILIES", [metrics._Family(name, "gauge", "", lines) for name in "ab"])

    async def count_turns() -> None:
        nonlocal turn
        writing = asyncio.create_task(Exposition(harness.registry, _REQUESTS).text())
        while not writing.done():
            turn += 1
            await asyncio.sleep(0)

    harness.call(count_turns())
    assert len(set(written_in)) == len(written_in) == 5 * 2 * 3


def test_what_is_deleted_while_the_text_is_written_breaks_nothing(
    harness: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_slice, "TURN", 0)
    monkeypatch.setattr(time_slice, "LONGEST", 0)
    for number in range(5):
        harness.proxy("u:1", *(fault("noop", name=str(at)) for at in range(3)), name=str(number))

    async def deleting() -> str:
        writing = asyncio.create_task(Exposition(harness.registry, _REQUESTS).text())
        await asyncio.sleep(0)
        for proxy in harness.registry.proxies():
            proxy.clear_faults()
            await harness.registry.delete(proxy.name)
        return (await writing).decode()

    told = list(text_string_to_metric_families(harness.call(deleting())))
    assert "brownout_control_requests" in [family.name for family in told]
