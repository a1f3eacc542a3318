"""The twin of api/http.py: the rules that hold for all routes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from brownout_core import __version__, limits
from tests.support.http_api import Api

MakeApi = Callable[..., Api]
_JSON = "application/json"


def test_every_routed_answer_has_an_id_of_its_own(api: Api) -> None:
    api.create("p")
    asked = [("GET", "/proxies"), ("GET", "/version"), ("GET", "/nope"), ("PUT", "/proxies"),
             ("GET", "/proxies/x"), ("GET", "/metrics"), ("DELETE", "/proxies/p")]  # fmt: skip
    ids = [api.ask(*one).headers.get("X-Toxiproxy-Request-Id") for one in asked]
    assert ids[2:4] == [None, None]
    routed = [one for one in ids if one is not None]
    assert len(set(routed)) == 5
    assert all(10 <= len(one) <= 32 for one in routed)


def test_answers_say_exactly_json(api: Api) -> None:
    assert api.ask("GET", "/proxies").headers["Content-Type"] == _JSON
    assert api.ask("POST", "/populate", []).headers["Content-Type"] == _JSON


def test_the_server_names_itself(api: Api) -> None:
    for path in ("/version", "/nope"):
        assert api.ask("GET", path).headers["Server"] == f"brownout/{__version__}"


@pytest.mark.parametrize(
    "path",
    ["/", "/nope", "/proxies/", "/proxies/p/", "/proxies/p/toxics/", "/proxies/p/x", "/VERSION",
     "/proxies/p/toxics/t/x", "/proxies/%2e%2e/x", "/proxies//toxics"],
)  # fmt: skip
def test_an_unknown_path_is_a_plain_404(api: Api, path: str) -> None:
    answer = api.ask("GET", path)
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/proxies", "GET, POST"),
        ("HEAD", "/proxies", "GET, POST"),
        ("OPTIONS", "/version", "GET"),
        ("GET", "/reset", "POST"),
        ("GET", "/populate", "POST"),
        ("PUT", "/proxies/p", "DELETE, GET, PATCH, POST"),
        ("PATCH", "/proxies/p/toxics", "GET, POST"),
        ("PURGE", "/proxies/p/toxics/t", "DELETE, GET, PATCH, POST"),
    ],
)
def test_another_method_is_an_empty_405(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.ask(method, path)
    assert (answer.status, answer.body) == (405, b"")
    assert answer.headers["Allow"] == allowed


def test_browsers_are_turned_away_from_routes_only(api: Api) -> None:
    browser = {"User-Agent": "Mozilla/5.0"}
    answer = api.ask("GET", "/proxies", headers=browser)
    assert (answer.status, answer.body[:22]) == (403, b"User agent not allowed")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert api.ask("GET", "/nope", headers=browser).status == 404
    assert api.ask("PUT", "/proxies", headers=browser).status == 405


@pytest.mark.parametrize("headers", [{"Host": "evil.test"}, {"Origin": "http://evil.test"}])
def test_foreign_pages_change_nothing(api: Api, headers: dict[str, str]) -> None:
    body = {"name": "p", "upstream": "u", "enabled": False}
    assert api.ask("POST", "/proxies", body, headers=headers).error[0] == 403
    assert api.ask("GET", "/proxies").json == {}


def test_with_a_token_any_host_is_served(make_api: MakeApi) -> None:
    api = make_api(host="0.0.0.0", token="s3cret")
    headers = {"Host": "proxy.example.com", "Authorization": "Bearer s3cret"}
    assert api.ask("GET", "/proxies", headers=headers).status == 200


def test_off_loopback_without_a_token_a_foreign_host_is_refused(make_api: MakeApi) -> None:
    api = make_api(host="0.0.0.0")
    assert api.ask("GET", "/proxies", headers={"Host": "evil.test:8474"}).error[0] == 403
    assert api.ask("GET", "/proxies", headers={"Host": "toxiproxy:8474"}).status == 200


def test_an_added_host_is_served(make_api: MakeApi) -> None:
    api = make_api(allowed_hosts=["toxiproxy.test"])
    assert api.ask("GET", "/proxies", headers={"Host": "toxiproxy.test:8474"}).status == 200


@pytest.mark.parametrize("path", ["/proxies", "/proxies/x", "/proxies/x/toxics", "/metrics"])
def test_with_a_token_nothing_is_told_without_it(make_api: MakeApi, path: str) -> None:
    answer = make_api(token="s3cret").ask("GET", path)
    assert answer.error == (401, "unauthorized: send the header 'Authorization: Bearer TOKEN'")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_with_the_token_all_is_told(make_api: MakeApi) -> None:
    headers = {"Authorization": "Bearer s3cret"}
    api = make_api(token="s3cret")
    for path in ("/proxies", "/metrics"):
        assert api.ask("GET", path, headers=headers).status == 200


def test_the_version_is_no_secret(make_api: MakeApi) -> None:
    assert make_api(token="s3cret").ask("GET", "/version").status == 200


def test_a_bug_of_ours_is_a_500_with_its_traceback_in_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise KeyError("secret detail")

    api.registry.proxies = broken  # type: ignore[assignment, method-assign]
    answer = api.ask("GET", "/proxies")
    del api.registry.proxies
    assert answer.error == (500, "internal error; see the log")
    assert "secret detail" in caplog.text
    assert "Traceback" in caplog.text
    assert answer.headers["X-Toxiproxy-Request-Id"]


def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    assert api.ask("POST", "/proxies", b" " * (limits.OBJECT + 1)).error[0] == 413
    status, reason = api.ask("POST", "/populate", b" " * (limits.BODY + 1)).error
    assert (status, reason) == (413, "bad request body: at most 4 MiB")


def test_a_body_of_the_full_size_is_read(api: Api) -> None:
    body = b'{"name":"p","upstream":"u","enabled":false}'
    assert api.ask("POST", "/proxies", body.rjust(limits.OBJECT)).status == 201
    assert api.ask("POST", "/populate", b"[%s]" % body.rjust(limits.OBJECT - 1)).status == 201
    assert api.ask("POST", "/populate", (b"[%s]" % body).rjust(limits.BODY)).status == 201


def test_the_content_type_of_a_request_does_not_matter(api: Api) -> None:
    body = b'{"name":"p","upstream":"u","enabled":false}'
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert api.ask("POST", "/proxies", body, headers=headers).status == 201


def test_requests_are_counted_by_method_route_and_status(api: Api) -> None:
    api.create("p")
    for method, path in (
        ("GET", "/proxies/p"),
        ("GET", "/proxies/q"),
        ("GET", "/proxies/r"),
        ("GET", "/random/1"),
        ("PURGE", "/proxies"),
        ("HEAD", "/reset"),
        ("GET", "/proxies/p/toxics/t"),
    ):
        api.ask(method, path)
    assert api.requests == {
        ("POST", "/proxies", 201): 1,
        ("GET", "/proxies/{proxy}", 200): 1,
        ("GET", "/proxies/{proxy}", 404): 2,
        ("GET", "other", 404): 1,
        ("other", "other", 405): 1,
        ("HEAD", "other", 405): 1,
        ("GET", "/proxies/{proxy}/toxics/{toxic}", 404): 1,
    }
