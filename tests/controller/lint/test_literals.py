"""Secrets that stand in the file."""

from __future__ import annotations

import json

import pytest

from brownout_controller.lint.reading import lint
from brownout_controller.model.variables import Variables

_BASE = {
    "name": "x", "edge": "shop -> db", "fault": {"latency": "3s"}, "duration": "30s", "lint": {},
    "hypotheses": [{"name": "h", "tcp": "127.0.0.1:1", "expect": "< 1s"}],
}  # fmt: skip


def _found(content: dict[str, object], **variables: str) -> list[str]:
    found = lint(json.dumps(_BASE | content), "x.json", Variables(variables, {}, lenient=True))
    return [str(one) for one in found if one.code == "literal-secret"]


def _load(**more: object) -> dict[str, object]:
    return {"traffic": {"url": "http://127.0.0.1:1/pay", "rate": 20, **more}}


def test_a_literal_secret_is_found_with_its_place_and_is_not_repeated() -> None:
    (found,) = _found(_load(headers={"X-Api-Key": "hunter22"}))
    assert found.startswith("x.json:1:")
    assert "traffic.headers.X-Api-Key: warning: X-Api-Key has a secret in it" in found
    assert "hunter22" not in found


@pytest.mark.parametrize(
    "content",
    [
        _load(url="http://me:hunter22@127.0.0.1:1/"),
        _load(url="http://127.0.0.1:1/?api_key=hunter22"),
        _load(body="user=me&password=hunter22"),
        {"hypotheses": [{"name": "h", "command": "curl -u me:hunter22 http://127.0.0.1:1/", "expect": "== 0"}]},
        {"hypotheses": [{"name": "h", "sql": {"dsn": "postgresql://me:hunter22@db/x", "query": "select 1"},
                         "expect": "== 1"}]},
        {"hypotheses": [{"name": "h", "http": {"url": "http://127.0.0.1:1/", "body": {"login": {"pwd": "hunter22"}}},
                         "expect": "< 1s"}]},
    ],
)  # fmt: skip
def test_it_is_found_wherever_it_stands_once(content: dict[str, object]) -> None:
    assert len(_found(content)) == 1


@pytest.mark.parametrize(
    "content",
    [
        _load(headers={"Authorization": "Bearer ${TOKEN}"}),
        _load(url="http://127.0.0.1:1/?api_key=${TOKEN}"),
        _load(url="http://me:${TOKEN}@127.0.0.1:1/"),
        _load(body="user=me&password=<yours>"),
        _load(headers={"Accept": "text/html"}),
    ],
)
def test_a_variable_is_none_whether_it_is_set_or_not(content: dict[str, object]) -> None:
    assert _found(content) == []
    assert _found(content, TOKEN="hunter22-and-more") == []
