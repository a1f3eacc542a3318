"""What the gRPC API shows of a proxy: its faults with their leases, upstream ones first, and its counters."""

from __future__ import annotations

from contextlib import suppress

import pytest

from brownout_proxy.api.messages import show_counters, show_proxy
from tests.support.running import dial, echoing, eventually, fault, read_exactly, reset, running


def test_a_proxy_is_shown_with_its_faults_and_their_leases() -> None:
    with running() as harness:
        proxy = harness.proxy("127.0.0.1:1", fault("latency", latency="20ms"))
        harness.ask(lambda: proxy.add_fault(fault("noop", stream="upstream"), lease="run-1"))
        message = show_proxy(proxy)
        assert (message.name, message.listen, message.upstream, message.enabled) == (
            "p", proxy.listen, "127.0.0.1:1", True,
        )  # fmt: skip
        shown = [(active.fault.name, active.fault.WhichOneof("kind"), active.lease) for active in message.faults]
        assert shown == [("noop", "noop", "run-1"), ("latency", "latency", "")]
        assert message.faults[1].fault.latency.latency == 20


def test_counters_are_those_of_the_proxy() -> None:
    with echoing() as echo, running() as harness:
        proxy = harness.proxy(echo, fault("latency", latency="1ms"))
        with dial(proxy) as client:
            client.sendall(bytes(100))
            read_exactly(client, 100)
            counters = harness.ask(lambda: show_counters(proxy))
        assert (counters.connections_live, counters.connections_accepted, counters.dial_failures) == (1, 1, 0)
        assert counters.received_upstream == counters.sent_downstream == 100
        assert [(item.name, item.kind, item.connections) for item in counters.faults] == [("latency", "latency", 1)]
        assert counters.faults[0].hits >= 1
        assert (counters.exchanges, counters.faults[0].exchanges) == (1, 1)
        assert counters.injected_delay == pytest.approx(0.001, rel=0.01)


def test_connections_that_a_fault_or_a_peer_ended_are_counted() -> None:
    with echoing() as echo, running() as harness:
        proxy = harness.proxy(echo)
        with dial(proxy) as client:
            client.sendall(b"x")
            read_exactly(client, 1)
            reset(client)
        eventually(lambda: harness.ask(lambda: show_counters(proxy)).connections_reset == 1)
        harness.ask(lambda: proxy.add_fault(fault("refuse")))
        with suppress(OSError):  # the reset may come before the socket has its options
            dial(proxy).close()
        eventually(lambda: harness.ask(lambda: show_counters(proxy)).connections_ended_by_fault == 1)
