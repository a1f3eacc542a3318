"""Secrets are found by their names, and masked in every spelling."""

from __future__ import annotations

import base64
import html
import json
import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from brownout_controller.model.secrets import MASK, Masker, is_secret_name, literals, secrets_of

_SECRET = 'hünter\'s "2" & more/==+'


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "x_api_key", "apikey", "APIKey",
        "password", "db.password", "sslpassword", "PASSWD", "passphrase", "client_secret", "clientSecret", "token",
        "access_token", "X-Auth-Token", "X-Amz-Security-Token", "private_key", "AccessKeyId", "aws_secret_access_key",
        "Ocp-Apim-Subscription-Key", "signature", "credentials",
    ],
)  # fmt: skip
def test_a_secret_is_known_by_its_name_anywhere(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["pwd", "X-Auth", "key", "jwt", "sig", "userPwd", "auth", "session"])
def test_some_names_are_secrets_where_others_choose_them(name: str) -> None:
    assert is_secret_name(name, field=True)
    assert not is_secret_name(name)


@pytest.mark.parametrize("name", ["monkey", "author", "passenger", "keyboard", "max_tokens", "amount", "state", "id"])
def test_other_names_are_none(name: str) -> None:
    assert not is_secret_name(name, field=True)


_FILES: list[tuple[Any, str]] = [
    ({"http": {"headers": {"Authorization": "Bearer hunter22"}}}, "hunter22"),
    ({"http": {"headers": {"x-api-key": "hunter22"}}}, "hunter22"),
    ({"traffic": {"headers": {"Cookie": "theme=dark; sid=hunter22"}}}, "hunter22"),
    ({"traffic": {"url": "http://127.0.0.1/pay?a=1&api_key=hunter22#x"}}, "hunter22"),
    ({"traffic": {"url": "http://127.0.0.1/pay?key=hunter22"}}, "hunter22"),
    ({"traffic": {"url": "http://me:hunter22@shop/"}}, "hunter22"),
    ({"traffic": {"url": "http://me:p@hunter22@shop/"}}, "p@hunter22"),
    ({"http": {"body": {"user": "me", "password": "hunter22"}}}, "hunter22"),
    ({"http": {"body": [{"login": {"pwd": "hunter22"}}]}}, "hunter22"),
    ({"http": {"body": {"credentials": {"pin": "hunter22"}}}}, "hunter22"),
    ({"http": {"json": {"session.access_token": "hunter22"}}}, "hunter22"),
    ({"traffic": {"body": "amount=1&password=hunter22"}}, "hunter22"),
    ({"traffic": {"body": '{"a": 1, "client_secret":"hunter22"}'}}, "hunter22"),
    ({"sql": {"dsn": "postgresql://me:hunter22@db/shop"}}, "hunter22"),
    ({"sql": {"dsn": "postgresql://db/shop?user=me&password=hunter22"}}, "hunter22"),
    ({"sql": {"dsn": "host=db user=me password=hunter22 dbname=shop"}}, "hunter22"),
    ({"sql": {"dsn": "host=db password = 'hunter 22' dbname=shop"}}, "hunter 22"),
    ({"redis": {"url": "redis://:hunter22@cache:6379/0"}}, "hunter22"),
    ({"redis": {"command": "AUTH default hunter22"}}, "hunter22"),
    ({"redis": {"command": ["AUTH", "hunter22"]}}, "hunter22"),
    ({"command": "curl -H 'Authorization: Bearer hunter22' http://shop/"}, "hunter22"),
    ({"command": ["curl", "-H", "X-Api-Key: hunter22", "http://shop/"]}, "hunter22"),
    ({"command": ["tool", "--password", "hunter22"]}, "hunter22"),
    ({"command": ["env", 'PGPASSWORD=hunter "22', "psql"]}, 'hunter "22'),
    ({"command": ["tool", "--token=hunter 22 & more"]}, "hunter 22 & more"),
    ({"command": "tool --token hunter22 --verbose"}, "hunter22"),
    ({"command": "env PGPASSWORD=hunter22 psql"}, "hunter22"),
    ({"command": "curl -u me:hunter22 http://shop/"}, "hunter22"),
    ({"environment": {"token": "hunter22"}}, "hunter22"),
    ({"prometheus": {"url": "http://p", "basic_auth": {"username": "me", "password": "hunter22"}}}, "hunter22"),
    ({"prometheus": {"headers": {"X-Scope": "a", "Authorization": "Basic bWU6aHVudGVyMjI="}}}, "hunter22"),
]


@pytest.mark.parametrize(("content", "secret"), _FILES)
def test_a_literal_secret_is_found_and_masked_where_it_stands_and_anywhere_else(content: Any, secret: str) -> None:
    found = secrets_of(content)
    assert secret in found
    masker = Masker(found)
    shown = json.dumps(masker.content(content))
    assert secret not in shown
    assert MASK in shown
    assert masker.text(f"the server has refused {secret}") == f"the server has refused {MASK}"
    pair = base64.b64encode(f"me:{secret}".encode()).decode()
    if "me:" in json.dumps(content):
        assert pair not in masker.text(f"Authorization: Basic {pair}")


@pytest.mark.parametrize(
    "content",
    [
        {"name": "the token: expired", "because": "its password: forgotten", "edge": "auth-service -> token-db"},
        {"traffic": {"url": "http://token-service:8080/pay?amount=200", "headers": {"Accept": "text/html"}}},
        {"http": {"body": {"amount": 1, "currency": "EUR"}, "json": {"state": "paid"}}},
        {"http": {"headers": {"Authorization": "${TOKEN}"}, "body": {"password": "$PASSWORD"}}},
        {"sql": {"query": "select count(*) - count(distinct key) from payments where state = 'pending'"}},
        {"hypotheses": [{"no_data": {"pass": "nobody pays at night"}}]},
        {"environments": {"edges": {"auth -> key-service": {"proxy": "keys"}}}},
        {"tls": {"ca": "certs/ca.pem", "key": "certs/controller.key"}},
        {"http": {"body": {"max_tokens": 4096}}},
    ],
)
def test_what_is_no_secret_stays_readable(content: Any) -> None:
    assert secrets_of(content) == []
    assert Masker(secrets_of(content)).content(content) == content


def test_a_password_that_is_a_public_name_is_masked_where_it_stands_only() -> None:
    content = {"edge": "shop -> postgres", "sql": {"dsn": "postgresql://postgres:postgres@db/shop"}}
    assert secrets_of(content) == [base64.b64encode(b"postgres:postgres").decode()]
    masked = Masker(secrets_of(content)).content(content)
    assert masked == {"edge": "shop -> postgres", "sql": {"dsn": "postgresql://postgres:***@db/shop"}}


def test_short_ones_are_masked_where_they_stand() -> None:
    content = {"http": {"headers": {"X-Api-Key": "abc"}, "body": {"pin": 1, "password": 123456}}}
    masked = Masker(secrets_of(content)).content(content)
    assert masked["http"]["headers"] == {"X-Api-Key": MASK}
    assert masked["http"]["body"]["password"] == MASK
    assert Masker(secrets_of(content)).text("abc") == "abc"


@pytest.mark.parametrize(
    "spelled",
    [
        _SECRET,
        repr(_SECRET),
        repr({"a": _SECRET}),
        repr(_SECRET.encode()),
        json.dumps(_SECRET),
        json.dumps(_SECRET, ensure_ascii=False),
        "".join(f"\\u{ord(letter):04X}" for letter in _SECRET),
        "".join(f"\\u{ord(letter):04x}" if place % 2 else letter for place, letter in enumerate(_SECRET)),
        quote(_SECRET),
        quote(_SECRET, safe=""),
        quote_plus(_SECRET),
        quote(_SECRET).lower(),
        html.escape(_SECRET),
        _SECRET[:5] + "\n  " + _SECRET[5:],
        _SECRET[:5] + "\\n" + _SECRET[5:],
        _SECRET.replace(" ", "\n"),
        json.dumps(_SECRET).replace("/", "\\/"),
    ],
)
def test_no_spelling_of_a_secret_comes_out(spelled: str) -> None:
    shown = Masker([_SECRET]).text(f"before {spelled} after")
    assert MASK in shown
    for piece in ("nter", "more", "NTER", "\\u006E", "\\u006e", "%6e"):
        assert piece not in shown, shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


def test_a_percent_encoded_secret_is_masked_as_it_is_meant_too() -> None:
    masker = Masker(secrets_of({"sql": {"dsn": "postgresql://me:p%40ss%20word@db/x"}}))
    assert masker.text("p@ss word, p%40ss%20word, p@ss%20word") == "***, ***, ***"


def test_names_in_any_text_hide_what_stands_behind_them() -> None:
    masker = Masker()
    assert masker.text("postgresql://me:pass@db/x") == "postgresql://me:***@db/x"
    assert masker.text("postgresql://db/x?user=me&password=pass&a=b") == "postgresql://db/x?user=me&password=***&a=b"
    assert masker.text('{"password": "a b", "user": "me"}') == '{"password": "***", "user": "me"}'
    assert masker.text("{'token': 'abc'}") == "{'token': '***'}"
    for harmless in (
        'brownout run x.yaml --var DB_PASSWORD="$DB_PASSWORD"', "the token: expired", "tokens=4", "key=1 of 2",
        "http://token-service:8080/", "errors: 3",
    ):  # fmt: skip
        assert masker.text(harmless) == harmless


def test_values_of_mappings_and_lists_are_masked() -> None:
    masker = Masker(["hunter2", "hunter22", "abc", ""])
    assert masker.text("hunter22 hunter2 abc") == "*** *** abc", "three letters hide too much to be hidden"
    assert masker.value({"a": ["hunter2", 1, None], "b": ("x",)}) == {"a": ["***", 1, None], "b": ["x"]}


def test_a_line_of_a_server_is_masked_before_it_is_cut() -> None:
    masker = Masker(["header-secret"], urls=["http://me:p%40ssword@db/x?token=query-secret"])
    told = masker.line("p%40ssword, p@ssword, query-secret and\n header-secret are wrong")
    assert told == "***, ***, *** and *** are wrong"
    assert Masker(["e"]).line("refused") == "refused"
    assert len(Masker().line("x" * 5000)) < 400
    assert "hunter" not in Masker(["hunter22"]).line("x" * 297 + "hunter22")


def test_many_and_long_secrets_take_bounded_time() -> None:
    many = {"headers": {f"X-Token-{number}": f"secret-{number:06}" for number in range(5000)}}
    began = time.process_time()
    masker = Masker([*secrets_of(many), "x" * 100_000])
    for _ in range(20):
        masker.text("a" * 2000 + " secret-000007 " + "=" * 2000)
        masker.text("password" * 500 + ":" * 500 + "\\" * 1000)
    assert time.process_time() - began < 30, "of processor time; it takes one"
    assert "secret-000007" not in masker.text("see secret-000007")
    assert len(list(literals(many))) == 5000
