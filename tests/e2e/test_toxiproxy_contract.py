"""The contract of Toxiproxy's HTTP API is kept by the real process, request by request.

Where `toxiproxy-server` is on PATH the same table is put to it. It has to answer alike, to the
byte, but in the rows that say why ours is better: there it has to differ.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import pytest

from tests.e2e.contract_table import ANY, TABLE, Row
from tests.support.ports import free_port
from tests.support.processes.control_server import Command, ControlServer, Reply, brownout, serving

_OURS: Final = "brownout"
_SERVERS: Final[dict[str, Command]] = {_OURS: brownout()}
if _PEER := shutil.which("toxiproxy-server"):
    _SERVERS["toxiproxy"] = lambda port: (str(_PEER), "-port", str(port))

_ALIKE: Final = (
    (re.compile(r"(127\.0\.0\.1|\[::1?\]):\d+"), r"\1:PORT"),
    (re.compile(r'"version": "[^"]*"'), '"version": "VERSION"'),
    (re.compile(r"lookup (\S+) on \S+: no such host"), r"lookup \1: no such host"),
    (re.compile(r',"Logger":\{\}'), ""),  # nobody reads it
)


@pytest.fixture(scope="module", params=list(_SERVERS))
def running(request: pytest.FixtureRequest) -> Iterator[tuple[str, ControlServer]]:
    port = 0 if request.param == _OURS else free_port()
    with serving(_SERVERS[request.param], port) as server:
        yield request.param, server


@pytest.fixture
def server(running: tuple[str, ControlServer]) -> ControlServer:
    """The server without a proxy."""
    _, server = running
    for name in json.loads(server.ask("GET", "/proxies").body):
        assert server.ask("DELETE", f"/proxies/{quote(name, safe='')}").status == 204
    return server


@pytest.fixture
def ours(running: tuple[str, ControlServer], server: ControlServer) -> bool:
    return running[0] == _OURS


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("case", TABLE)
def test_the_contract_is_kept(server: ControlServer, ours: bool, case: str, taken_port: int) -> None:
    ports = {"$BUSY": str(taken_port), "$FREE": str(free_port())}
    for row in TABLE[case]:
        method, path = row.request.split()
        body = row.body and re.sub(r"\$[A-Z]+", lambda found: ports[found[0]], row.body)
        reply = server.ask(method, path, body, row.headers)
        if ours or not row.better:
            assert _differences(reply, row) == [], row
        elif row.always:
            assert _differences(reply, row), f"Toxiproxy does the same: {row}"


def _differences(reply: Reply, row: Row) -> list[str]:
    """In what `reply` is not as `row` has it."""
    body = reply.body
    for pattern, replacement in _ALIKE:
        body = pattern.sub(replacement, body)
    expected = row.answer.removesuffix(ANY)
    same = body.startswith(expected) if row.answer.endswith(ANY) else body == expected
    kind = reply.headers.get("Content-Type")
    is_text = row.content_type == "text/plain; charset=utf-8"
    found = {
        f"status {reply.status}": reply.status == row.status,
        f"body {body!r}": same or not expected,
        f"type {kind!r}": row.content_type in (None, kind),
        "no nosniff": not is_text or reply.headers.get("X-Content-Type-Options") == "nosniff",
        "an empty body": bool(body) or row.status in (204, 405),
        "a body": not body or row.status not in (204, 405),
        "the request id": ("X-Toxiproxy-Request-Id" in reply.headers) == row.is_routed,
    }
    return [difference for difference, holds in found.items() if not holds]


def test_a_name_with_a_slash_can_be_addressed(server: ControlServer, ours: bool) -> None:
    if not ours:
        return  # it could not even be deleted there
    body = '{"name":"a/b","upstream":"u:1","enabled":false,"toxics":[{"type":"noop","name":"c/d"}]}'
    assert server.ask("POST", "/proxies", body).status == 201
    assert server.ask("PATCH", "/proxies/a%2Fb/toxics/c%2Fd", '{"toxicity":0}').status == 200
    assert server.ask("DELETE", "/proxies/a%2Fb/toxics/c%2fd").status == 204
    assert server.ask("DELETE", "/proxies/a%2Fb").status == 204


def test_the_version_is_one_that_clients_know(server: ControlServer, ours: bool) -> None:
    if ours:
        assert server.ask("GET", "/version").body == '{"version": "2.12.0"}\n'
