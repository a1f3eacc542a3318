"""Experiments are looked at though variables are not set, and proxies are known by their file."""

from __future__ import annotations

import pytest

from brownout_controller.lint.reading import lint, listeners_of
from brownout_controller.model.environment import Environment
from brownout_controller.model.variables import Variables
from brownout_core import document
from tests.controller.lint.table import BASE


def _codes(text: str, **given: str) -> list[str]:
    return [finding.code for finding in lint(text, "x.yaml", Variables(given, {}, lenient=True))]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"http://127.0.0.1:8080/pay"', '"${GATEWAY}/pay"'),
        ('"http://127.0.0.1:8080/pay"', '"${URL}"'),
        ("traffic: p99, expect: < 2s", "http: '${PAGE}', expect: < 2s"),
        ("traffic: p99, expect: < 2s", "tcp: '${HOST}:5432', expect: < 2s"),
        ("traffic: p99, expect: < 2s", "tcp: '${ADDRESS}', expect: < 2s"),
        ("traffic: p99, expect: < 2s", "sql: {dsn: '${DSN}', query: select 1}, expect: == 1"),
        ("traffic: p99, expect: < 2s", "redis: {url: '${CACHE}/0', command: LLEN x}, expect: == 1"),
        ("name: x", "name: ${NAME}"),
    ],
)
def test_addresses_and_texts_may_be_unknown(before: str, after: str) -> None:
    text = BASE.replace(before, after)
    assert text != BASE
    assert _codes(text) == []
    assert _codes(text.replace("latency: 3s", "latency: 0s")) == ["fault-does-nothing"]


def test_where_a_number_is_unknown_nothing_is_found() -> None:
    text = BASE.replace("duration: 30s", "duration: ${TIME}").replace("latency: 3s", "latency: 0s")
    assert _codes(text) == []
    assert _codes(text, TIME="30s") == ["fault-does-nothing"]
    assert _codes("[") == []
    assert _codes("") == []


CONFIG = """\
proxies:
  postgres: {listen: 127.0.0.1:15432, upstream: "127.0.0.1:5432"}
  redis: {listen: 16379, upstream: "cache:6379"}
environments: {}
"""


@pytest.mark.parametrize(
    ("control", "known"),
    [("127.0.0.1:8475", True), ("localhost:8475", True), ("proxy.staging:8475", False), ("unix:/tmp/x", False)],
)
def test_the_proxies_of_a_file_are_those_of_an_environment_on_this_machine(control: str, known: bool) -> None:
    found = listeners_of(document.parse(CONFIG, "b.yaml"), Environment(control=(control,)))
    assert found == (
        {
            "postgres": ("127.0.0.1:15432", "127.0.0.1:5432"),
            "redis": ("127.0.0.1:16379", "cache:6379"),
        }
        if known
        else {}
    )


@pytest.mark.parametrize("text", ["environments: {}", "proxies: [a]", "proxies: {a: 1}", "[]", ""])
def test_a_file_without_proxies_has_none(text: str) -> None:
    assert listeners_of(document.parse(text, "b.yaml"), Environment()) == {}
