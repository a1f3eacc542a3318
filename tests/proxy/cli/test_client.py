"""The twin of cli/client.py."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from brownout_core.errors import InvalidSpec, Unavailable
from brownout_proxy.cli.client import Client, Refused


class _Server(HTTPServer):
    answer: tuple[int, bytes] = (200, b"{}")
    asked: dict[str, Any]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked = {"line": f"{self.command} {self.path}", "body": body, **dict(self.headers.items())}
        status, text = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_DELETE = _take

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def _client(server: _Server, token: str | None = None, *, user: str = "", path: str = "") -> Client:
    return Client(f"http://{user}127.0.0.1:{server.server_port}{path}", token)


def test_a_name_may_have_any_characters(server: _Server) -> None:
    _client(server).ask("GET", "proxies", "a/b ü?#%", "toxics")
    assert server.asked["line"] == "GET /proxies/a%2Fb%20%C3%BC%3F%23%25/toxics"


def test_what_is_forced_says_so(server: _Server) -> None:
    _client(server).ask("DELETE", "proxies", "p?force=true", force=True)
    assert server.asked["line"] == "DELETE /proxies/p%3Fforce%3Dtrue?force=true"


def test_a_body_goes_out_as_json_and_the_answer_comes_back(server: _Server) -> None:
    server.answer = (201, b'{"name": "p"}\n')
    assert _client(server).ask("POST", "proxies", body={"name": "p"}) == {"name": "p"}
    assert json.loads(server.asked["body"]) == {"name": "p"}
    assert server.asked["Content-Type"] == "application/json"
    assert server.asked["User-Agent"].startswith("brownout/")


def test_an_empty_answer_is_nothing(server: _Server) -> None:
    server.answer = (204, b"")
    assert _client(server).ask("DELETE", "proxies", "p") is None


@pytest.mark.parametrize(
    ("status", "text", "told"),
    [
        (409, b'{"error":"proxy already exists","status":409}\n', "HTTP 409: proxy already exists"),
        (403, b"User agent not allowed\n", "HTTP 403: User agent not allowed"),
        (500, b"", "HTTP 500: Internal Server Error"),
        (400, b"[1]", "HTTP 400: [1]"),
        (499, b"{}", "HTTP 499: no reason"),
    ],
)
def test_an_error_is_told_with_its_status(server: _Server, status: int, text: bytes, told: str) -> None:
    server.answer = (status, text)
    with pytest.raises(Refused) as caught:
        _client(server).ask("GET", "proxies")
    assert (caught.value.status, str(caught.value)) == (status, told)


def test_a_token_is_sent_as_bearer_and_a_password_as_basic(server: _Server) -> None:
    _client(server, "secret").ask("GET", "version")
    assert server.asked["Authorization"] == "Bearer secret"
    client = _client(server, user="any:s%40fe@")
    client.ask("GET", "version")
    assert server.asked["Authorization"] == "Basic YW55OnNAZmU="
    assert "s%40fe" not in client.url
    _client(server).ask("GET", "version")
    assert "Authorization" not in server.asked


def test_a_token_may_have_any_letters_but_no_line_breaks(server: _Server) -> None:
    _client(server, "schlüssel€").ask("GET", "version")
    assert server.asked["Authorization"].encode("latin-1") == "Bearer schlüssel€".encode()
    with pytest.raises(InvalidSpec, match="--token: the token is not plain text"):
        _client(server, "a\nX-Evil: 1")


def test_a_url_may_have_a_path_of_its_own(server: _Server) -> None:
    _client(server, path="/behind/").ask("GET", "version")
    assert server.asked["line"] == "GET /behind/version"


def test_the_proxy_of_the_environment_is_not_used(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert _client(server).ask("GET", "version") == {}


def test_a_server_that_speaks_something_else_is_not_ours(server: _Server) -> None:
    server.answer = (200, b"<html>")
    with pytest.raises(Unavailable, match="does not speak the control API; start it with"):
        _client(server).ask("GET", "version")


def test_nobody_there_is_told_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"no answer from http://127.0.0.1:\d+ \(connection refused\); start it"):
            Client(url).ask("GET", "version")


def test_a_server_that_stays_silent_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.05)
        with pytest.raises(Unavailable, match=r"no answer from .* \(timed out\)"):
            client.ask("GET", "version")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "ftp://x",
        "http://x:port",
        "http://x:99999",
        "http://x:0",
        "http://[",
        "unix:/x",
        "http://x y",
        "http://x/ü",
        "http://ü",
    ],
)
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(InvalidSpec, match=r"--host: .* write it like http://localhost:8474"):
        Client(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [("localhost:1", "http://localhost:1"), ("https://h", "https://h"), ("http://[::1]:2/", "http://[::1]:2")],
)
def test_a_url_may_be_short(url: str, shown: str) -> None:
    assert Client(url).url == shown


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("127.0.0.1", "http://127.0.0.1:8474"),
        ("proxy.example.com", "http://proxy.example.com:8474"),
        ("[::1]", "http://[::1]:8474"),
        ("user:T@127.0.0.1", "http://127.0.0.1:8474"),
        ("127.0.0.1:9", "http://127.0.0.1:9"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("https://proxy.example.com/brownout/", "https://proxy.example.com/brownout"),
    ],
)
def test_a_host_without_scheme_and_port_is_reached_at_the_control_api_s_port(url: str, reached: str) -> None:
    assert Client(url).url == reached


def test_what_is_asked_for_beside_stands_in_the_query(server: _Server) -> None:
    _client(server).ask("GET", "proxies", "p", status=True)
    assert server.asked["line"] == "GET /proxies/p?status=true"
