"""The counters of a registry as Prometheus text. Read when asked for; the byte path only adds to plain integers.

Labels are proxies, faults and directions, so there are only as many series as an operator has made. Toxiproxy's two
counters are there under their own names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from brownout_proxy.relay.link import DELAY_BUCKETS
from brownout_proxy.server.proxy import DIAL_BUCKETS, Proxy
from brownout_proxy.server.registry import Registry

Requests = Mapping[tuple[str, str, int], int]
"""How often a method, a route and a status came together."""


class Exposition(Collector):
    """Makes the text of /metrics."""

    def __init__(self, registry: Registry, requests: Requests) -> None:
        self._registry = registry
        self._requests = requests
        self._collectors = CollectorRegistry(auto_describe=False)
        self._collectors.register(self)
        ProcessCollector(registry=self._collectors)

    def text(self) -> bytes:
        """Prometheus text format 0.0.4."""
        return generate_latest(self._collectors)

    def collect(self) -> Iterator[Metric]:
        proxies = self._registry.proxies()
        yield from _connections(proxies)
        yield from _bytes(proxies)
        yield from _delays(proxies)
        yield from _faults(proxies)
        yield from self._buffer()
        yield self._control()

    def _buffer(self) -> Iterator[Metric]:
        budget = self._registry.engine.budget
        yield GaugeMetricFamily("brownout_buffered_bytes", "Bytes that faults hold back now.", budget.used)
        yield GaugeMetricFamily("brownout_buffer_limit_bytes", "Bytes that faults may hold back.", budget.limit)
        yield CounterMetricFamily(
            "brownout_buffer_waits", "How often a connection had to wait because the buffer was full.", budget.waits
        )

    def _control(self) -> Metric:
        family = CounterMetricFamily(
            "brownout_control_requests", "Requests to the control API.", labels=["method", "route", "status"]
        )
        for (method, route, status), count in self._requests.items():
            family.add_metric([method, route, str(status)], count)
        return family


def _connections(proxies: Iterable[Proxy]) -> Iterator[Metric]:
    live = GaugeMetricFamily("brownout_connections", "Connections now open.", labels=["proxy"])
    enabled = GaugeMetricFamily("brownout_proxy_enabled", "Whether the proxy listens.", labels=["proxy"])
    total = CounterMetricFamily("brownout_connections", "Connections accepted.", labels=["proxy"])
    failures = CounterMetricFamily("brownout_dial_failures", "Dials that failed.", labels=["proxy"])
    dials = HistogramMetricFamily("brownout_dial_seconds", "Time to reach the upstream.", labels=["proxy"])
    for proxy in proxies:
        live.add_metric([proxy.name], proxy.live)
        enabled.add_metric([proxy.name], proxy.enabled)
        total.add_metric([proxy.name], proxy.accepted)
        failures.add_metric([proxy.name], proxy.dial_failures)
        dials.add_metric([proxy.name], _buckets(DIAL_BUCKETS, proxy.dial_counts), proxy.dial_seconds)
    yield from (live, enabled, total, failures, dials)


def _bytes(proxies: Iterable[Proxy]) -> Iterator[Metric]:
    labels = ["direction", "listener", "proxy", "upstream"]
    received = CounterMetricFamily("toxiproxy_proxy_received_bytes", "Bytes read.", labels=labels)
    sent = CounterMetricFamily("toxiproxy_proxy_sent_bytes", "Bytes passed on.", labels=labels)
    for proxy in proxies:
        for direction, traffic in proxy.traffic.items():
            values = [direction, proxy.listen, proxy.name, proxy.upstream]
            received.add_metric(values, traffic.received)
            sent.add_metric(values, traffic.sent)
    yield from (received, sent)


def _delays(proxies: Iterable[Proxy]) -> Iterator[Metric]:
    family = HistogramMetricFamily(
        "brownout_injected_delay_seconds", "How long faults held data back.", labels=["proxy", "direction"]
    )
    for proxy in proxies:
        for direction, traffic in proxy.traffic.items():
            buckets = _buckets(DELAY_BUCKETS, traffic.delay_counts)
            family.add_metric([proxy.name, direction], buckets, traffic.delay_sum)
    yield family


def _faults(proxies: Iterable[Proxy]) -> Iterator[Metric]:
    labels = ["proxy", "fault", "kind", "direction"]
    hits = CounterMetricFamily("brownout_fault_hits", "How often a fault did something.", labels=labels)
    met = CounterMetricFamily("brownout_fault_connections", "Connections that a fault met.", labels=labels)
    for proxy in proxies:
        for active in proxy.faults:
            values = [proxy.name, active.spec.name, active.spec.kind, active.spec.direction]
            hits.add_metric(values, active.hits)
            met.add_metric(values, active.connections)
    yield from (hits, met)


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus has them; the last count is of what is over every bound."""
    names = [f"{bound:g}" for bound in bounds] + ["+Inf"]
    return list(zip(names, (float(total) for total in accumulate(counts)), strict=True))
