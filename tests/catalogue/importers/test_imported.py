"""Evidence is ordered and told, kinds come from the best source, and an architecture comes out."""

from __future__ import annotations

import pytest

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.importers.imported import Component, Evidence, Imported, Strength, by_strength
from brownout_catalogue.importers.source import Place


def imported(*names: str, **images: str) -> Imported:
    found = Imported("shop.yaml")
    for name in names:
        found.services[name] = Component(name, image=images.get(name))
    return found


def test_a_guess_says_its_strength_and_its_evidence_the_strongest_first() -> None:
    found = imported("cart", "redis")
    found.call("cart", "redis", Evidence(Strength.WEAK, "depends_on", Place("c.yaml", 3)))
    found.call("cart", "redis", Evidence(Strength.STRONG, "REDIS_URL has redis:6379", Place("c.yaml", 9), 6379))
    found.call("cart", "redis", Evidence(Strength.LIKELY, "links", Place("c.yaml", 5)))
    (edge,) = found.edges()
    assert edge.guess == "strong: REDIS_URL has redis:6379 (c.yaml:9); links (c.yaml:5); and 1 more"
    assert edge.content()["port"] == 6379
    assert by_strength([edge]) == {"strong": 1, "likely": 0, "weak": 0}


def test_the_same_evidence_counts_once_and_nobody_calls_itself() -> None:
    found = imported("cart", "redis")
    for _ in range(2):
        found.call("cart", "redis", Evidence(Strength.WEAK, "depends_on"))
    found.call("cart", "cart", Evidence(Strength.STRONG, "CART_ADDR has cart:7070"))
    (edge,) = found.edges()
    assert edge.guess == "weak: depends_on"


@pytest.mark.parametrize(
    ("name", "image", "kind"),
    [
        ("session-db", "redis:alpine", "cache"),
        ("store", "docker.io/library/postgres:16", "database"),
        ("catalogue-db", "shop/catalogue-db:1", None),
        ("redis", "redis:7", None),
        ("cart", "shop/cart:1", None),
    ],
)
def test_a_kind_is_written_where_the_name_alone_would_mislead(name: str, image: str, kind: str | None) -> None:
    assert Component(name, image=image).content().get("kind") == kind


def test_telemetry_is_not_required_but_among_itself() -> None:
    found = imported("cart", "otel-collector", "jaeger")
    found.call("cart", "otel-collector", Evidence(Strength.STRONG, "x"))
    found.call("otel-collector", "jaeger", Evidence(Strength.WEAK, "y"))
    first, second = found.edges()
    assert first.content()["required"] is False
    assert "required" not in second.content()


def test_a_mesh_is_between_two_that_are_in_it() -> None:
    found = imported("a", "b", "c")
    found.meshed |= {"a", "b"}
    found.call("a", "b", Evidence(Strength.STRONG, "x"))
    found.call("a", "c", Evidence(Strength.STRONG, "x"))
    assert [edge.content().get("mtls") for edge in found.edges()] == [True, None]


def test_a_store_that_nobody_calls_is_guessed_from_its_name_or_asked_for() -> None:
    found = imported("carts", "carts-db", "rabbitmq", "worker")
    found.finish()
    (edge,) = found.edges()
    assert (edge.source, edge.sink, edge.strength) == ("carts", "carts-db", Strength.WEAK)
    assert any("who calls rabbitmq" in note for note in found.notes)
    assert any("whom worker calls" in note for note in found.notes)


def test_a_name_is_no_evidence_where_something_else_is_known() -> None:
    found = imported("carts", "carts-db", "orders")
    found.call("orders", "carts-db", Evidence(Strength.STRONG, "x"))
    found.finish()
    assert [(edge.source, edge.sink) for edge in found.edges()] == [("orders", "carts-db")]


def test_a_registry_hides_calls_and_that_is_said() -> None:
    found = imported("discovery-server", "web")
    found.finish()
    assert any("found through discovery-server" in note for note in found.notes)


def test_what_plays_the_users_is_left_out_with_its_calls() -> None:
    found = imported("web", "loadgenerator", "sim", sim="shop/load-test:1")
    for name in ("loadgenerator", "sim"):
        found.call(name, "web", Evidence(Strength.STRONG, "x"))
    found.call("sim", found.outside("x.io", None, Evidence(Strength.LIKELY, "y")), Evidence(Strength.LIKELY, "y"))
    found.finish()
    assert (list(found.services), list(found.external), list(found.edges())) == (["web"], [], [])
    assert "left out, as they play the users: loadgenerator, sim" in found.notes


def test_load_alone_is_a_system_of_its_own() -> None:
    found = imported("locust")
    found.finish()
    assert list(found.services) == ["locust"]


def test_no_note_moves_the_cursor() -> None:
    found = imported("web")
    found.note("service/\x1b[2Jx selects no workload")
    assert found.notes == ["service/\\x1b[2Jx selects no workload"]


def test_what_was_found_is_an_architecture() -> None:
    found = imported("cart")
    evidence = Evidence(Strength.STRONG, "DB has db.shop.io:5432", None, 5432)
    found.call("cart", found.outside("db.shop.io", "postgres", evidence), evidence)
    found.services["cart"].probes = ("readiness",)
    architecture = Architecture.model_validate(found.content())
    assert architecture.kind("db.shop.io") == "database"
    assert architecture.edge("cart", "db.shop.io").call.port == 5432
    assert architecture.external["db.shop.io"].where.host == "db.shop.io"
    assert architecture.services["cart"].probes == ("readiness",)


@pytest.mark.parametrize("owner", ["carts", "carts-service", "carts.api", "carts-svc"])
@pytest.mark.parametrize("store", ["carts-db", "carts-mongo", "cartsdb", "carts-redis"])
def test_a_store_that_nobody_calls_is_that_of_its_namesake(owner: str, store: str) -> None:
    found = imported(owner, store, "orders")
    found.finish()
    assert [(edge.source, edge.sink, edge.strength.word) for edge in found.edges()] == [(owner, store, "weak")]


def test_a_store_with_two_namesakes_is_nobodys() -> None:
    found = imported("carts", "carts-service", "carts-db")
    found.finish()
    assert list(found.edges()) == []


def test_the_order_of_starting_counts_for_nothing_beside_addresses_but_for_stores() -> None:
    found = imported("web", "cart", "quote", "db")
    found.call("web", "cart", Evidence(Strength.STRONG, "CART_URL has cart:80"))
    for sink in ("quote", "db"):
        found.call("web", sink, Evidence(Strength.WEAK, "depends_on", basis="order"))
    found.finish()
    assert [edge.sink for edge in found.edges()] == ["cart", "db"]


def test_a_redis_that_a_worker_and_another_use_is_a_queue() -> None:
    found = imported("web", "mail-worker", "redis", "session-redis")
    for source, sink in (("web", "redis"), ("mail-worker", "redis"), ("web", "session-redis")):
        found.call(source, sink, Evidence(Strength.STRONG, f"{sink}:6379"))
    found.finish()
    assert (found.services["redis"].seen_as, found.services["session-redis"].seen_as) == ("queue", "cache")
