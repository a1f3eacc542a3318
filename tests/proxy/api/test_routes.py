"""The twin of api/routes.py: what each route does to the registry and answers."""

from __future__ import annotations

import gzip
from urllib.parse import quote

import pytest

from brownout_core import limits
from brownout_core.errors import Unavailable
from brownout_proxy.server.leases import ANYBODY, Authority
from tests.support.http_api import Api, Json

_LATENCY = {
    "attributes": {"latency": 5, "jitter": 0},
    "name": "latency_downstream",
    "type": "latency",
    "stream": "downstream",
    "toxicity": 1,
}


def test_a_proxy_is_created_shown_changed_and_deleted(api: Api) -> None:
    created = api.create("p")
    assert created == {
        "name": "p", "listen": "localhost:0", "upstream": "u:1", "enabled": False, "toxics": [],
    }  # fmt: skip
    assert api.ask("GET", "/proxies/p").json == created
    for method in ("POST", "PATCH"):
        changed = api.ask(method, "/proxies/p", {"name": "q", "upstream": method})
        assert (changed.status, changed.json) == (200, {**created, "upstream": method})
    deleted = api.ask("DELETE", "/proxies/p")
    assert (deleted.status, deleted.body) == (204, b"")
    assert api.ask("GET", "/proxies/p").error == (404, "proxy not found")


def test_an_enabled_proxy_shows_the_port_it_got(api: Api) -> None:
    listen = api.create("p", enabled=True)["listen"]
    host, _, port = listen.rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0


def test_proxies_are_listed_by_name_in_byte_order(api: Api) -> None:
    for name in ("b", "é", "B", "a"):
        api.create(name)
    assert list(api.ask("GET", "/proxies").json) == ["B", "a", "b", "é"]


def test_keys_of_a_proxy_come_in_toxiproxys_order(api: Api) -> None:
    keys = ["name", "listen", "upstream", "enabled", "toxics"]
    assert list(api.create("p")) == keys


def test_a_proxy_that_exists_is_a_conflict(api: Api) -> None:
    api.create("p")
    answer = api.ask("POST", "/proxies", {"name": "p", "upstream": "u"})
    assert answer.error == (409, "proxy already exists")


def test_a_proxy_is_made_with_its_toxics_or_not_at_all(api: Api) -> None:
    assert api.create("p", toxics=[{"type": "latency", "attributes": {"latency": 5}}])["toxics"] == [_LATENCY]
    bad = {"name": "q", "upstream": "u", "toxics": [{"type": "latency"}, {"type": "nope"}]}
    assert api.ask("POST", "/proxies", bad).error == (400, "invalid toxic type at toxic 2")
    assert list(api.ask("GET", "/proxies").json) == ["p"]


def test_toxics_in_an_update_of_the_proxy_are_ignored(api: Api) -> None:
    api.create("p", toxics=[{"type": "latency", "attributes": {"latency": 5}}])
    for toxics in ([], None, [{"type": "nope"}], "x"):
        assert api.ask("POST", "/proxies/p", {"toxics": toxics}).json["toxics"] == [_LATENCY]


def test_a_toxic_is_added_shown_changed_and_removed(api: Api) -> None:
    api.create("p")
    added = api.ask("POST", "/proxies/p/toxics", {"type": "latency", "attributes": {"latency": 5}})
    assert (added.status, added.json) == (200, _LATENCY)
    assert list(added.json) == list(_LATENCY)
    path = "/proxies/p/toxics/latency_downstream"
    assert api.ask("GET", path).json == _LATENCY
    for jitter, method in enumerate(("POST", "PATCH"), 1):
        changed = api.ask(method, path, {"attributes": {"jitter": jitter}, "name": "x"})
        assert changed.status == 200
        assert changed.json["attributes"] == {"latency": 5, "jitter": jitter}
    removed = api.ask("DELETE", path)
    assert (removed.status, removed.body) == (204, b"")
    for method in ("GET", "DELETE", "POST", "PATCH"):
        body: object = {} if method in ("POST", "PATCH") else None
        assert api.ask(method, path, body).error == (404, "toxic not found")


def test_upstream_toxics_are_listed_before_downstream_ones(api: Api) -> None:
    api.create("p")
    for name, stream in (
        ("a", "downstream"),
        ("b", "upstream"),
        ("c", "DownStream"),
        ("d", "UPSTREAM"),
    ):
        api.ask("POST", "/proxies/p/toxics", {"name": name, "type": "noop", "stream": stream})
    listed = api.ask("GET", "/proxies/p/toxics").json
    assert [toxic["name"] for toxic in listed] == ["b", "d", "a", "c"]
    assert api.ask("GET", "/proxies/p").json["toxics"] == listed


def test_a_toxic_name_is_taken_on_both_streams(api: Api) -> None:
    api.create("p")
    for stream, status in (("upstream", 200), ("downstream", 409)):
        body = {"name": "t", "type": "noop", "stream": stream}
        assert api.ask("POST", "/proxies/p/toxics", body).status == status


def test_an_update_of_a_toxic_is_all_or_nothing(api: Api) -> None:
    api.create("p", toxics=[{"type": "latency", "attributes": {"latency": 5}}])
    path = "/proxies/p/toxics/latency_downstream"
    for body in (
        {"attributes": {"latency": 9, "jitter": "x"}},
        {"attributes": {"latency": 9}, "toxicity": -1},
        {"attributes": {"jitter": -1}, "toxicity": 0.5, "first": 3},
        {"toxicity": 0.5, "clients": ["nope"]},
    ):
        assert api.ask("PATCH", path, body).error[0] == 400
        assert api.ask("GET", path).json == _LATENCY


def test_an_update_sets_and_takes_away_conditions(api: Api) -> None:
    api.create("p", toxics=[{"type": "latency", "attributes": {"latency": 5}}])
    path = "/proxies/p/toxics/latency_downstream"
    chosen = {"clients": ["10.0.0.0/8"], "first": 2, "every": 3, "toxicity": 0.5}
    assert api.ask("PATCH", path, chosen).json == {**_LATENCY, **chosen}
    assert api.ask("PATCH", path, {"every": 0}).json == {
        **_LATENCY, "clients": ["10.0.0.0/8"], "first": 2, "toxicity": 0.5,
    }  # fmt: skip
    gone = {"clients": [], "first": 0, "toxicity": 1}
    assert api.ask("PATCH", path, gone).json == _LATENCY


def test_the_proxy_is_looked_up_before_the_body_is_read(api: Api) -> None:
    for path in ("/proxies/x", "/proxies/x/toxics", "/proxies/x/toxics/t"):
        assert api.ask("POST", path, b"{").error == (404, "proxy not found")
    api.create("p")
    assert api.ask("POST", "/proxies/p/toxics/t", b"{").error == (404, "toxic not found")


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "x"])
def test_an_encoded_body_is_refused_in_one_way(api: Api, coding: str) -> None:
    body = gzip.compress(b'{"name":"p","upstream":"u:1","enabled":false}')
    for path in ("/proxies", "/populate", "/proxies/p", "/proxies/p/toxics", "/proxies/p/toxics/t"):
        answer = api.ask("POST", path, body, headers={"Content-Encoding": coding})
        assert answer.error == (415, f"content encoding {coding!r} is not supported: send it as it is")
    assert api.ask("GET", "/proxies").json == {}


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_may_say_that_it_is_not_encoded(api: Api, coding: str) -> None:
    body = b'{"name":"p","upstream":"u:1","enabled":false}'
    assert api.ask("POST", "/proxies", body, headers={"Content-Encoding": coding}).status == 201


def test_populate_answers_in_the_order_asked(api: Api) -> None:
    asked = [{"name": name, "upstream": "u", "enabled": False} for name in "cab"]
    answer = api.ask("POST", "/populate", asked)
    assert answer.status == 201
    assert list(answer.json) == ["proxies"]
    assert [proxy["name"] for proxy in answer.json["proxies"]] == ["c", "a", "b"]


def test_populating_with_nothing_is_an_empty_list(api: Api) -> None:
    for body in (b"null", b"[]"):
        answer = api.ask("POST", "/populate", body)
        assert (answer.status, answer.body) == (201, b'{"proxies":[]}')


def test_populate_errors_are_real_json_with_what_was_done(api: Api) -> None:
    asked = [{"name": "a", "upstream": "u"}, {"name": "b"}]
    answer = api.ask("POST", "/populate", asked)
    assert answer.headers["Content-Type"] == "application/json"
    assert (answer.status, answer.body) == (
        400,
        b'{"error":"missing required field: upstream at proxy 2","status":400,"proxies":[]}',
    )
    assert api.ask("GET", "/proxies").json == {}


def test_a_failing_populate_shows_the_proxies_before_the_failure(api: Api) -> None:
    taken = api.create("taken", enabled=True)["listen"]
    asked = [{"name": name, "listen": listen, "upstream": "u", "enabled": True} for name, listen in
             (("a", "localhost:0"), ("b", taken), ("c", "localhost:0"))]  # fmt: skip
    answer = api.ask("POST", "/populate", asked)
    assert answer.status == 500
    assert answer.json["error"] == f"listen tcp {taken}: bind: address already in use"
    assert [proxy["name"] for proxy in answer.json["proxies"]] == ["a"]
    assert "c" not in api.ask("GET", "/proxies").json


def test_populated_proxies_bring_their_toxics(api: Api) -> None:
    asked = {"name": "a", "upstream": "u", "enabled": False, "toxics": [{"type": "noop"}]}
    shown = api.ask("POST", "/populate", [asked]).json["proxies"][0]
    assert [toxic["name"] for toxic in shown["toxics"]] == ["noop_downstream"]


def test_a_taken_port_is_told_in_toxiproxys_words(api: Api) -> None:
    taken = api.create("taken", enabled=True)["listen"]
    answer = api.ask("POST", "/proxies", {"name": "p", "listen": taken, "upstream": "u"})
    assert answer.error == (500, f"listen tcp {taken}: bind: address already in use")


def test_reset_enables_all_and_removes_every_toxic(api: Api) -> None:
    api.create("p", toxics=[{"type": "noop"}])
    answer = api.ask("POST", "/reset", b"garbage")
    assert (answer.status, answer.body) == (204, b"")
    proxy = api.ask("GET", "/proxies/p").json
    assert (proxy["enabled"], proxy["toxics"]) == (True, [])


def _leased(api: Api) -> None:
    """A proxy with a fault of its own and one under a lease."""
    api.create("p", toxics=[{"type": "noop", "name": "own"}])
    api.lease("p", "held", "run")


def _latencies(api: Api) -> list[tuple[str, str | None]]:
    return [(toxic["name"], toxic.get("lease")) for toxic in api.ask("GET", "/proxies/p/toxics").json]


_HELD = {"name": "held", "type": "latency", "attributes": {"latency": 1}}
_CHANGES = {
    "POST /proxies/p/toxics/held": {"attributes": {"latency": 1}},
    "PATCH /proxies/p/toxics/held": {"toxicity": 0.5},
    "DELETE /proxies/p/toxics/held": None,
    "POST /proxies/p": {"upstream": "v:1"},
    "PATCH /proxies/p": {"enabled": True},
    "DELETE /proxies/p": None,
    "POST /populate": [{"name": "p", "upstream": "v:1", "listen": "localhost:0", "enabled": False}],
    "POST /populate ": [
        {"name": "p", "upstream": "u:1", "listen": "localhost:0", "enabled": False, "toxics": [_HELD]},
    ],
}


@pytest.mark.parametrize("request_", _CHANGES)
def test_what_is_under_a_lease_is_changed_only_by_force(api: Api, request_: str) -> None:
    _leased(api)
    (method, path), body = request_.split(), _CHANGES[request_]
    before = api.ask("GET", "/proxies/p").json
    for url in (path, f"{path}?force=false"):
        answer = api.ask(method, url, body)
        assert answer.status == 409
        assert all(word in answer.json["error"] for word in ("lease run", "lapses in", "?force=true"))
        assert api.ask("GET", "/proxies/p").json == before
    assert api.ask(method, f"{path}?force=true", body).status < 300


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/proxies/p", {"upstream": "u:1", "listen": "localhost:0", "enabled": False}),
        ("PATCH", "/proxies/p/toxics/own", {"toxicity": 0.5}),
        ("POST", "/proxies/p/toxics", {"type": "noop", "name": "another"}),
        ("DELETE", "/proxies/p/toxics/own", None),
        ("POST", "/populate", [{"name": "p", "upstream": "u:1", "listen": "localhost:0", "enabled": False}]),
        (
            "POST",
            "/populate",
            [{"name": "p", "upstream": "u:1", "listen": "localhost:0", "enabled": False, "toxics": [{"type": "noop"}]}],
        ),
    ],
)
def test_what_touches_nothing_under_a_lease_needs_no_force(api: Api, method: str, path: str, body: Json) -> None:
    _leased(api)
    assert api.ask(method, path, body).status < 300
    assert ("held", "run") in _latencies(api)


def test_force_is_true_or_false(api: Api) -> None:
    _leased(api)
    assert api.ask("DELETE", "/proxies/p?force=please").error == (400, "force must be true or false, not 'please'")


def test_a_reset_leaves_what_is_under_a_lease_and_says_so(api: Api) -> None:
    _leased(api)
    api.create("q", toxics=[{"type": "noop"}])
    api.create("r")
    api.lease("r", "another", "run-2")
    status, text = api.ask("POST", "/reset").error
    assert status == 409
    assert "held of proxy p is under lease run" in text
    assert "another of proxy r is under lease run-2" in text
    assert text.count("--force") == 1, "the remedy is told once"
    assert _latencies(api) == [("held", "run")]
    assert [api.ask("GET", f"/proxies/{name}").json["enabled"] for name in "pq"] == [False, True]
    assert api.ask("GET", "/proxies/q/toxics").json == []
    assert api.ask("POST", "/reset?force=true").status == 204
    assert api.ask("GET", "/proxies/p").json["enabled"]
    assert _latencies(api) == []


def test_a_toxic_that_is_sent_back_with_its_lease_is_no_mistake(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    _leased(api)
    held = api.ask("GET", "/proxies/p/toxics/held").json
    assert held["lease"] == "run"
    assert api.ask("POST", "/proxies/p/toxics/held?force=true", held).json == held
    assert caplog.text == ""


def test_every_answer_of_a_route_names_the_process(api: Api) -> None:
    names = {api.ask("GET", path).headers["X-Brownout-Instance"] for path in ("/version", "/proxies", "/proxies/none")}
    assert names == {api.registry.instance}


def test_a_reset_that_fails_says_so(api: Api) -> None:
    async def failing(by: Authority = ANYBODY) -> None:
        raise Unavailable("p: listen tcp 127.0.0.1:1: bind: address already in use")

    api.registry.reset = failing  # type: ignore[method-assign]
    assert api.ask("POST", "/reset").error[0] == 500


def test_version_is_toxiproxys_to_the_byte(api: Api) -> None:
    answer = api.ask("GET", "/version")
    assert (answer.status, answer.body) == (200, b'{"version": "2.12.0"}\n')
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"


def test_metrics_are_given_to_any_method(api: Api) -> None:
    for method in ("GET", "POST", "PUT"):
        answer = api.ask(method, "/metrics")
        assert (answer.status, answer.body) == (200, b"some_metric 1\n")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_the_longest_names_can_be_addressed(api: Api) -> None:
    name = "\U0001f600" * limits.NAME
    api.create(name, toxics=[{"type": "noop", "name": name}])
    path = f"/proxies/{quote(name)}"
    assert api.ask("PATCH", f"{path}/toxics/{quote(name)}", {"toxicity": 0}).json["name"] == name
    assert api.ask("DELETE", path).status == 204


def test_longer_names_are_refused(api: Api) -> None:
    name = "x" * (limits.NAME + 1)
    api.create("p")
    proxy, toxic = {"name": name, "upstream": "u:1"}, {"type": "noop", "name": name}
    for path, body in (("/proxies", proxy), ("/populate", [proxy]), ("/proxies/p/toxics", toxic)):
        answer = api.ask("POST", path, body)
        assert (answer.status, answer.json["error"]) == (
            400,
            "bad request body: name must have at most 1,000 characters, not 1,001",
        )


@pytest.mark.parametrize("name", ["a\nb", "a\r\nERROR b", "a\0b", "\x1b[31m", "\u2028", " ", "\\", '"'])
def test_names_with_control_characters_stay_what_they_are(
    api: Api, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    api.create(name)
    toxic = {"type": "latency", "name": name, f"key{name}": 1, "attributes": {f"attribute{name}": 1}}
    path = f"/proxies/{quote(name, safe='')}"
    assert api.ask("POST", f"{path}/toxics", toxic).status == 200
    assert api.ask("GET", f"{path}/toxics/{quote(name, safe='')}").json["name"] == name
    assert list(api.ask("GET", "/proxies").json) == [name]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert all(line.isprintable() for line in told)  # nobody writes lines of their own into the log


def test_names_may_hold_anything_when_encoded(api: Api) -> None:
    for name, path in (
        ("a/b", "a%2Fb"),
        ("a/b", "a%2fb"),
        ("a%2Fb", "a%252Fb"),
        ("a b", "a%20b"),
        ("é", "%C3%A9"),
        ("redis:6379", "redis:6379"),
        ("{x}", "%7Bx%7D"),
        ("{x}", "{x}"),
        ("100%", "100%25"),
        ("a+b", "a+b"),
        ("a?b#c", "a%3Fb%23c"),
    ):
        api.create(name)
        toxic = {"type": "noop", "name": name}
        assert api.ask("POST", f"/proxies/{path}/toxics", toxic).status == 200
        assert api.ask("GET", f"/proxies/{path}/toxics/{path}").json["name"] == name
        assert api.ask("GET", f"/proxies/{path}").json["name"] == name
        assert api.ask("DELETE", f"/proxies/{path}").status == 204


def test_the_status_is_there_where_it_is_asked_for(api: Api) -> None:
    api.create("p", toxics=[{"type": "latency", "attributes": {"latency": 5}, "first": 3}])
    paths = ("/proxies", "/proxies/p", "/proxies/p/toxics", "/proxies/p/toxics/latency_downstream")
    for path in paths:
        assert b"status" not in api.ask("GET", path).body
        assert b'"status":{"hits":0,"connections":0,"left":3}' in api.ask("GET", f"{path}?status=true").body
    status = api.ask("GET", "/proxies/p?status=true").json["status"]
    assert status == {"connections": 0, "accepted": 0, "dial_failures": 0, "last_error": None, "unreachable": False}
    assert api.ask("GET", "/proxies?status=yes").error == (400, "status must be true or false, not 'yes'")


def test_answers_are_taken_by_populate(api: Api) -> None:
    api.create("a", toxics=[{"type": "latency", "attributes": {"latency": 5}}])
    api.create("b")
    listed = api.ask("GET", "/proxies?status=true").json
    for body in (listed, {"proxies": list(listed.values())}):
        for name in ("a", "b"):
            api.ask("DELETE", f"/proxies/{name}")
        made = api.ask("POST", "/populate", body)
        assert (made.status, [proxy["name"] for proxy in made.json["proxies"]]) == (201, ["a", "b"])
        assert made.json["proxies"][0]["toxics"] == [_LATENCY]


def test_health_is_a_route_of_its_own(api: Api) -> None:
    answer = api.ask("GET", "/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
