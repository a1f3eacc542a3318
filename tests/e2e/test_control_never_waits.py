"""The control API answers whatever clients and upstreams do: a request that waits times out."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.processes.control_server import ControlServer, brownout, serving
from tests.support.running import black_hole, echoing, said_back

_SECONDS = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[ControlServer]:
    with serving(brownout()) as running:
        yield running


@pytest.fixture
def flood() -> Iterator[socket.socket]:
    """A listening socket; what is accepted from it is for the test to fill."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_SECONDS)
        yield listener


@pytest.fixture
def hole() -> Iterator[str]:
    with black_hole() as address:
        yield address


def _create(server: ControlServer, name: str, upstream: str) -> tuple[str, int]:
    body = json.dumps({"name": name, "listen": "127.0.0.1:0", "upstream": upstream})
    reply = server.ask("POST", "/proxies", body)
    assert reply.status == 201, reply.body
    host, _, port = json.loads(reply.body)["listen"].rpartition(":")
    return host, int(port)


def _do_everything(server: ControlServer, name: str, upstream: str) -> None:
    """Every request that touches the proxy, the last of which deletes it."""
    path = f"/proxies/{name}"
    for method, where, body, status in (
        ("GET", "/proxies", None, 200),
        ("POST", f"{path}/toxics", '{"type":"latency","attributes":{"latency":9000}}', 200),
        ("POST", f"{path}/toxics", '{"type":"bandwidth"}', 200),
        ("POST", f"{path}/toxics", '{"type":"timeout","stream":"upstream"}', 200),
        ("PATCH", f"{path}/toxics/latency_downstream", '{"attributes":{"latency":5}}', 200),
        ("POST", f"{path}/toxics", '{"type":"reset_peer","attributes":{"timeout":9000}}', 200),
        ("DELETE", f"{path}/toxics/reset_peer_downstream", None, 204),
        ("DELETE", f"{path}/toxics/bandwidth_downstream", None, 204),
        ("GET", "/metrics", None, 200),
        ("POST", "/reset", None, 204),
        ("PATCH", path, '{"enabled":false}', 200),
        ("PATCH", path, '{"enabled":true}', 200),
        ("POST", "/populate", f'[{{"name":"{name}","upstream":"{upstream}"}}]', 201),
        ("DELETE", path, None, 204),
    ):
        assert server.ask(method, where, body).status == status, (method, where)


def test_a_client_that_does_not_read_holds_up_no_request(server: ControlServer, flood: socket.socket) -> None:
    upstream = "{}:{}".format(*flood.getsockname())
    with socket.create_connection(_create(server, "stuck", upstream)), flood.accept()[0] as peer:
        peer.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.sendall(bytes(64 * 2**20))
        _do_everything(server, "stuck", upstream)


def test_an_upstream_that_does_not_answer_holds_up_no_request(server: ControlServer, hole: str) -> None:
    address = _create(server, "dead", hole)
    with socket.create_connection(address), socket.create_connection(address):
        _do_everything(server, "dead", hole)


def test_disabling_ends_a_connection_whose_upstream_does_not_answer(server: ControlServer, hole: str) -> None:
    with socket.create_connection(_create(server, "dead", hole)) as client:
        client.settimeout(_SECONDS)
        assert server.ask("PATCH", "/proxies/dead", '{"enabled":false}').status == 200
        assert client.recv(1) == b""
    assert server.ask("DELETE", "/proxies/dead").status == 204


def test_other_proxies_work_beside_a_dead_one(server: ControlServer, hole: str) -> None:
    dead = _create(server, "dead", hole)
    with echoing() as upstream, socket.create_connection(dead):
        host, port = _create(server, "alive", upstream)
        assert said_back(f"{host}:{port}", b"hello") == b"hello"
    for name in ("dead", "alive"):
        assert server.ask("DELETE", f"/proxies/{name}").status == 204


def test_a_slow_and_a_garbled_request_hold_up_no_other(server: ControlServer) -> None:
    with contextlib.ExitStack() as stack:
        for sent in (
            b"",
            b"GET /prox",
            b"POST /proxies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{",
            b"\x16\x03\x01garbage\r\n\r\n",
        ):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            peer.sendall(sent)
        assert server.ask("GET", "/proxies").status == 200


@pytest.mark.parametrize(
    "toxic",
    [
        '{"type":"slicer","attributes":{"average_size":1}}',
        '{"type":"corrupt","attributes":{"probability":1,"segment":1}}',
    ],
)
def test_bytes_that_go_one_by_one_hold_up_no_neighbour(server: ControlServer, flood: socket.socket, toxic: str) -> None:
    upstream = "{}:{}".format(*flood.getsockname())
    with contextlib.ExitStack() as stack:
        address = _create(server, "sliced", upstream)
        assert server.ask("POST", "/proxies/sliced/toxics", toxic).status == 200
        for _ in range(8):
            client = stack.enter_context(socket.create_connection(address))
            peer = stack.enter_context(flood.accept()[0])
            peer.sendall(bytes(200_000))
            threading.Thread(target=_swallow, args=(client,), daemon=True).start()
        with echoing() as echo:
            host, port = _create(server, "neighbour", echo)
            for number in range(5):
                assert said_back(f"{host}:{port}", b"%d" % number) == b"%d" % number
        for name in ("neighbour", "sliced"):
            assert server.ask("DELETE", f"/proxies/{name}").status == 204


def _swallow(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while client.recv(1 << 16):
            pass
