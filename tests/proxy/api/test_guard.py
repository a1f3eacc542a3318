"""The twin of api/guard.py."""

from __future__ import annotations

import base64

import pytest

from brownout_proxy.api.guard import Guard, known_hosts

_LOCAL = Guard(hosts=known_hosts("127.0.0.1", ["toxics.test"]))


def _basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def test_a_plain_local_client_is_let_in() -> None:
    assert _LOCAL.refusal({"Host": "127.0.0.1:8474", "User-Agent": "toxiproxy-cli/2.12.0"}) is None
    assert _LOCAL.refusal({}) is None


def test_a_browser_is_turned_away_with_toxiproxys_words() -> None:
    refusal = _LOCAL.refusal({"Host": "localhost", "User-Agent": "Mozilla/5.0 (X11)"})
    assert refusal is not None
    assert (refusal.status, refusal.plain) == (403, True)
    assert refusal.reason.startswith("User agent not allowed: a browser's")
    for agent in ("mozilla/5.0", "Mozilla", "a Mozilla/5.0"):
        assert _LOCAL.refusal({"Host": "localhost", "User-Agent": agent}) is None


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8474", "localhost.:8474", "127.0.0.1", "127.0.0.9:1", "[::1]:8474",
     "[::1]", "10.0.0.7:8474", "toxics.test:8474", "Toxics.Test"],
)  # fmt: skip
def test_host_may_be_local_an_address_or_a_listed_name(host: str) -> None:
    assert _LOCAL.refusal({"Host": host}) is None


_ANYWHERE = ["127.0.0.1", "localhost", "::1", "127.0.0.53", "0.0.0.0", "::", "", "10.1.2.3", "proxy.internal"]


@pytest.mark.parametrize("bound", _ANYWHERE)
@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:8474", "localhost.evil.test", "127.0.0.1.evil.test", "127.1", ":8474",
     "evil.test:8474:127.0.0.1", "[evil.test]", "localhost@evil.test", "a b", "svc.evil.test",
     "svc.cluster.local.evil.test", "evilsvc.test", "host.docker.internal.evil.test", "."],
)  # fmt: skip
def test_any_other_host_is_refused_wherever_the_port_is_bound(bound: str, host: str) -> None:
    refusal = Guard(hosts=known_hosts(bound)).refusal({"Host": host})
    assert refusal is not None
    assert refusal.status == 403
    assert not refusal.plain


@pytest.mark.parametrize("bound", _ANYWHERE)
@pytest.mark.parametrize(
    "host",
    ["toxiproxy:8474", "Toxiproxy", "my_proxy-1:8474", "3f2a9c5d7e1b", "chaos.test.svc:8474",
     "chaos.test.svc.cluster.local.:8474", "app.localhost:8474", "host.docker.internal:8474"],
)  # fmt: skip
def test_names_that_no_stranger_can_own_are_fine(bound: str, host: str) -> None:
    assert Guard(hosts=known_hosts(bound)).refusal({"Host": host}) is None


def test_the_name_that_the_port_is_bound_to_is_fine() -> None:
    guard = Guard(hosts=known_hosts("proxy.internal"))
    assert guard.refusal({"Host": "proxy.internal:8474"}) is None
    assert guard.refusal({"Host": "other.internal:8474"}) is not None


def test_with_a_token_any_host_is_fine() -> None:
    headers = {"Host": "proxy.example.com", "Authorization": "Bearer s3cret"}
    assert Guard("s3cret", known_hosts("127.0.0.1")).refusal(headers) is None


@pytest.mark.parametrize(
    "origin",
    ["http://evil.test", "http://localhost:3000", "null", "http://127.0.0.1:8474.evil.test",
     "http://[", "", "file://", "http://localhost"],
)  # fmt: skip
def test_a_foreign_origin_is_refused(origin: str) -> None:
    refusal = _LOCAL.refusal({"Host": "localhost:8474", "Origin": origin})
    assert refusal is not None
    assert refusal.status == 403


def test_a_page_of_this_very_server_is_let_in() -> None:
    headers = {"Host": "localhost:8474", "Origin": "http://LOCALHOST:8474"}
    assert _LOCAL.refusal(headers) is None


def test_an_origin_without_a_host_to_compare_is_refused() -> None:
    assert _LOCAL.refusal({"Origin": "http://localhost"}) is not None


@pytest.mark.parametrize(
    "authorization",
    ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret ", _basic("any:s3cret"), _basic(":s3cret")],
)
def test_the_token_opens(authorization: str) -> None:
    assert Guard(token="s3cret").refusal({"Authorization": authorization}) is None


@pytest.mark.parametrize(
    "authorization",
    ["", "s3cret", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret0", "Bearer S3CRET",
     "Token s3cret", _basic("s3cret:"), _basic("s3cret"), "Basic s3cret", "Basic !!!", "Basic é",
     "Bearer \udcff", "Bearer é"],
)  # fmt: skip
def test_anything_else_is_unauthorized(authorization: str) -> None:
    refusal = Guard(token="s3cret").refusal({"Authorization": authorization})
    assert refusal is not None
    assert refusal.status == 401
    assert "s3cret" not in refusal.reason


def test_a_token_beyond_ascii_works() -> None:
    assert Guard(token="schlüssel").refusal({"Authorization": "Bearer schlüssel"}) is None


def test_a_public_route_needs_no_token_but_obeys_the_other_rules() -> None:
    guard = Guard(token="s3cret")
    assert guard.refusal({"Host": "localhost"}, public=True) is None
    assert guard.refusal({"Host": "localhost", "Origin": "http://evil.test"}, public=True) is not None
    assert guard.refusal({"User-Agent": "Mozilla/5.0"}, public=True) is not None


@pytest.mark.parametrize(
    ("authorization", "origin", "status"),
    [("Bearer s3cret", None, None), ("Bearer s3cret", "http://evil.test", 403), ("Bearer guessed", None, 403),
     ("", None, 403)],
)  # fmt: skip
def test_who_says_that_it_is_a_browser_needs_the_token(
    authorization: str, origin: str | None, status: int | None
) -> None:
    headers = {"User-Agent": "Mozilla/5.0", "Authorization": authorization}
    refusal = Guard(token="s3cret").refusal(headers | ({} if origin is None else {"Origin": origin}))
    assert (refusal and refusal.status) == status


_POWERSHELL = "Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.19041.1"
_CORE = "Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.19045; en-US) PowerShell/7.4.1"


@pytest.mark.parametrize("agent", [_POWERSHELL, _CORE])
def test_powershell_is_let_in_unless_it_sends_what_a_page_does(agent: str) -> None:
    headers = {"Host": "localhost:8474", "User-Agent": agent}
    assert _LOCAL.refusal(headers) is None
    for of_pages in ("Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode"):
        assert _LOCAL.refusal({**headers, of_pages: "x"}) is not None


def test_a_refused_name_is_told_with_the_flag_that_allows_it() -> None:
    refusal = _LOCAL.refusal({"Host": "proxy.example.com:8474"})
    assert refusal is not None
    assert "--allow-host proxy.example.com (BROWNOUT_ALLOW_HOST)" in refusal.reason
    assert Guard(hosts=known_hosts("127.0.0.1", ["Proxy.Example.com"])).refusal({"Host": "proxy.example.com:1"}) is None


@pytest.mark.parametrize("token", ["", "  "])
def test_an_empty_token_is_a_mistake_and_not_an_open_door(token: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        Guard(token=token)
