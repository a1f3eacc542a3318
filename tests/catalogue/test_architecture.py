"""architecture.yaml: little is enough, and every mistake has its place."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from brownout_catalogue.architecture import KINDS, Architecture, Kind, dotted, kind_of
from brownout_controller.model import schema
from brownout_core.errors import InvalidSpec
from tests.support.builders.architectures import EXAMPLES, SHOP, read

_A_CALLS_B = "services:\n  a:\n    calls: {b: %s}\n  b:\n"
_FLOW = "services:\n  a:\n    calls: [b]\n  b:\nflows:\n  f: {path: %s}\n"


def test_names_and_calls_are_enough_and_what_is_not_said_is_none() -> None:
    architecture = read("services:\n  a: {calls: [b]}\n  b:\n")
    (edge,) = architecture.edges
    assert edge.name == "a -> b"
    assert (edge.call.timeout, edge.call.retries, edge.call.breaker, edge.call.fallback) == (None, None, None, None)
    assert architecture.components["b"].replicas is None
    assert edge.call.attempts == 1


def test_quantities_have_units() -> None:
    call = read(_A_CALLS_B % "{timeout: 300ms, rate: 50/s, retry_budget: 10%, retries: 2}").edges[0].call
    assert (call.timeout, call.rate, call.retry_budget, call.attempts) == (0.3, 50, 0.1, 3)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("payments-db",), "database"), (("pg-main",), "database"), (("x", "postgres:16"), "database"),
        (("redis",), "cache"), (("user-sessions",), "cache"), (("rabbitmq",), "queue"), (("edge-gateway",), "gateway"),
        (("mail-worker",), "worker"), (("payment-service",), "service"), (("dashboard",), "service"),
        (("queue-master",), "worker"), (("x", "registry:5000/weave/queue-master:0.3"), "worker"),
        (("kafka_consumer",), "worker"), (("redis-exporter",), "service"), (("redis-master",), "cache"),
        (("work-queue",), "queue"), (("kafka-master",), "queue"), (("sqshq/pay-service",), "service"),
        (("postgrest/postgrest:v12",), "service"), (("price-oracle",), "service"), (("broker-service",), "service"),
        (("kafka-ui",), "service"), (("x", "provectuslabs/kafka-ui"), "service"), (("db-backup",), "service"),
        (("kafka-rest",), "service"), (("minio",), "database"), (("etcd",), "database"), (("orderdb",), "database"),
        (("messagebroker",), "queue"), (("distributedcache",), "cache"), (("mysql-server",), "database"),
        (("x", "postgres/tools:1"), "service"),
    ],
)  # fmt: skip
def test_a_kind_is_guessed_from_what_names_say(names: tuple[str, ...], kind: Kind) -> None:
    assert kind_of(*names) == kind
    assert kind in KINDS


def test_a_kind_that_is_said_is_not_guessed() -> None:
    architecture = read("services:\n  session-store: {kind: database}\n  redis: {where: {image: x}}\n")
    assert architecture.kind("session-store") == "database"
    assert architecture.is_stateful("session-store")
    assert not architecture.is_stateful("redis")


def test_callers_callees_and_what_depends_on_it() -> None:
    architecture = read(SHOP)
    assert [edge.source for edge in architecture.callers("postgres")] == ["orders", "catalogue"]
    assert [edge.sink for edge in architecture.callees("orders")] == ["postgres", "redis", "rabbit", "bank"]
    assert architecture.reaches("postgres") == {"postgres", "orders", "catalogue", "gateway"}
    assert ("gateway", "postgres") in {(path[0].source, path[-1].sink) for path in architecture.paths_down("gateway")}


def test_a_circle_of_calls_ends() -> None:
    architecture = read("services:\n  a: {calls: [b]}\n  b: {calls: [a]}\n")
    assert [len(path) for path in architecture.paths_down("a")] == [1]
    assert architecture.reaches("a") == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", "x.yaml", "is empty"),
        ("- a\n", "x.yaml:1:1", "must be an architecture with services, not a list"),
        ("service: {a: }\n", "x.yaml:1:1: service", "did you mean services?"),
        ("services: []\n", "x.yaml:1:1: services", "names no service"),
        ("services: 3\n", "x.yaml:1:1: services", "must be names, or a mapping"),
        ("services:\n  a: 3\n", "x.yaml:2:3: services.a", "must be a"),
        ("services:\n  a:\n    cals: [b]\n", "x.yaml:3:5: services.a.cals", "did you mean calls?"),
        ("services:\n  a:\n    calls: [{b: 1}]\n", "x.yaml:3:5: services.a.calls", "must be names"),
        ("services:\n  a:\n  bb: {calls: [aa]}\n", "x.yaml:3:8: services.bb.calls", "did you mean a?"),
        ("services:\n  a: {calls: [a]}\n", "x.yaml:2:7: services.a.calls", "calls itself"),
        ("services:\n  a -> b:\n", "x.yaml:2:3: services.a -> b", "may not be empty or have ->"),
        ("services: [a]\nexternal:\n  a:\n", "x.yaml:3:3: external.a", "is a service and external"),
        ("services:\n  a: {kind: databse}\n", "x.yaml:2:7: services.a.kind", "'database'"),
        (_A_CALLS_B % "{timeout: 3x}", "x.yaml:3:17: services.a.calls.b.timeout", "unknown unit 'x'"),
        (_A_CALLS_B % "{timeout: 0s}", "x.yaml:3:17: services.a.calls.b.timeout", "greater than 0"),
        (_A_CALLS_B % "{timeot: 3s}", "x.yaml:3:17: services.a.calls.b.timeot", "did you mean timeout?"),
        (_A_CALLS_B % "{retries: -1}", "x.yaml:3:17: services.a.calls.b.retries", "greater than or equal to 0"),
        (_FLOW % "[a, c]", "x.yaml:6:17: flows.f.path[1]", "unknown service 'c'"),
        (_FLOW % "[b, a]", "x.yaml:6:17: flows.f.path[1]", "'b' does not call 'a'; add it to its calls"),
        (_FLOW % "[a], revenue: 70", "x.yaml:6:18: flows.f.revenue", "write it like 70%"),
        (_FLOW % "[a], users: 170%", "x.yaml:6:18: flows.f.users", "less than or equal to 1"),
        (_FLOW % "[]", "x.yaml:6:7: flows.f.path", "at least 1"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, place: str, said: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        read(text)
    assert str(error.value).startswith(f"{place}: ")
    assert said in str(error.value)


def test_one_that_is_made_in_code_must_fit_together_as_well() -> None:
    with pytest.raises(ValueError, match="unknown service 'b'"):
        Architecture.model_validate({"services": {"a": {"calls": ["b"]}}})


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_fit_the_schema(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.validate(content, schema.of(Architecture, "Brownout architecture"))


@pytest.mark.parametrize(
    "content",
    [
        {"services": {"a": {"cals": []}}}, {"services": {"a": 3}}, {"services": {"a": {"calls": {"b": {"timeot": 1}}}}},
        {"services": {"a": {"kind": "databse"}}}, {"external": ["a"]},
    ],
)  # fmt: skip
def test_the_schema_refuses_what_reading_refuses(content: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema.of(Architecture, "Brownout architecture"))


def test_a_name_that_would_read_as_several_steps_is_quoted() -> None:
    assert dotted(("services", "api-gateway", "calls", "redis")) == "services.api-gateway.calls.redis"
    assert dotted(("services", "shop.example", "replicas")) == 'services."shop.example".replicas'
    assert dotted(("flows", "buy", "path", 1)) == "flows.buy.path[1]"
    assert dotted(("services", "a[1]")) == 'services."a[1]"'
