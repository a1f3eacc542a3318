"""The catalogue's local faults on real sockets: each meets the small messages of clients that were connected before it,
as a run passes only if traffic met every fault."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Final

import pytest

from brownout_catalogue.scoring.modes import library
from brownout_catalogue.scoring.scenario import Scenario
from brownout_core import document
from brownout_core.faults.fault_yaml import read_fault
from tests.support.catalogue import EXAMPLES, ranked
from tests.support.running import dial, echoing, eventually, running

_CLIENTS: Final = 8
"""A small pool."""


def _scenarios() -> list[Scenario]:
    """One of each mode that the proxy can inject."""
    found = {row.scenario.mode.id: row.scenario for path in EXAMPLES.glob("*.yaml") for row in ranked(path.stem)}
    return [found[mode] for mode in library().modes if found[mode].faults]


@pytest.mark.parametrize("scenario", _scenarios(), ids=lambda scenario: scenario.mode.id)
def test_a_mode_s_fault_meets_live_connections(scenario: Scenario) -> None:
    (written,) = scenario.faults
    value = document.parse(json.dumps(written), "fault.json")
    assert value is not None
    with echoing() as echo, running() as harness, contextlib.ExitStack() as pool:
        proxy = harness.proxy(echo)
        clients = [pool.enter_context(dial(proxy)) for _ in range(_CLIENTS)]
        for client in clients:
            client.sendall(b"ping")
            assert client.recv(4) == b"ping"
        active = harness.add(proxy, read_fault(value))

        def met() -> bool:
            for client in clients:
                with contextlib.suppress(OSError):  # gone, or full: both are what some faults do
                    client.setblocking(False)
                    client.sendall(b"ping" * 8)
                    client.recv(4096, socket.MSG_DONTWAIT)
            return active.hits > 0

        eventually(met, f"a hit of {written}")
