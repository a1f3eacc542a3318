"""The twin of cli/proxies.py."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from brownout_core.errors import Unavailable
from brownout_proxy.cli.client import Refused
from brownout_proxy.cli.output import Output
from brownout_proxy.cli.proxies import ALIASES, COMMANDS
from tests.proxy.cli.conftest import Answers, Brownout


def _proxy(name: str, enabled: bool = True, toxics: Any = ()) -> dict[str, Any]:
    return {"name": name, "listen": "127.0.0.1:1", "upstream": "u:2", "enabled": enabled, "toxics": list(toxics)}


_TOXIC = {
    "name": "slow", "type": "latency", "stream": "downstream", "toxicity": 1,
    "attributes": {"latency": 300, "jitter": 0},
}  # fmt: skip


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes commands believe that they write to a terminal without colours."""
    monkeypatch.setattr(
        "brownout_proxy.cli.session.Output",
        lambda as_json: Output(as_json=as_json, terminal=True, colour=False, width=100),
    )


def test_every_alias_names_a_command() -> None:
    assert set(ALIASES.values()) <= {command.name for command in COMMANDS}


@pytest.mark.parametrize("command", ["list", "l", "li", "ls"])
def test_list_is_one_line_with_tabs_for_each_proxy_by_name(server: Answers, brownout: Brownout, command: str) -> None:
    server.given["GET /proxies"] = {"b": _proxy("b", False), "B": _proxy("B", toxics=[_TOXIC])}
    assert brownout(command).out == "B\t127.0.0.1:1\tu:2\tenabled\t1\nb\t127.0.0.1:1\tu:2\tdisabled\t0\n"


def test_list_on_a_terminal_is_a_table(server: Answers, brownout: Brownout, terminal: None) -> None:
    server.given["GET /proxies"] = {"a": _proxy("a")}
    assert brownout("list").out.splitlines() == [
        "Name  Listen       Upstream  State    Faults",
        "a     127.0.0.1:1  u:2       enabled  0",
    ]
    server.given["GET /proxies"] = {}
    assert "There is no proxy; make one: brownout create" in brownout("list").out


@pytest.mark.parametrize("command", ["inspect", "i", "ins"])
def test_inspect_is_one_line_for_each_fault(server: Answers, brownout: Brownout, command: str) -> None:
    server.given["GET /proxies/p?status=true"] = _proxy("p", toxics=[_TOXIC])
    assert brownout(command, "p").out == (
        "slow\ttype=latency\tstream=downstream\ttoxicity=1.00\tattributes=[\tjitter=0\tlatency=300\t]\n"
    )
    assert json.loads(brownout(command, "p", "--json").out)["toxics"] == [_TOXIC]


def test_inspect_on_a_terminal_shows_units(server: Answers, brownout: Brownout, terminal: None) -> None:
    server.given["GET /proxies/p?status=true"] = _proxy("p", toxics=[_TOXIC])
    assert "slow   latency  downstream  latency=300ms  all" in brownout("inspect", "p").out
    server.given["GET /proxies/p?status=true"] = _proxy("p") | {"toxics": None}
    assert "No faults; add one: brownout toxic add" in brownout("inspect", "p").out


@pytest.mark.parametrize(
    "words",
    [("create", "-l", "15432", "-u", "u:2", "p"), ("c", "p", "--listen", "15432", "--upstream", "u:2"),
     ("new", "-l", "127.0.0.1:15432", "p", "-u", "u:2")],
)  # fmt: skip
def test_create_makes_an_enabled_proxy(server: Answers, brownout: Brownout, words: tuple[str, ...]) -> None:
    server.given["POST /proxies"] = _proxy("p")
    assert brownout(*words).out == "Created new proxy p\n"
    body = {"name": "p", "listen": "127.0.0.1:15432", "upstream": "u:2", "enabled": True}
    assert server.asked == [("POST /proxies", body)]


def test_create_says_why_it_failed(server: Answers, brownout: Brownout) -> None:
    server.given["POST /proxies"] = Refused(409, "proxy already exists")
    ended = brownout("create", "-l", "1", "-u", "2", "p")
    assert ended == (1, "", "Failed to create proxy: create: HTTP 409: proxy already exists\n")


def test_create_wants_both_addresses(server: Answers, brownout: Brownout) -> None:
    ended = brownout("create", "-u", "x:1", "p")
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert "--listen" in ended.err
    assert server.asked == []


@pytest.mark.parametrize(("enabled", "state"), [(True, "disabled"), (False, "enabled")])
@pytest.mark.parametrize("command", ["toggle", "tog"])
def test_toggle_turns_the_state_round(
    server: Answers, brownout: Brownout, enabled: bool, state: str, command: str
) -> None:
    server.given["GET /proxies/p"] = _proxy("p", enabled)
    server.given["POST /proxies/p"] = _proxy("p", not enabled)
    assert brownout(command, "p").out == f"Proxy p is now {state}\n"
    assert server.asked[-1] == ("POST /proxies/p", {"enabled": not enabled})


@pytest.mark.parametrize("command", ["enable", "disable"])
def test_enable_and_disable_ask_once(server: Answers, brownout: Brownout, command: str) -> None:
    server.given["POST /proxies/p"] = _proxy("p", command == "enable")
    assert brownout(command, "p").out == f"Proxy p is now {command}d\n"
    assert server.asked == [("POST /proxies/p", {"enabled": command == "enable"})]


@pytest.mark.parametrize("command", ["delete", "d"])
def test_delete_removes_a_proxy(server: Answers, brownout: Brownout, command: str) -> None:
    server.given["DELETE /proxies/a b"] = None
    assert brownout(command, "a b").out == "Deleted proxy a b\n"
    assert json.loads(brownout(command, "a b", "--json").out) == {"deleted": "a b"}


def test_reset_asks_for_it(server: Answers, brownout: Brownout) -> None:
    server.given["POST /reset"] = None
    assert brownout("reset").status == 0
    assert server.asked == [("POST /reset", None)]
    server.given["POST /reset"] = Refused(500, "busy")
    assert brownout("reset").err == "Failed to reset: HTTP 500: busy\n"


def test_populate_sends_a_file_with_its_faults(server: Answers, brownout: Brownout, tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("proxies: {p: {listen: 1, upstream: 2, faults: [{latency: 1s, first: 3}]}}")
    server.given["POST /populate"] = {"proxies": [_proxy("p")]}
    assert brownout("populate", str(file)).out == "p\t127.0.0.1:1\tu:2\tenabled\t0\n"
    toxic = {
        "attributes": {"latency": 1000, "jitter": 0}, "name": "latency_downstream", "type": "latency",
        "stream": "downstream", "toxicity": 1, "first": 3,
    }  # fmt: skip
    body = {"name": "p", "listen": "127.0.0.1:1", "upstream": "127.0.0.1:2", "enabled": True, "toxics": [toxic]}
    assert server.asked == [("POST /populate", [body])]


def test_populate_reads_stdin(server: Answers, brownout: Brownout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('[{"name": "p", "upstream": "u:2"}]'))
    server.given["POST /populate"] = {"proxies": None}
    assert brownout("populate", "-", "--json").out == '{\n  "proxies": null\n}\n'
    monkeypatch.setattr("sys.stdin", io.StringIO("[{}]"))
    ended = brownout("populate", "-")
    assert ended == (2, "", "brownout: stdin:1: [0]: name is missing\n")


def test_wait_asks_until_there_is_an_answer(server: Answers, brownout: Brownout) -> None:
    asked: list[str] = []

    def ask(method: str, *path: str, body: Any = None, force: bool = False, status: bool = False) -> Any:
        asked.append(f"{method} /{'/'.join(path)}")
        if len(asked) < 3:
            raise Unavailable("not yet")
        return {"version": "2.12.0"}

    server.ask = ask  # type: ignore[method-assign]
    assert brownout("wait").status == 0
    assert asked == ["GET /version"] * 3


def test_wait_gives_up(server: Answers, brownout: Brownout) -> None:
    server.given["GET /version"] = Unavailable("nobody there")
    assert brownout("wait", "--for", "0s") == (1, "", "not ready after 0s: nobody there\n")
    assert brownout("wait", "--for", "long").status == 2


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        (("toggle", "p"), "POST /proxies/p"),
        (("enable", "p"), "POST /proxies/p"),
        (("disable", "p"), "POST /proxies/p"),
        (("delete", "p"), "DELETE /proxies/p"),
        (("reset",), "POST /reset"),
        (("populate", "FILE"), "POST /populate"),
    ],
)
def test_force_goes_to_the_server_where_it_was_given(
    server: Answers, brownout: Brownout, tmp_path: Path, words: tuple[str, ...], request_: str
) -> None:
    file = tmp_path / "proxies.json"
    file.write_text('[{"name": "p", "listen": "127.0.0.1:1", "upstream": "u:2"}]')
    words = tuple(str(file) if word == "FILE" else word for word in words)
    for force in ("", "?force=true"):
        server.given = {"GET /proxies/p": _proxy("p"), request_ + force: _proxy("p") | {"proxies": []}}
        assert brownout(*words, *(["--force"] if force else [])).status == 0
        assert server.asked[-1][0] == request_ + force


def test_a_fault_under_a_lease_shows_it(server: Answers, brownout: Brownout, terminal: None) -> None:
    server.given["GET /proxies/p?status=true"] = _proxy("p", toxics=[_TOXIC])
    assert "Lease" not in brownout("inspect", "p").out
    server.given["GET /proxies/p?status=true"] = _proxy(
        "p", toxics=[_TOXIC, {**_TOXIC, "name": "held", "lease": "run-1/p"}]
    )
    *_, heading, own, held = brownout("inspect", "p").out.splitlines()
    assert (heading.split()[-1], own.split()[-1], held.split()[-1]) == ("Lease", "all", "run-1/p")


def test_inspect_shows_hits_and_what_is_left(server: Answers, brownout: Brownout, terminal: None) -> None:
    counted = {**_TOXIC, "first": 3, "status": {"hits": 12, "connections": 1, "left": 2}}
    server.given["GET /proxies/p?status=true"] = _proxy("p", toxics=[counted])
    assert "12 on 1 connection, 2 left" in brownout("inspect", "p").out


@pytest.mark.parametrize(("unreachable", "words"), [(True, "now"), (False, "before, not any more")])
def test_inspect_shows_why_the_upstream_was_not_reached(
    server: Answers, brownout: Brownout, terminal: None, unreachable: bool, words: str
) -> None:
    status = {"last_error": "db:1: connection refused", "unreachable": unreachable}
    server.given["GET /proxies/p?status=true"] = _proxy("p") | {"status": status}
    assert f"Upstream not reached ({words}): db:1: connection refused" in brownout("inspect", "p").out


def test_a_program_reads_what_is_left_at_the_end_of_the_line(server: Answers, brownout: Brownout) -> None:
    counted = {**_TOXIC, "first": 3, "status": {"hits": 12, "connections": 1, "left": 2}}
    server.given["GET /proxies/p?status=true"] = _proxy("p", toxics=[counted])
    assert brownout("inspect", "p").out.endswith("\t]\tfirst=3\tleft=2\n")


def test_an_upstream_with_a_scheme_is_noted_when_the_proxy_is_made(server: Answers, brownout: Brownout) -> None:
    server.given["POST /proxies"] = _proxy("p")
    ended = brownout("create", "-l", "1", "-u", "http://db", "p")
    assert ended.status == 0
    assert "write it without http://; that is, db:80" in ended.err


@pytest.mark.parametrize(("answer", "status"), [({"version": "2.12.0"}, 0), (Unavailable("nobody there"), 1)])
def test_health_is_an_exit_status(server: Answers, brownout: Brownout, answer: Any, status: int) -> None:
    server.given["GET /version"] = answer
    assert brownout("health").status == status
