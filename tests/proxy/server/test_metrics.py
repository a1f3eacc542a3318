"""/metrics: what was moved is what is told, under bounded labels, in a format that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from brownout_proxy.server.metrics import Exposition
from tests.support.running import Running, dial, echoing, fault, read_exactly, running


@pytest.fixture
def harness() -> Iterator[Running]:
    with running() as harness:
        yield harness


def _samples(harness: Running) -> dict[tuple[str, tuple[str, ...]], float]:
    exposition = Exposition(harness.registry, {("GET", "/proxies", 200): 3})
    text = harness.ask(exposition.text).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
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
