"""Modes and an architecture make scenarios that experiments can be written from."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_catalogue.scoring.criticality import Criticality
from brownout_catalogue.scoring.modes import library
from brownout_catalogue.scoring.scenario import EVERYTHING, OUTSIDE, kind_of_fault, moved
from brownout_controller.model.experiment import read_experiment
from brownout_controller.probes import KINDS
from brownout_core import document
from tests.support.builders.architectures import EXAMPLES, SHOP, backwards, example, found, read


def test_every_mode_is_there_wherever_the_architecture_may_have_it() -> None:
    ids = set(found(read(SHOP)))
    assert {
        "database-slow/orders/postgres", "database-slow/catalogue/postgres", "database-gone/postgres",
        "queue-blocks/orders/rabbit", "queue-backlog/mail-worker/rabbit", "provider-gone/bank",
        "lossy-line/orders/bank", "cut-off/gateway/orders",
        "instance-dies/gateway", "dies-in-transaction/orders", "dns-fails/all-services",
    } <= ids  # fmt: skip


@pytest.mark.parametrize(
    "absent",
    [
        "queue-blocks/mail-worker/rabbit",  # a worker takes messages
        "queue-backlog/orders/rabbit",  # a service gives them
        "cut-off/orders/bank",  # others run it: it is down, or its line is bad
        "memory-pressure/bank",
        "instance-dies/orders",  # it writes, so that it dies in a transaction
        "service-slow/gateway",  # nobody in the architecture calls it
        "answer-lost/gateway/orders",
        "certificate-expired/all-services",  # nobody has said that there are any
    ],
)
def test_and_nowhere_else(absent: str) -> None:
    assert absent not in found(read(SHOP))


def test_every_mode_of_the_library_is_in_some_example() -> None:
    modes = {scenario.mode.id for path in EXAMPLES.glob("*.yaml") for scenario in found(example(path.stem)).values()}
    assert modes == set(library().modes)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_can_be_injected_locally_is_an_experiment_as_it_stands(path: Path) -> None:
    ids = []
    for scenario in found(example(path.stem)).values():
        ids.append(scenario.id)
        assert (scenario.edge is None) == (not scenario.faults)
        if scenario.faults:
            text = f"name: x\nedge: {scenario.edge}\nduration: 30s\nfaults: {list(scenario.faults)!r}\n"
            text = text.replace("True", "true") + "hypotheses: [{name: h, tcp: '127.0.0.1:1', expect: < 1s}]\n"
            experiment = read_experiment(document.parse(text, "x.yaml"), "x.yaml", KINDS)
            assert [spec.fault.kind for spec in experiment.faults] == list(map(kind_of_fault, scenario.faults))
        texts = [scenario.title, *(scenario.fill(text) for text in (scenario.mode.goes_wrong, *scenario.mode.look_for))]
        assert not [text for text in texts if "{" in text]
        assert not [claim for claim in scenario.claims if "{" in claim.name + claim.expect]
    assert len(set(ids)) == len(ids)


def test_a_delay_is_twice_the_timeout_or_longer_than_any_where_there_is_none() -> None:
    scenarios = found(read(SHOP))
    assert scenarios["database-slow/orders/postgres"].faults == ({"latency": {"delay": "4s"}},)
    assert scenarios["database-slow/catalogue/postgres"].faults == ({"latency": {"delay": "30s"}},)
    assert scenarios["database-slow/orders/postgres"].title == "orders: postgres answers after 4s"


def test_a_component_that_is_slow_is_slow_for_the_caller_with_the_longest_timeout() -> None:
    text = "services:\n  a: {calls: {c: {timeout: 1s}}}\n  b: {calls: {c: {timeout: 3s}}}\n  c:\n"
    assert found(read(text))["service-slow/c"].title == "c is slower than 6s"
    assert found(read(text.replace("{timeout: 3s}", "{}")))["service-slow/c"].title == "c is slower than 5s"


@pytest.mark.parametrize(("tolerance", "delay"), [("2s", "5s"), ("10s", "20s"), ("1h", "30s")])
def test_without_a_timeout_a_delay_is_longer_than_people_wait(tolerance: str, delay: str) -> None:
    text = f"services:\n  a: {{calls: [c]}}\n  c:\nflows:\n  f: {{path: [a, c], tolerance: {tolerance}}}\n"
    assert found(read(text))["service-slow/c"].title == f"c is slower than {delay}"


def test_one_instance_of_three_is_a_third_of_the_connections() -> None:
    scenarios = found(read(SHOP))
    assert scenarios["dies-in-transaction/orders"].faults == ({"reset_peer": {"timeout": "0s"}, "toxicity": "33%"},)
    assert scenarios["dies-in-transaction/catalogue"].faults[0]["toxicity"] == "50%"


def test_the_way_in_is_the_neediest_caller_s_edge() -> None:
    scenarios = found(read(SHOP))
    assert scenarios["database-gone/postgres"].edge == "orders -> postgres"
    assert scenarios["instance-dies/gateway"].edge == f"{OUTSIDE} -> gateway"
    assert scenarios["dies-in-transaction/mail-worker"].edge == "mail-worker -> rabbit"
    assert scenarios["memory-pressure/gateway"].edge is None


def test_of_callers_that_are_needed_alike_the_first_by_name_is_the_way_in() -> None:
    architecture = read(
        "services:\n  b: {calls: [db]}\n  a: {calls: [db]}\n  db:\nflows:\n  f: {path: [c]}\nexternal: [c]\n"
    )
    for one in (architecture, backwards(architecture)):
        assert found(one)["database-gone/db"].edge == "a -> db"


def test_what_hits_the_whole_system_has_no_component() -> None:
    scenario = found(read(SHOP))["dns-fails/all-services"]
    assert (scenario.target, scenario.component, scenario.edge) == (EVERYTHING, None, None)
    assert [hold.stake.name for hold in scenario.holds] == ["buy", "look"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  postgres:\n", "  postgres: {certificate: {rotation: manual}}\n"),
        ("{timeout: 2s}", "{timeout: 2s, mtls: true}"),
    ],
)
def test_certificates_can_expire_where_there_are_some(before: str, after: str) -> None:
    scenario = found(read(SHOP.replace(before, after)))["certificate-expired/all-services"]
    assert scenario.edges[0].name == "orders -> postgres"


def test_claims_speak_of_the_flow_that_hangs_on_it_most() -> None:
    claims = found(read(SHOP))["database-slow/orders/postgres"].claims
    assert (claims[0].name, claims[0].expect) == ("p99 of buy stays under 2s", "< 2s")


def test_one_of_very_many_instances_still_has_connections() -> None:
    many = read(SHOP.replace("replicas: 3", "replicas: 300"))
    (fault,) = found(many)["dies-in-transaction/orders"].faults
    assert fault["toxicity"] == "1%"


def test_the_order_of_the_file_does_not_matter() -> None:
    one, other = found(read(SHOP)), found(backwards(read(SHOP)))
    assert one.keys() == other.keys()
    assert {name: scenario.edge for name, scenario in one.items()} == {name: s.edge for name, s in other.items()}


def test_a_scenario_moves_into_an_architecture_that_says_more() -> None:
    scenario = found(read(SHOP))["database-slow/catalogue/postgres"]
    more = read(SHOP.replace("{calls: [postgres]}", "{calls: {postgres: {timeout: 1s}}}"))
    assert moved(scenario, more, Criticality(more)).title == "catalogue: postgres answers after 2s"
    assert scenario.title == "catalogue: postgres answers after 30s"


def test_a_fault_is_known_by_its_kind() -> None:
    assert kind_of_fault({"direction": "upstream", "toxicity": "20%", "cut": {"after": "0s"}}) == "cut"
