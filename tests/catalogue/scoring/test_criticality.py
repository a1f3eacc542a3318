"""How firmly the business hangs on each part: along paths, through what services need besides, past fallbacks."""

from __future__ import annotations

import pytest

from brownout_catalogue.scoring.criticality import (
    LATER,
    NOT_REQUIRED,
    NOT_SAID,
    TOLERANCE,
    USERS,
    WITH_FALLBACK,
    Criticality,
    FlowDependency,
    is_route,
    worth,
)
from tests.support.builders.architectures import SHOP, read


def _grips(holds: tuple[FlowDependency, ...]) -> dict[str, float]:
    return {hold.stake.name: round(hold.grip, 9) for hold in holds}


def _on(text: str, name: str) -> dict[str, float]:
    """Of a component, or of an edge."""
    architecture = read(text)
    business = Criticality(architecture)
    source, arrow, sink = name.partition(" -> ")
    return _grips(business.on_edge(architecture.edge(source, sink)) if arrow else business.on_component(source))


def test_a_flow_hangs_on_all_of_its_path() -> None:
    assert _on(SHOP, "orders") == {"buy": 1}
    assert _on(SHOP, "orders -> postgres") == {"buy": 1}
    assert _on(SHOP, "gateway") == {"buy": 1, "look": 1}


def test_what_a_service_on_the_path_calls_besides_is_mostly_needed() -> None:
    assert _on(SHOP, "orders -> rabbit") == {"buy": NOT_SAID}
    assert _on(SHOP, "rabbit") == {"buy": NOT_SAID}
    assert _on(SHOP.replace("rabbit:\n      bank", "rabbit: {required: true}\n      bank"), "rabbit") == {"buy": 1}


def test_what_an_answer_is_good_without_is_hardly_needed() -> None:
    assert _on(SHOP, "bank") == {"buy": NOT_REQUIRED}


def test_a_fallback_holds_up_the_flow_behind_it_and_not_the_call_itself() -> None:
    text = SHOP.replace("  redis:\n", "  redis: {calls: [far]}\n  far:\n")
    assert _on(text, "orders -> redis") == {"buy": NOT_SAID}  # how exposed the call is, is another factor's business
    assert _on(text, "redis -> far") == {"buy": round(NOT_SAID * WITH_FALLBACK * NOT_SAID, 9)}


def test_a_gateway_s_other_routes_are_no_part_of_a_flow_but_who_knows_the_users_is() -> None:
    architecture = read(SHOP)
    assert _on(SHOP, "gateway -> catalogue") == {"look": 1}
    assert _on(SHOP, "auth-service") == {"buy": NOT_SAID, "look": NOT_SAID}
    assert is_route(architecture, architecture.edge("gateway", "catalogue"))
    assert not is_route(architecture, architecture.edge("gateway", "auth-service"))
    assert not is_route(architecture, architecture.edge("orders", "postgres"))


def test_a_worker_does_later_what_a_flow_leaves_in_a_queue() -> None:
    assert _on(SHOP, "mail-worker") == {"buy": NOT_SAID * LATER}


def test_an_edge_is_known_by_its_ends_and_not_by_what_another_architecture_says_of_it() -> None:
    other = read(SHOP.replace("rabbit:\n      bank", "rabbit: {required: true}\n      bank")).edge("orders", "rabbit")
    assert _grips(Criticality(read(SHOP)).on_edge(other)) == {"buy": NOT_SAID}


def test_the_firmest_way_counts() -> None:
    calls = "{b: {required: false}, c: {required: true}}"
    text = f"services:\n  a: {{calls: {calls}}}\n  c: {{calls: {{b: {{required: true}}}}}}\n  b:\n"
    assert _on(text + "flows:\n  f: {path: [a]}\n", "b") == {"f": 1}


def test_a_circle_of_calls_ends() -> None:
    text = "services:\n  a: {calls: [b]}\n  b: {calls: [a]}\nflows:\n  f: {path: [a]}\n"
    assert _on(text, "b") == {"f": NOT_SAID}


def test_without_flows_every_way_in_is_one_and_all_that_it_calls_is_needed() -> None:
    architecture = read(
        "services:\n  gateway: {calls: [a, b]}\n  a: {calls: [db]}\n  b:\n  cron: {calls: [a]}\n  db:\n"
    )
    business = Criticality(architecture)
    assert business.entries == ("gateway", "cron")
    assert [(stake.revenue, stake.users, stake.tolerance) for stake in business.stakes] == [(0.5, USERS, TOLERANCE)] * 2
    assert _grips(business.on_component("b")) == {"gateway": NOT_SAID}


def test_a_worker_that_a_queue_feeds_is_no_way_in_but_one_that_is_alone_at_it_is() -> None:
    fed = "services:\n  a: {calls: [rabbit]}\n  w-worker: {calls: [rabbit]}\n  rabbit:\n"
    assert Criticality(read(fed)).entries == ("a",)
    assert Criticality(read(fed.replace("  a: {calls: [rabbit]}\n", ""))).entries == ("w-worker",)


def test_where_all_call_each_other_the_first_is_the_way_in() -> None:
    assert Criticality(read("services:\n  a: {calls: [b]}\n  b: {calls: [a]}\n")).entries == ("a",)


def test_revenue_that_nobody_has_said_is_an_equal_part_of_what_is_left() -> None:
    stakes = {
        stake.name: stake
        for stake in Criticality(read(SHOP + "  a: {path: [gateway]}\n  b: {path: [gateway], users: 5%}\n")).stakes
    }
    assert [stakes[name].revenue for name in ("buy", "look", "a", "b")] == pytest.approx([0.8, 0, 0.1, 0.1])
    assert stakes["a"].assumed == ("revenue", "users", "tolerance")
    assert stakes["b"].assumed == ("revenue", "tolerance")


def test_revenue_weighs_more_than_users_and_both_count() -> None:
    assert worth(1, 1) == 1
    assert worth(1, 0) > worth(0, 1) > 0


def test_what_would_be_lost_decides_the_order_and_then_the_name() -> None:
    business = Criticality(read(SHOP))
    assert [hold.stake.name for hold in business.on_component("gateway")] == ["buy", "look"]
    assert [hold.stake.name for hold in business.on_all()] == ["buy", "look"]


def test_what_only_telemetry_calls_is_an_entry_and_what_telemetry_calls_needs_no_answer() -> None:
    business = Criticality(
        read(
            "services:\n  front-proxy: {kind: gateway, calls: [ad]}\n  ad: {calls: [otel-collector]}\n"
            "  otel-collector: {calls: [front-proxy, db]}\n  db:\n  forgotten:\n"
        )
    )
    assert business.entries == ("front-proxy",)
    assert business.on_component("ad")
    assert business.on_component("db") == ()
