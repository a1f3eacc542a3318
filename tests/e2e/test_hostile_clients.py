"""Who reaches a port without knowing a token, or wants to do harm, neither fills the process nor stops it."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from brownout_core import limits
from tests.support.http2 import Http2, fill
from tests.support.processes.controller import controller_process
from tests.support.processes.pinger import pinging
from tests.support.processes.proxy import proxy_process
from tests.support.running import SECONDS, eventually

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
        with proxy_process(BROWNOUT_TOKEN=token) as proxy:
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


STALL = 0.05
"""Seconds that nothing of what is sent may hold up a connection."""
TRIES = 6
"""A machine that is busy with something else holds it up as well, so that as long a time without a request is the
measure, and one good try is enough."""

PROXIES_BODY = (
    b"["
    + b",".join(
        b'{"name":"q%d","upstream":"127.0.0.1:1","enabled":false,"toxics":[{"type":"latency","a":1}]}' % number
        for number in range(limits.PROXIES - 10)
    )
    + b"]"
)
CHUNKED = b"POST /populate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


def http(method: str, path: str, body: bytes = b"") -> bytes:
    return b"%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (
        method.encode(), path.encode(), len(body), body,
    )  # fmt: skip


HARMFUL = {
    "a toxic with 330,000 unknown attributes": http(
        "POST",
        "/proxies/p/toxics",
        b'{"type":"noop","attributes":{%s}}' % b",".join(b'"k%d":1' % number for number in range(330_000)),
    ),
    "one with as many as fit": http(
        "POST",
        "/proxies/p/toxics",
        b'{"type":"noop","attributes":{%s}}' % b",".join(b'"k%d":1' % number for number in range(5_500)),
    ),
    "empty objects": http("POST", "/populate", b"[" + b"{}," * 1_300_000 + b"{}]"),
    "numbers": http("POST", "/populate", b"[" + b"1," * 2_000_000 + b"1]"),
    "deep lists": http("POST", "/populate", b"[" * 4_000_000),
    "one long text": http("POST", "/populate", b'["%s"]' % (b"x" * 4_000_000)),
    "as many proxies as there may be": http("POST", "/populate", PROXIES_BODY),
    "their list": http("GET", "/proxies"),
    "their metrics": http("GET", "/metrics"),
    "their reset": http("POST", "/reset"),
    "a header of 1 MB": b"GET /version HTTP/1.1\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "100,000 headers": b"GET /version HTTP/1.1\r\n" + b"X: x\r\n" * 100_000 + b"\r\n",
    "50,000 requests at once": http("GET", "/version") * 50_000,
    "a body in chunks of one byte": CHUNKED + b"1\r\n[\r\n" * 300_000 + b"0\r\n\r\n",
    "a chunk with a long extension": CHUNKED + b"1;" + b"x" * 1_000_000 + b"\r\n[\r\n0\r\n\r\n",
    "no HTTP": bytes(range(256)) * 10_000,
}


def send(address: str, content: bytes) -> bytes:
    """The beginning of the answer, when all of it has come or nothing more does."""
    host, _, port = address.rpartition(":")
    answer = bytearray()
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        with suppress(OSError):  # refused before all is sent
            connection.sendall(content)
        connection.settimeout(1.0)
        with suppress(OSError):
            while piece := connection.recv(1 << 16):
                answer += piece[: max(0, 1000 - len(answer))]
    return bytes(answer)


@pytest.mark.alone
def test_no_request_holds_up_a_connection() -> None:
    with pinging() as ping, proxy_process(f"p@127.0.0.1:0={ping.echo}") as proxy:
        ping.through(proxy.listen("p"))
        for what, content in HARMFUL.items():
            stalls: list[tuple[float, float]] = []
            while not stalls or stalls[-1][0] > STALL + stalls[-1][1]:
                assert len(stalls) < TRIES, f"{what}: {stalls}"
                ping.longest()
                began = time.monotonic()
                answer = send(proxy.api, content)
                stall = ping.longest()
                time.sleep(time.monotonic() - began)
                stalls.append((stall, ping.longest()))
            assert b" 500 " not in answer[:20], what
        assert resident(proxy.process.pid) < 300 * MB
        log = proxy.told()
    assert "Traceback" not in log
    assert len(log) < 10_000


@pytest.mark.alone
def test_idle_connections_to_the_control_api_shut_out_neither_it_nor_the_clients() -> None:
    with (
        pinging() as ping,
        proxy_process(f"p@127.0.0.1:0={ping.echo}", files=512) as proxy,
        ExitStack() as stack,
    ):
        host, _, port = proxy.api.rpartition(":")
        for _ in range(420):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=SECONDS))
        assert b" 200 " in send(proxy.api, http("GET", "/version"))
        ping.through(proxy.listen("p"))
        ping.longest()
