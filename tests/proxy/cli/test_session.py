"""The twin of cli/session.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proxy.cli.conftest import Answers, Brownout


@pytest.mark.parametrize("words", [("-h", "u:1", "list"), ("list", "-h", "u:1"), ("--host", "u:1", "list")])
def test_the_host_is_understood_before_and_after_the_command(
    server: Answers, brownout: Brownout, words: tuple[str, ...]
) -> None:
    server.given["GET /proxies"] = {}
    assert brownout(*words).status == 0
    assert server.url == "u:1"


def test_the_environment_says_where_the_server_is(
    server: Answers, brownout: Brownout, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.given["GET /proxies"] = {}
    brownout("list")
    assert (server.url, server.token) == ("http://localhost:8474", None)
    monkeypatch.setenv("TOXIPROXY_URL", "http://t")
    brownout("list")
    assert server.url == "http://t"
    monkeypatch.setenv("BROWNOUT_URL", "http://b")
    monkeypatch.setenv("BROWNOUT_TOKEN", "from-variable")
    brownout("list")
    assert (server.url, server.token) == ("http://b", "from-variable")
    brownout("-h", "u:1", "--token", "before", "list", "-h", "u:2", "--token", "after")
    assert (server.url, server.token) == ("u:2", "after")


def test_json_is_understood_before_and_after_the_command(server: Answers, brownout: Brownout) -> None:
    server.given["GET /proxies"] = {}
    assert brownout("--json", "list").out == "{}\n"
    assert brownout("list", "--json").out == "{}\n"
    assert brownout("list").out == ""


def test_a_failure_is_one_line_and_exit_status_1(server: Answers, brownout: Brownout) -> None:
    ended = brownout("inspect", "nope")
    assert ended == (1, "", "Failed to retrieve proxy nope: HTTP 404: proxy not found\n")


def test_with_json_a_failure_puts_nothing_on_stdout(server: Answers, brownout: Brownout) -> None:
    ended = brownout("delete", "nope", "--json")
    assert (ended.status, ended.out) == (1, "")


def test_an_unknown_command_is_answered_with_a_guess(brownout: Brownout) -> None:
    ended = brownout("inspct")
    assert ended.status == 2
    assert ended.err.startswith("brownout: 'inspct': unknown command; did you mean inspect? ")
    assert ended.err.count("\n") == 1


def test_help_lists_commands_in_the_order_of_use(brownout: Brownout) -> None:
    text = brownout("--help").out
    places = [text.index(f"  {name} ") for name in ("proxy", "list", "create", "delete", "toxic")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"BROWNOUT_PORT": "9000"}, "http://localhost:9000"),
        ({"BROWNOUT_PORT": "9000", "BROWNOUT_HOST": "0.0.0.0"}, "http://localhost:9000"),
        ({"BROWNOUT_PORT": "9000", "BROWNOUT_HOST": "10.0.0.7"}, "http://10.0.0.7:9000"),
        ({"BROWNOUT_PORT": "9000", "BROWNOUT_HOST": "[fd00::1]"}, "http://[fd00::1]:9000"),
        ({"BROWNOUT_PORT": "tcp://10.0.0.1:8474"}, "http://localhost:8474"),  # a Service called brownout
        ({"BROWNOUT_PORT": "9000", "BROWNOUT_URL": "http://b"}, "http://b"),
    ],
)
def test_a_container_s_commands_find_the_proxy_of_the_same_environment(
    server: Answers, brownout: Brownout, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    brownout("list")
    assert server.url == url


def test_the_token_s_file_is_that_of_the_proxy(
    server: Answers, brownout: Brownout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    monkeypatch.setenv("BROWNOUT_TOKEN_FILE", str(tmp_path / "token"))
    brownout("list")
    assert server.token == "s3cret"
