"""Ports that callers dial: of the call, of the component, or the usual one; never an operator's."""

from __future__ import annotations

import pytest

from brownout_catalogue.generate.ports import answers_http, port_of_call
from tests.support.builders.architectures import SHOP, read


@pytest.mark.parametrize(
    ("sink", "written", "port"),
    [
        ("rabbit", "{where: {image: 'rabbitmq:3-management', port: 15672}}", 5672),
        ("rabbit", "{where: {image: 'rabbitmq:3', port: 5673}}", 5673),
        ("rabbit", "{}", 5672),
        ("store", "{where: {image: 'mcr.microsoft.com/mssql/server:2022-latest'}}", 1433),
        ("azure-sql-edge", "{}", 1433),
        ("postgres", "{where: {port: 5433}}", 5433),
        ("reports", "{where: {port: 9001}}", 9001),
        ("reports", "{}", 8080),
        ("nats", "{where: {port: 8222}}", 4222),
    ],
)
def test_a_port_is_the_one_that_callers_use(sink: str, written: str, port: int) -> None:
    architecture = read(f"services: {{web: {{calls: [{sink}]}}, {sink}: {written}}}")
    assert port_of_call(architecture, "web", sink)[0] == port


def test_the_call_itself_comes_first_then_other_calls() -> None:
    text = "services: {a: {calls: {b: {port: 1}}}, c: {calls: [b]}, d: {calls: {b: {port: 2}}}, b: {where: {port: 3}}}"
    architecture = read(text)
    assert [port_of_call(architecture, source, "b")[0] for source in ("a", "c", "d")] == [1, 1, 2]


def test_a_third_party_is_assumed_to_speak_https() -> None:
    port, why = port_of_call(read(SHOP), "orders", "bank")
    assert port == 443
    assert why.startswith("assumed")


@pytest.mark.parametrize(
    ("services", "answers"),
    [
        ("api: ", True),
        ("api: {where: {port: 8080}}", True),
        ("api: {where: {port: 50051}}", False),
        ("api: {kind: worker}", False),
        ("api: {kind: database}", False),
        ("api: , web: {calls: {api: {guess: 'strong: ADDR has grpc://api:9000'}}}", False),
    ],
)
def test_a_get_is_for_what_answers_http(services: str, answers: bool) -> None:
    assert answers_http(read(f"services: {{{services}}}"), "api") == answers
