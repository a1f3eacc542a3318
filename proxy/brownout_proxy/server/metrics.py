"""The counters of a registry as Prometheus text. Read when asked for; the byte path only adds to plain integers.

Labels are proxies, faults and directions, so there are only as many series as an operator has made. Toxiproxy's two
counters are there under their own names.

The text is written by hand and in short turns: prometheus_client takes 1 ms for a proxy, and every connection would
wait for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from brownout_proxy.faults.active import ActiveFault
from brownout_proxy.relay.link import DELAY_BUCKETS
from brownout_proxy.server.proxy import DIAL_BUCKETS, Proxy
from brownout_proxy.server.registry import Registry
from brownout_proxy.server.turns import Turns

Requests = Mapping[tuple[str, str, int], int]
"""How often a method, a route and a status came together."""


class Exposition:
    """Makes the text of /metrics."""

    def __init__(self, registry: Registry, requests: Requests) -> None:
        self._registry = registry
        self._requests = requests
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)

    async def text(self) -> bytes:
        """Prometheus text format 0.0.4. What is deleted meanwhile is told as it was last."""
        series, turns = _ProxySeries(), Turns()
        for proxy in self._registry.proxies():
            series.add(proxy)
            await turns.end()
            for active in tuple(proxy.faults):
                series.add_fault(proxy, active)
                await turns.end()
        families = (*series.families(), *self._buffer(), self._control())
        # In a thread: it lists every open file.
        process = await asyncio.to_thread(generate_latest, self._process)
        return b"".join((*(family.text for family in families), process))

    def _buffer(self) -> Sequence[_Family]:
        budget = self._registry.engine.budget
        used = _Family("brownout_buffered_bytes", "gauge", "Bytes that faults hold back now.")
        limit = _Family("brownout_buffer_limit_bytes", "gauge", "Bytes that faults may hold back.")
        waits = _Family(
            "brownout_buffer_waits_total", "counter", "How often a connection had to wait because the buffer was full."
        )
        used.add("", budget.used)
        limit.add("", budget.limit)
        waits.add("", budget.waits)
        return used, limit, waits

    def _control(self) -> _Family:
        family = _Family("brownout_control_requests_total", "counter", "Requests to the control API.")
        for (method, route, status), count in self._requests.items():
            family.add(f'{{method="{_quoted(method)}",route="{_quoted(route)}",status="{status}"}}', count)
        return family


class _Family:
    """One metric: its head, then the lines of all its series, as the format wants them together."""

    def __init__(self, name: str, kind: str, told: str) -> None:
        self._name = name
        self.text = bytearray(f"# HELP {name} {told}\n# TYPE {name} {kind}\n".encode())

    def add(self, labels: str, value: float) -> None:
        self.text += f"{self._name}{labels} {float(value)!r}\n".encode("utf-8", "replace")

    def add_histogram(self, before: str, after: str, bounds: Sequence[str], counts: Sequence[int], sum_: float) -> None:
        """Cumulative, as Prometheus has them; the last count is of what is over every bound.

        The labels are given as they stand `before` and `after` the bound's.
        """
        totals = [repr(float(total)) for total in accumulate(counts)]
        series = f'{self._name}_bucket{{{before}le="'
        lines = [f'{series}{bound}",{after}}} {total}\n' for bound, total in zip(bounds, totals, strict=True)]
        labels = f"{{{before}{after}}}"
        lines.append(f"{self._name}_count{labels} {totals[-1]}\n{self._name}_sum{labels} {float(sum_)!r}\n")
        self.text += "".join(lines).encode("utf-8", "replace")


class _ProxySeries:
    """What is told of each proxy."""

    def __init__(self) -> None:
        self._live = _Family("brownout_connections", "gauge", "Connections now open.")
        self._enabled = _Family("brownout_proxy_enabled", "gauge", "Whether the proxy listens.")
        self._total = _Family("brownout_connections_total", "counter", "Connections accepted.")
        self._failures = _Family("brownout_dial_failures_total", "counter", "Dials that failed.")
        self._dials = _Family("brownout_dial_seconds", "histogram", "Time to reach the upstream.")
        self._received = _Family("toxiproxy_proxy_received_bytes_total", "counter", "Bytes read.")
        self._sent = _Family("toxiproxy_proxy_sent_bytes_total", "counter", "Bytes passed on.")
        self._delays = _Family("brownout_injected_delay_seconds", "histogram", "How long faults held data back.")
        self._hits = _Family("brownout_fault_hits_total", "counter", "How often a fault did something.")
        self._met = _Family("brownout_fault_connections_total", "counter", "Connections that a fault met.")

    def families(self) -> Sequence[_Family]:
        return (
            self._live, self._enabled, self._total, self._failures, self._dials, self._received, self._sent,
            self._delays, self._hits, self._met,
        )  # fmt: skip

    def add(self, proxy: Proxy) -> None:
        name = f'proxy="{_quoted(proxy.name)}"'
        labels = f"{{{name}}}"
        self._live.add(labels, proxy.live)
        self._enabled.add(labels, proxy.enabled)
        self._total.add(labels, proxy.accepted)
        self._failures.add(labels, proxy.dial_failures)
        self._dials.add_histogram("", name, _DIAL_BOUNDS, proxy.dial_counts, proxy.dial_seconds)
        listen, upstream = _quoted(proxy.listen), _quoted(proxy.upstream)
        for direction, traffic in proxy.traffic.items():
            labels = f'{{direction="{direction}",listener="{listen}",{name},upstream="{upstream}"}}'
            self._received.add(labels, traffic.received)
            self._sent.add(labels, traffic.sent)
            before = f'direction="{direction}",'
            self._delays.add_histogram(before, name, _DELAY_BOUNDS, traffic.delay_counts, traffic.delay_sum)

    def add_fault(self, proxy: Proxy, active: ActiveFault) -> None:
        spec = active.spec
        labels = (
            f'{{direction="{spec.direction}",fault="{_quoted(spec.name)}",kind="{spec.kind}",'
            f'proxy="{_quoted(proxy.name)}"}}'
        )
        self._hits.add(labels, active.hits)
        self._met.add(labels, active.connections)


def _quoted(value: str) -> str:
    """A label's value as it stands between its quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _bounds(buckets: Sequence[float]) -> Sequence[str]:
    return [*(f"{bound:g}" for bound in buckets), "+Inf"]


_DIAL_BOUNDS: Final = _bounds(DIAL_BUCKETS)
_DELAY_BOUNDS: Final = _bounds(DELAY_BUCKETS)
