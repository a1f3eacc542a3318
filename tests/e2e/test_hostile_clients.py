"""Who reaches a port without knowing a token, or wants to do harm, neither fills the process nor stops it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from brownout_proxy import limits
from tests.support.controller_process import controller_process
from tests.support.http2 import Http2, fill
from tests.support.proxy_process import proxy_process
from tests.support.running import eventually

PROXY = "/brownout.proxy.v1.ProxyService/CreateProxy"
CONTROLLER = "/brownout.controller.v1.ControllerService/Run"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
MB = 1 << 20


def resident(pid: int) -> int:
    """Bytes of memory that the process has."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


@contextmanager
def serving(what: str, token: str, root: Path) -> Iterator[tuple[str, int]]:
    """The address and the process id of a proxy or a controller."""
    if what == "proxy":
        with proxy_process(**({"BROWNOUT_TOKEN": token} if token else {})) as proxy:
            yield proxy.control, proxy.process.pid
    else:
        with controller_process(root, **({"BROWNOUT_CONTROLLER_TOKEN": token} if token else {})) as controller:
            yield controller.address, controller.process.pid


@pytest.mark.parametrize("token", ["", "secret"])
@pytest.mark.parametrize(
    ("what", "path", "size"),
    [
        ("proxy", PROXY, 4 * MB),
        ("proxy", REFLECTION, limits.MESSAGE - 1024),
        ("controller", CONTROLLER, limits.MESSAGE - 1024),
    ],
)
def test_messages_that_never_end_fill_no_memory(what: str, path: str, size: int, token: str, tmp_path: Path) -> None:
    with serving(what, token, tmp_path) as (address, pid), ExitStack() as stack:
        before = resident(pid)
        connections = [stack.enter_context(Http2(address)) for _ in range(10)]
        fill(connections, path, streams=100, size=size)
        assert resident(pid) - before < 100 * MB


def test_more_connections_than_the_limit_are_refused_and_those_that_are_there_go_on(tmp_path: Path) -> None:
    with serving("proxy", "", tmp_path) as (address, _), ExitStack() as stack:
        first = stack.enter_context(Http2(address))
        first.listen(5.0)
        more = [stack.enter_context(Http2(address)) for _ in range(limits.CONNECTIONS + 10)]

        def refused() -> int:
            for connection in more:
                if 0 not in connection.closed:
                    connection.listen(0.001)
            return sum(0 in connection.closed for connection in more)

        eventually(lambda: refused() >= 10, "the refusal of the last ones")
        assert 0 not in first.closed
