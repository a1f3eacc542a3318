"""Which claims an experiment makes, and which are left to somebody who knows the system."""

from __future__ import annotations

from typing import Any

import pytest

from brownout_catalogue.generate.claims import Hypothesis, examples, hypotheses, why_not, yaml_lines
from brownout_catalogue.generate.terms import Number, Source, longest_of, p99_limit, source_of
from brownout_catalogue.scoring.scenario import Scenario
from tests.catalogue.generate.test_terms import WITHOUT_TOLERANCE, server
from tests.support.builders.architectures import SHOP, found, read

SLOW = "database-slow/orders/postgres"


def _source(name: str = SLOW, text: str = SHOP, **given: Any) -> Source:
    architecture = read(text)
    return source_of(
        found(architecture)[name], architecture, given.pop("entries", {}), given.pop("baselines", None), {}
    )


def _scenario(name: str = SLOW) -> Scenario:
    return found(read(SHOP))[name]


def _claims(name: str = SLOW, text: str = SHOP, **given: Any) -> dict[str, dict[str, Any]]:
    made = hypotheses(found(read(text))[name], _source(name, text, **given))
    return {claim["name"]: claim for claim in map(_content, made)}


def _content(hypothesis: Hypothesis) -> dict[str, Any]:
    return {line.key: line.value for line in hypothesis.lines}


def test_a_flow_must_answer_in_time_and_without_errors_and_recover() -> None:
    fast, works, after = _claims().values()
    assert (fast["traffic"], fast["expect"], fast["min_events"]) == ("p99", "< 2s", 50)
    assert (works["traffic"], works["expect"], works["stop"]) == ("errors", "< 1%", "> 50%")
    assert (after["expect"], after["when"]) == ("<= 1.5 * baseline + 100ms", ["baseline", "recovery"])


def test_names_hold_no_numbers_so_that_a_claim_is_the_same_when_its_limit_is_not() -> None:
    assert list(_claims()) == list(_claims(text=WITHOUT_TOLERANCE))


def test_a_stop_is_above_what_is_expected_or_there_is_none() -> None:
    busy = _claims(baselines=server(errors=0.3))["buy does not fail"]
    assert (busy["expect"], "stop" in busy) == ("< 50%", False)
    some = _claims(baselines=server(errors=0.13))["buy does not fail"]
    assert (some["expect"], some["stop"]) == ("< 30%", "> 60%")


def test_a_server_is_asked_by_its_own_metrics_and_for_what_they_rest_on() -> None:
    claims = _claims(baselines=server())
    assert claims["buy answers in time"]["prometheus"] == {
        "query": 'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{job="gateway"}'
        "[${window}])))",
        "events": 'sum(increase(http_request_duration_seconds_count{job="gateway"}[${window}]))',
        "server": "http://p:9090",
    }
    assert (claims["buy answers in time"]["window"], claims["buy answers in time"]["every"]) == ("1m", "5s")


def test_what_a_server_cannot_tell_is_not_claimed() -> None:
    assert list(_claims(baselines=server(p99=10.0))) == ["buy does not fail"]
    measurements = _source(baselines=server(p99=10.0))
    assert "highest bucket" in str(why_not(_scenario(), measurements, p99_limit(measurements)))
    assert (
        why_not(_scenario(), _source(), Number(600.0, "x"))
        == "an answer may take 10m, longer than a fault on a laptop should last"
    )
    patient = SHOP.replace("tolerance: 2s", "tolerance: 10m")
    assert list(_claims(text=patient)) == ["buy does not fail", "buy is as fast as before once it is over"]


def test_without_anything_to_ask_the_proxy_tells_whether_the_edge_recovers() -> None:
    stream = "services: {mail-worker: {calls: [rabbit, postgres]}, rabbit: , postgres: }"
    assert [claim["edge"] for claim in _claims("database-slow/mail-worker/postgres", stream).values()] == [
        "bytes_down", "connections", "connections",
    ]  # fmt: skip
    publishing = "services: {a-worker: {calls: [b]}, b: {kind: service, calls: [rabbit]}, rabbit: }"
    assert next(iter(_claims("queue-blocks/b/rabbit", publishing).values()))["edge"] == "bytes_up"


@pytest.mark.parametrize(("image", "probe"), [("postgres:16", "sql"), ("mysql:8", "command"), ("", "sql")])
def test_what_must_not_be_lost_is_an_example_that_the_store_can_answer(image: str, probe: str) -> None:
    text = SHOP.replace("  postgres:\n", f"  postgres: {{kind: database, where: {{image: '{image}'}}}}\n")
    text = text.replace("postgres", "store") if "mysql" in image else text
    name = SLOW.replace("postgres", "store") if "mysql" in image else SLOW
    architecture = read(text)
    (lost,) = examples(found(architecture)[name], architecture)
    assert (lost.name, probe in lost.content) == ("nothing that was accepted is lost", True)
    assert next(iter(yaml_lines(lost.content))) == "- name: nothing that was accepted is lost"


def test_a_store_that_is_gone_has_its_data_in_question_and_a_cache_has_not() -> None:
    architecture = read(SHOP)
    assert [one.name for one in examples(found(architecture)["queue-gone/rabbit"], architecture)]
    assert not list(examples(found(architecture)["cache-gone/redis"], architecture))


def test_of_the_edge_something_is_claimed_for_the_time_of_the_fault() -> None:
    stream = "services: {mail-worker: {calls: [rabbit, postgres]}, rabbit: , postgres: }"
    claims = _claims("database-slow/mail-worker/postgres", stream).values()
    assert [claim["name"] for claim in claims if "during" in claim["when"]] == [
        "connections are not opened without end while it lasts"
    ]


def test_a_time_that_the_fault_cannot_miss_is_not_claimed() -> None:
    lossy = "lossy-line/orders/bank"
    why = why_not(_scenario(lossy), _source(lossy), p99_limit(_source(lossy)))
    assert (
        why == "the fault holds an answer up for 200ms at most, and an answer may take 2s: who only waits would keep it"
    )
    assert next(iter(_claims(lossy))) == "buy does not fail"


def test_without_a_tolerance_the_limit_is_the_run_s_own_baseline_and_smaller_than_the_fault() -> None:
    fast = _claims(text=WITHOUT_TOLERANCE)["buy answers in time"]
    assert fast["expect"] == "<= 3 * baseline + 1s"
    assert longest_of(found(read(WITHOUT_TOLERANCE))[SLOW]) > 1.0


@pytest.mark.parametrize("mode", ["database-gone", "database-reset", "database-slow"])
def test_a_time_is_claimed_only_where_the_fault_holds_answers_up(mode: str) -> None:
    scenario = f"{mode}/orders/postgres" if f"{mode}/orders/postgres" in found(read(SHOP)) else f"{mode}/postgres"
    names = list(_claims(scenario))
    assert ("buy answers in time" in names) == (mode == "database-slow")
    assert "buy does not fail" in names


@pytest.mark.parametrize(
    ("gateway", "kind"),
    [("replicas: 2", "traffic"), ("where: {port: 50051}", "edge"), ("where: {image: shop/grpc-gateway}", "edge")],
)
def test_an_entry_that_speaks_grpc_gets_no_get(gateway: str, kind: str) -> None:
    text = SHOP.replace("replicas: 2", gateway, 1)
    assert _source(text=text).kind == kind
    assert _source(text=text, entries={"": "http://127.0.0.1:1/"}).kind == "traffic"
