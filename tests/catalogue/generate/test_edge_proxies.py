"""Where proxies listen, and what they stand before, on this machine and in a container."""

from __future__ import annotations

from collections.abc import Sequence

from brownout_catalogue.generate.edge_proxies import EdgeProxy, Machine, carrier, container_proxies, machine_proxies
from tests.support.builders.architectures import SHOP, read

EVERYTHING = ("gateway", "orders", "catalogue", "auth-service", "mail-worker", "postgres", "redis", "rabbit")


def _machine(edge: str, text: str = SHOP, machine: Machine | None = None) -> EdgeProxy:
    (found,) = machine_proxies(read(text), [edge], machine or Machine())
    return found


def _inside(edges: Sequence[str], text: str = SHOP, machine: Machine | None = None) -> dict[str, EdgeProxy]:
    return {one.proxy: one for one in container_proxies(read(text), edges, machine or Machine(), EVERYTHING)}


def test_a_proxy_is_named_like_the_edge_s_end_unless_the_architecture_names_it() -> None:
    assert carrier(read(SHOP), "orders -> redis") == "redis"
    named = SHOP.replace("  redis:\n", "  redis: {where: {proxy: sessions}}\n")
    assert carrier(read(named), "orders -> redis") == "sessions"


def test_on_the_machine_a_proxy_stands_before_the_published_or_the_usual_port() -> None:
    published = _machine("orders -> postgres", machine=Machine({"postgres": {5432: 5499}}, {5499}))
    assert (published.host, published.listen, published.upstream) == ("127.0.0.1", 15499, "127.0.0.1:5499")
    for sink, port in (("postgres", 5432), ("redis", 6379), ("rabbit", 5672)):
        usual = _machine(f"orders -> {sink}")
        assert (usual.upstream, usual.listen) == (f"127.0.0.1:{port}", 10_000 + port)
        assert usual.why.startswith("assumed: ")


def test_of_several_published_ports_the_one_that_callers_use_is_taken() -> None:
    machine = Machine({"rabbit": {15672: 15672, 5672: 5673}}, {15672, 5673})
    assert _machine("orders -> rabbit", machine=machine).upstream == "127.0.0.1:5673"


def test_a_third_party_is_not_on_this_machine() -> None:
    outside = SHOP.replace("external: [bank]", "external: {bank: {where: {host: api.bank.example, port: 8443}}}")
    assert _machine("orders -> bank", outside).upstream == "api.bank.example:8443"
    assert _machine("orders -> bank").upstream == "bank:443"
    assert _inside(["orders -> bank"], outside)["bank"].upstream == "api.bank.example:8443"


def test_two_edges_to_one_end_share_a_proxy_and_no_port_is_taken_twice() -> None:
    edges = ["orders -> postgres", "catalogue -> postgres", "gateway -> orders", "gateway -> catalogue"]
    found = machine_proxies(read(SHOP), edges, Machine({"redis": {6379: 15432}}, {15432, 15433, 18080}))
    assert [proxy.proxy for proxy in found] == ["postgres", "orders", "catalogue"]
    assert found[0].edges == ("orders -> postgres", "catalogue -> postgres")
    listens = [proxy.listen for proxy in found]
    assert len({*listens, 15432, 15433, 18080}) == 6
    high = machine_proxies(
        read(SHOP), ["orders -> postgres", "orders -> redis"],
        Machine({"postgres": {5432: 60000}, "redis": {6379: 60000}}, {60000}),
    )  # fmt: skip
    assert all(10_000 <= proxy.listen <= 65535 for proxy in high)


def test_in_a_container_a_proxy_has_the_port_of_its_callee_and_is_reached_from_other_containers() -> None:
    found = _inside(["orders -> postgres", "gateway -> orders"])
    assert (found["postgres"].host, found["postgres"].listen) == ("0.0.0.0", 5432)
    assert found["postgres"].upstream == "postgres:5432"
    assert [proxy.published for proxy in found.values()] == [None, None]


def test_only_what_begins_outside_is_published_and_gives_way_to_callees_of_the_same_port() -> None:
    machine = Machine({"gateway": {8080: 8080}}, {8080, 18080})
    found = _inside(["outside -> gateway", "gateway -> orders"], machine=machine)
    assert (found["orders"].listen, found["orders"].published) == (8080, None)
    assert found["gateway"].listen == found["gateway"].published
    assert found["gateway"].published == 18081, "18080 is published by somebody else"


def test_what_is_no_part_of_the_project_is_on_the_machine_of_the_container() -> None:
    (found,) = container_proxies(read(SHOP), ["orders -> postgres"], Machine(), ["orders"])
    assert found.upstream == "host.docker.internal:5432"
