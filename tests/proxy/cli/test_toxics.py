"""The twin of cli/toxics.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brownout_core.errors import InvalidSpec
from brownout_core.faults import KINDS
from brownout_proxy.cli.client import Refused
from brownout_proxy.cli.toxics import attributes, selection
from tests.proxy.cli.conftest import Answers, Brownout

_MADE = {"name": "n", "type": "latency", "stream": "downstream", "toxicity": 1, "attributes": {"latency": 300}}


def _body(**keys: Any) -> dict[str, Any]:
    body = {"name": "latency_downstream", "type": "latency", "stream": "downstream", "toxicity": 1, "attributes": {}}
    return body | keys


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("-t", "latency", "p"), _body()),
        (("p", "--type", "latency", "-d"), _body()),
        (("-t", "latency", "-u", "p"), _body(name="latency_upstream", stream="upstream")),
        (("p", "-t", "latency", "-n", "n", "--tox", "0.5"), _body(name="n", toxicity=0.5)),
        (("p", "-t", "latency", "--toxicName", "n", "--toxicity", "25%"), _body(name="n", toxicity=0.25)),
        (("p", "-t", "latency", "-a", "latency=1.5s", "-a", "jitter=3"),
         _body(attributes={"latency": 1500, "jitter": 3})),
        (("p", "-t", "latency", "-a", "delay=3s"), _body(attributes={"latency": 3000})),
        (("p", "-t", "latency", "-a", "distribution=pareto"), _body(attributes={"distribution": "pareto"})),
        (("p", "-t", "latency", "--clients", "10.0.0.0/8, ::1", "--first", "3", "--every", "2"),
         _body(clients=["10.0.0.0/8", "::1"], first=3, every=2)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [("toxic", "add"), ("t", "a")])
def test_add_says_what_is_wanted(
    server: Answers, brownout: Brownout, command: tuple[str, ...], words: tuple[str, ...], body: dict[str, Any]
) -> None:
    server.given["POST /proxies/p/toxics"] = {**body, **_MADE}
    ended = brownout(*command, *words)
    assert ended == (0, f"Added {body['stream']} latency toxic 'n' on proxy 'p'\n", "")
    assert server.asked == [("POST /proxies/p/toxics", body)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-t", "latency", "-u", "-d"), "only one of --upstream and --downstream"),
        (("-t", "latency", "--tox", "2"), "--toxicity: 2 is out of range; it must be from 0 to 1"),
        (("-t", "latency", "--tox", "-0.1"), "--toxicity: -0.1 is out of range"),
        (("-t", "latency", "--tox", "nan"), "'nan' is not a quantity"),
        (("-t", "latency", "-a", "latency"), "-a latency: is not KEY=VALUE; write it like -a latency=300ms"),
        (("-t", "latency", "-a", "latency=soon"), "-a latency: 'soon' is not a quantity; write it like 300ms"),
        (("-t", "latency", "-a", "latency=-1"), "-a latency: must be greater than or equal to 0"),
        (("-t", "latency", "-a", "latenc=1"), "latency: unknown attribute; did you mean latency? known are: latency, "),
        (("-t", "latency", "--clients", "here"), "--clients: 'here' does not appear"),
        (("-t", "latency", "--first", "-1"), "'--first'"),
        ((), "--type"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_it_is_sent(
    server: Answers, brownout: Brownout, words: tuple[str, ...], told: str
) -> None:
    ended = brownout("toxic", "add", "p", *words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert told in ended.err
    assert server.asked == []


def test_a_kind_that_only_the_server_may_know_is_sent_as_it_is(server: Answers, brownout: Brownout) -> None:
    server.given["POST /proxies/p/toxics"] = Refused(400, "invalid toxic type")
    ended = brownout("toxic", "add", "-t", "latncy", "-a", "x=1.5", "-a", "y=z", "p")
    assert server.asked[0][1]["attributes"] == {"x": 1.5, "y": "z"}
    note, failure = ended.err.splitlines()
    assert "did you mean latency?" in note
    assert (ended.status, failure) == (1, "Failed to add toxic: HTTP 400: invalid toxic type")


@pytest.mark.parametrize("kind", KINDS)
def test_every_attribute_of_every_fault_can_be_given(kind: str) -> None:
    for name, info in KINDS[kind].fields().items():
        assert attributes(kind, [f"{name}={info.default}"]) == {name: info.default}


def test_numbers_are_whole_where_they_can_be() -> None:
    sent = attributes("bandwidth", ["rate=10MB/s"])
    assert json.dumps(sent) == '{"rate": 10000}'
    with pytest.raises(InvalidSpec, match="unknown unit 'MB'; write it like 500KB/s or 10MB/s"):
        attributes("bandwidth", ["rate=10MB"])


def test_update_sends_only_what_was_given(server: Answers, brownout: Brownout) -> None:
    path = "/proxies/p/toxics/n"
    server.given |= {f"GET {path}": _MADE, f"PATCH {path}": _MADE}
    assert brownout("toxic", "update", "-n", "n", "-a", "latency=1s", "p").out == "Updated toxic 'n' on proxy 'p'\n"
    assert server.asked[-1] == (f"PATCH {path}", {"attributes": {"latency": 1000}})
    brownout("t", "u", "p", "--toxicName", "n", "--tox", "0", "--first", "0", "--clients", "")
    assert server.asked[-1] == (f"PATCH {path}", {"attributes": {}, "toxicity": 0, "first": 0, "clients": []})


def test_update_knows_the_fault_by_what_the_server_says(server: Answers, brownout: Brownout) -> None:
    server.given["GET /proxies/p/toxics/n"] = _MADE
    ended = brownout("toxic", "update", "-n", "n", "-a", "rate=1", "p")
    assert ended.status == 2
    assert "-a rate: latency: unknown attribute; " in ended.err
    server.given["GET /proxies/p/toxics/n"] = Refused(404, "toxic not found")
    ended = brownout("toxic", "update", "-n", "n", "p")
    assert ended == (1, "", "Failed to update toxic: HTTP 404: toxic not found\n")


def test_a_condition_that_the_server_does_not_know_is_told(server: Answers, brownout: Brownout) -> None:
    path = "/proxies/p/toxics"
    server.given |= {f"POST {path}": _MADE, f"GET {path}/n": _MADE, f"PATCH {path}/n": {**_MADE, "every": 2}}
    ended = brownout("toxic", "add", "-t", "latency", "-n", "n", "--first", "3", "p")
    assert ended.err == "note: the server does not know --first; the fault hits all connections\n"
    assert brownout("toxic", "update", "-n", "n", "--every", "2", "--first", "0", "p").err == ""


@pytest.mark.parametrize("command", ["remove", "r", "delete", "d"])
def test_remove_names_the_toxic(server: Answers, brownout: Brownout, command: str) -> None:
    server.given["DELETE /proxies/p/toxics/n"] = None
    assert brownout("toxic", command, "-n", "n", "p").out == "Removed toxic 'n' on proxy 'p'\n"


@pytest.mark.parametrize("command", ["add", "update"])
def test_help_has_every_fault_as_it_is_declared(brownout: Brownout, command: str) -> None:
    text = " ".join(brownout("toxic", command, "--help").out.split())
    for kind, fault in KINDS.items():
        assert f"{kind} {fault.summary()}" in text
        for name in fault.fields():
            assert f"{name} (" in text


def test_nothing_given_selects_nothing() -> None:
    assert selection({"toxicity": None, "clients": None, "first": None, "every": None}) == {}


def test_force_goes_to_the_server_where_it_was_given(server: Answers, brownout: Brownout) -> None:
    path = "/proxies/p/toxics/n"
    server.given |= {f"GET {path}": _MADE, f"PATCH {path}?force=true": _MADE, f"DELETE {path}?force=true": None}
    assert brownout("toxic", "update", "-n", "n", "-a", "latency=1s", "--force", "p").status == 0
    assert brownout("toxic", "remove", "-n", "n", "--force", "p").status == 0
    assert [request for request, _ in server.asked[1:]] == [f"PATCH {path}?force=true", f"DELETE {path}?force=true"]
