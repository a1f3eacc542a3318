"""The counters of a registry as Prometheus text. Read when asked for; the byte path only adds to plain integers.

Labels are proxies, faults and directions, so there are only as many series as an operator has made. Toxiproxy's two
counters are there under their own names.

The text is written by hand and in short turns: prometheus_client takes 1 ms for a proxy, and every connection would
wait for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from brownout_core.faults.active import ActiveFault
from brownout_proxy.relay.link import DELAY_BUCKETS, Traffic
from brownout_proxy.server.proxy import DIAL_BUCKETS, Proxy
from brownout_proxy.server.registry import Registry
from brownout_proxy.server.time_slice import TimeSlices

Requests = Mapping[tuple[str, str, int], int]
"""How often a method, a route and a status came together."""


class Exposition:
    """Makes the text of /metrics."""

    def __init__(self, registry: Registry, requests: Requests) -> None:
        self._registry = registry
        self._requests = requests
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Prometheus text format 0.0.4, in pieces: of thousands of proxies it is larger than what one wants to hold.
        What is deleted meanwhile is there as it was last."""
        piece, turns = bytearray(), TimeSlices()
        proxies = self._registry.proxies()
        for family in _FAMILIES:
            piece += family.head
            for proxy in proxies:
                for line in family.lines(family.name, proxy):
                    piece += line.encode("utf-8", "replace")
                    if len(piece) > _PIECE:
                        yield bytes(piece)
                        piece.clear()
                    await turns.end()
        yield bytes(piece)
        yield "".join((*self._buffer(), *self._control())).encode("utf-8", "replace")
        # In a thread: it lists every open file.
        yield await asyncio.to_thread(generate_latest, self._process)

    async def text(self) -> bytes:
        """All of it."""
        return b"".join([piece async for piece in self.pieces()])

    def _buffer(self) -> Iterator[str]:
        budget = self._registry.engine.budget
        for name, kind, what, value in (
            ("brownout_buffered_bytes", "gauge", "Bytes that faults hold back now.", budget.used),
            ("brownout_buffer_limit_bytes", "gauge", "Bytes that faults may hold back.", budget.limit),
            (
                "brownout_buffer_waits_total", "counter",
                "How often a connection had to wait because the buffer was full.", budget.waits,
            ),
        ):  # fmt: skip
            yield _head(name, kind, what)
            yield _line(name, "", value)

    def _control(self) -> Iterator[str]:
        name = "brownout_control_requests_total"
        yield _head(name, "counter", "Requests to the control API.")
        for (method, route, status), count in self._requests.items():
            yield _line(name, f'{{method="{_quoted(method)}",route="{_quoted(route)}",status="{status}"}}', count)


class _Family:
    """One metric of proxies: its head, and how to write the `lines` of a proxy, by its name."""

    def __init__(self, name: str, kind: str, what: str, lines: Callable[[str, Proxy], Iterable[str]]) -> None:
        self.name = name
        self.head = _head(name, kind, what).encode()
        self.lines = lines


def _head(name: str, kind: str, what: str) -> str:
    return f"# HELP {name} {what}\n# TYPE {name} {kind}\n"


def _line(name: str, labels: str, value: float) -> str:
    return f"{name}{labels} {float(value)!r}\n"


def _of_proxy(read: Callable[[Proxy], float]) -> Callable[[str, Proxy], Iterable[str]]:
    return lambda name, proxy: (_line(name, f'{{proxy="{_quoted(proxy.name)}"}}', read(proxy)),)


def _of_direction(read: Callable[[Traffic], float]) -> Callable[[str, Proxy], Iterable[str]]:
    def lines(name: str, proxy: Proxy) -> Iterator[str]:
        rest = f'proxy="{_quoted(proxy.name)}",upstream="{_quoted(proxy.upstream)}"'
        for direction, traffic in proxy.traffic.items():
            labels = f'{{direction="{direction}",listener="{_quoted(proxy.listen)}",{rest}}}'
            yield _line(name, labels, read(traffic))

    return lines


def _of_fault(read: Callable[[ActiveFault], float]) -> Callable[[str, Proxy], Iterable[str]]:
    def lines(name: str, proxy: Proxy) -> Iterator[str]:
        for active in tuple(proxy.faults):
            spec = active.spec
            fault = f'direction="{spec.direction}",fault="{_quoted(spec.name)}",kind="{spec.kind}"'
            yield _line(name, f'{{{fault},proxy="{_quoted(proxy.name)}"}}', read(active))

    return lines


def _dials(name: str, proxy: Proxy) -> Iterator[str]:
    labels = f'proxy="{_quoted(proxy.name)}"'
    yield _histogram(name, "", labels, _DIAL_BOUNDS, proxy.dial_counts, proxy.dial_seconds)


def _delays(name: str, proxy: Proxy) -> Iterator[str]:
    labels = f'proxy="{_quoted(proxy.name)}"'
    for direction, traffic in proxy.traffic.items():
        before = f'direction="{direction}",'
        yield _histogram(name, before, labels, _DELAY_BOUNDS, traffic.delay_counts, traffic.delay_sum)


def _histogram(name: str, before: str, after: str, bounds: Sequence[str], counts: Sequence[int], sum_: float) -> str:
    """Cumulative, as Prometheus has them; the last count is of what is over every bound.

    The labels are as they stand `before` and `after` the bound's.
    """
    totals = [repr(float(total)) for total in accumulate(counts)]
    series = f'{name}_bucket{{{before}le="'
    lines = [f'{series}{bound}",{after}}} {total}\n' for bound, total in zip(bounds, totals, strict=True)]
    labels = f"{{{before}{after}}}"
    lines.append(f"{name}_count{labels} {totals[-1]}\n{name}_sum{labels} {float(sum_)!r}\n")
    return "".join(lines)


def _quoted(value: str) -> str:
    """A label's value as it stands between its quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _bounds(buckets: Sequence[float]) -> Sequence[str]:
    return [*(f"{bound:g}" for bound in buckets), "+Inf"]


_PIECE: Final = 64 * 1024
"""Bytes."""
_DIAL_BOUNDS: Final = _bounds(DIAL_BUCKETS)
_DELAY_BOUNDS: Final = _bounds(DELAY_BUCKETS)

_FAMILIES: Final = (
    _Family("brownout_connections", "gauge", "Connections now open.", _of_proxy(lambda proxy: proxy.live)),
    _Family("brownout_proxy_enabled", "gauge", "Whether the proxy listens.", _of_proxy(lambda proxy: proxy.enabled)),
    _Family(
        "brownout_connections_total", "counter", "Connections accepted.", _of_proxy(lambda proxy: proxy.accepted)
    ),
    _Family(
        "brownout_dial_failures_total", "counter", "Dials that failed.", _of_proxy(lambda proxy: proxy.dial_failures)
    ),
    _Family("brownout_dial_seconds", "histogram", "Time to reach the upstream.", _dials),
    _Family(
        "toxiproxy_proxy_received_bytes_total", "counter", "Bytes read.",
        _of_direction(lambda traffic: traffic.received),
    ),
    _Family(
        "toxiproxy_proxy_sent_bytes_total", "counter", "Bytes passed on.", _of_direction(lambda traffic: traffic.sent)
    ),
    _Family("brownout_injected_delay_seconds", "histogram", "How long faults held data back.", _delays),
    _Family(
        "brownout_fault_hits_total", "counter", "How often a fault did something.",
        _of_fault(lambda active: active.hits),
    ),
    _Family(
        "brownout_fault_connections_total", "counter", "Connections that a fault met.",
        _of_fault(lambda active: active.connections),
    ),
)  # fmt: skip
