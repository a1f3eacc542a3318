"""A controller that is killed leaves no fault behind: real processes, the engine's own keeper, SIGKILL.

That it is soon is measured by the bench (leases); here it has to happen at all, and to be told.
"""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from brownout_core.v1 import proxy_pb2 as pb
from brownout_core.v1.proxy_pb2_grpc import ProxyServiceStub
from tests.support.processes.proxy import ProxyProcess, proxy_process
from tests.support.running import SECONDS, echoing, eventually, read_exactly

_LEASE: Final = 1.0
_HOLDER: Final = """
import asyncio, sys
from brownout_controller.backends.base import Target
from brownout_controller.backends.proxy import ProxyBackend
from brownout_controller.engine.lease_renewer import LeaseRenewer
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec

async def hold(address, proxy, lease):
    backend, target = ProxyBackend([address]), Target(proxy, proxy, address)
    await backend.inject(target, [FaultSpec("held", make("latency", {"latency": 60_000}))], "test", lease)
    print("held", flush=True)
    await LeaseRenewer(backend, target, "test", lease, print).run()

asyncio.run(hold(sys.argv[1], sys.argv[2], float(sys.argv[3])))
"""


@contextmanager
def _holder(proxy: ProxyProcess) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a latency of a minute on the proxy `p`, and renews its lease."""
    command = [sys.executable, "-c", _HOLDER, proxy.control, "p", str(_LEASE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@contextmanager
def _staged() -> Iterator[tuple[ProxyProcess, ProxyServiceStub]]:
    with echoing() as echo, proxy_process(f"p@0={echo}") as proxy, grpc.insecure_channel(proxy.control) as channel:
        yield proxy, ProxyServiceStub(channel)  # type: ignore[no-untyped-call]


def _faults(api: ProxyServiceStub) -> list[str]:
    [proxy] = api.ListProxies(pb.ListProxiesRequest(), timeout=SECONDS).proxies
    return [active.fault.name for active in proxy.faults]


def _dial(proxy: ProxyProcess) -> socket.socket:
    host, _, port = proxy.listen("p").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=SECONDS)


def _told(watch: Any) -> Iterator[pb.FaultRemoved]:
    for message in watch:
        for event in message.events:
            if event.HasField("fault_removed"):
                yield event.fault_removed


@pytest.mark.parametrize("clients", [1, 200])
def test_a_fault_goes_when_its_controller_is_killed_and_what_it_held_arrives(clients: int) -> None:
    with _staged() as (proxy, api), contextlib.ExitStack() as opened:
        watch = api.Watch(pb.WatchRequest(interval=Duration(nanos=100_000_000)), timeout=300)
        next(watch)
        with _holder(proxy) as holder:
            held = [opened.enter_context(_dial(proxy)) for _ in range(clients)]
            for number, client in enumerate(held):
                client.sendall(b"%3d" % number)
            holder.send_signal(signal.SIGKILL)
        for number, client in enumerate(held):
            assert read_exactly(client, 3) == b"%3d" % number
        eventually(lambda: not _faults(api), "the end of the fault")
        removed = next(_told(watch))
        assert (removed.name, removed.reason) == ("held", pb.FaultRemoved.REASON_LAPSED)
        assert removed.connections  # a slow machine may take some clients only when it is gone
        assert re.search(r"lease test/p was not renewed", proxy.told())
        watch.cancel()


def test_a_fault_stays_for_as_long_as_its_controller_lives() -> None:
    with _staged() as (proxy, api), _holder(proxy):
        over = time.monotonic() + 3 * _LEASE
        eventually(lambda: time.monotonic() > over or not _faults(api), "three times the lease")
        assert _faults(api) == ["held"]
