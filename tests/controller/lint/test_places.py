"""What only the environment and its proxies can show."""

from __future__ import annotations

import pytest

from brownout_controller.model.environment import Environment
from tests.controller.lint.table import ASKED, claims, codes, found

WORKS = "traffic: errors, expect: < 1%"


@pytest.mark.parametrize(
    "claim",
    [
        'http: {url: "http://localhost:18080/pay", measure: ok}, expect: == 1',
        'tcp: "[::1]:18080", expect: < 1s',
        'redis: {url: "redis://127.0.0.1:18080", command: LLEN jobs}, expect: == 0',
        'sql: {dsn: "postgres://u:p@127.0.0.1:18080/x", query: "select 1"}, expect: == 1',
    ],
)
def test_every_probe_that_asks_the_proxy_itself_is_seen(claim: str) -> None:
    assert codes(claims(WORKS, claim)) == ["asks-the-proxy"]
    assert codes(claims(WORKS, claim.replace("18080", "18081"))) == []
    assert codes(claims(WORKS, claim), listeners={}) == [], "nobody knows the proxies"


def test_the_upstream_to_be_asked_instead_is_named() -> None:
    (finding,) = found('traffic: {url: "http://127.0.0.1:18080/", rate: 20/s}')
    assert "127.0.0.1:9090" in finding.remedy


def test_the_way_in_may_go_through_the_proxy_of_another_edge() -> None:
    others = {"gateway": ("127.0.0.1:28080", "h:1"), "payment": ("127.0.0.1:18080", "h:2")}
    load = "traffic: {url: 'http://127.0.0.1:28080/', rate: 20/s}"
    assert codes(load, listeners=others) == []
    assert codes(f"edge: client -> gateway\n{load}", listeners=others) == ["asks-the-proxy"]


def test_the_net_that_refuses_it_in_a_plan_switches_it_off_here() -> None:
    load = 'traffic: {url: "http://127.0.0.1:18080/", rate: 20/s}'
    assert codes(f"nets: {{own-traffic: the proxy itself is tested}}\n{load}") == []


def test_clients_from_outside_go_through_the_proxy() -> None:
    load = 'traffic: {url: "http://127.0.0.1:18080/", rate: 20/s}'
    assert codes(f"edge: outside -> payment\n{load}") == []


def test_an_edge_is_carried_by_the_proxy_that_it_or_its_end_names() -> None:
    named = Environment.model_validate({"edges": {"checkout -> bank": {"proxy": "payment"}}})
    assert codes("edge: checkout -> bank", environment=named) == []
    assert codes("edge: checkout -> bank") == ["edge-without-proxy"]
    assert codes("edge: checkout -> bank", listeners={"checkout -> bank": ("127.0.0.1:1", "h:1")}) == []
    assert codes("edge: checkout -> bank", listeners={}) == []
    assert codes("edge: checkout -> bank", environment=None) == []


def test_a_prometheus_is_somewhere() -> None:
    query = claims("prometheus: sum(x), expect: < 1")
    assert codes(query, environment=Environment()) == ["no-prometheus"]
    assert codes(query, environment=ASKED) == []
    assert codes(query, environment=None) == []


def test_a_misspelt_code_is_named_with_the_nearest() -> None:
    (finding,) = found("lint: {few-sample: short on purpose}")
    assert (finding.code, "few-samples" in finding.sentence) == ("unknown-code", True)
