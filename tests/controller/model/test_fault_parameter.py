"""The size that a search turns: found where the file has it, and nothing else of the file is touched."""

from __future__ import annotations

import pytest

from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.fault_parameter import FaultParameter, find_parameter
from brownout_controller.model.variables import Variables
from brownout_controller.probes import KINDS
from brownout_core import document
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.faults import KINDS as FAULTS
from brownout_core.faults.spec import unit_of

_REST = """\
name: pay  # the checkout
edge: a -> b
duration: 8s
hypotheses:
  - {name: up, command: "true", expect: == 0}
"""


def parsed(text: str) -> Value:
    root = document.parse(text, "pay.yaml", Variables({"D": "40ms"}, {}).expand, columns=True)
    assert root is not None
    return root


def read(text: str) -> Experiment:
    return read_experiment(parsed(text), "pay.yaml", KINDS)


def parameter(fault: str, attribute: str | None = None) -> tuple[FaultParameter, str]:
    text = f"{fault}\n{_REST}"
    return find_parameter(text, parsed(text), read(text), attribute), text


@pytest.mark.parametrize(
    ("fault", "name", "own", "turned"),
    [
        ("fault: {latency: 3s}  # slow", "latency", 3000, "fault: {latency: 250ms}  # slow"),
        ("fault: {latency: {delay: 3s, jitter: 1s}}", "latency", 3000, "fault: {latency: {delay: 250ms, jitter: 1s}}"),
        ("fault: {latency: {jitter: 1s}}", "latency.jitter", 1000, "fault: {latency: {jitter: 250ms}}"),
        ("fault:\n  latency: '3s'\n  toxicity: 50%", "latency", 3000, "fault:\n  latency: 250ms\n  toxicity: 50%"),
        ("faults:\n- latency: ${D}\n", "latency", 40, "faults:\n- latency: 250ms\n"),
        ('fault: {"slow_open": {"delay": 5}}', "slow_open.delay", 5, 'fault: {"slow_open": {"delay": 250ms}}'),
        ("fault: {bandwidth: 1MB/s}", "bandwidth.rate", 1000, "fault: {bandwidth: 250KB/s}"),
        ("fault: {limit_data: 4KB}", "limit_data.bytes", 4000, "fault: {limit_data: 250B}"),
    ],
)
def test_the_quantity_is_turned_and_nothing_else(fault: str, name: str, own: float, turned: str) -> None:
    found, text = parameter(fault)
    assert (found.name, found.own) == (name, own)
    assert found.text(250) == text.replace(fault, turned)
    before, after = read(text), read(found.text(250))
    assert after.hypotheses == before.hypotheses
    assert after.faults[0].fault.attributes() == {**before.faults[0].fault.attributes(), found.attribute: 250}


def test_an_attribute_may_be_asked_for_by_any_of_its_names() -> None:
    fault = "fault: {latency: {latency: 3s, jitter: 1s}}"
    assert parameter(fault, "jitter")[0].name == "latency.jitter"
    assert parameter(fault, "latency.jitter")[0].own == 1000
    assert parameter(fault, "delay")[0].name == "latency"
    with pytest.raises(InvalidSpec, match=r"--attribute: 'segment': unknown attribute; known are: latency, jitter"):
        parameter(fault, "segment")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("fault: {refuse: true}", r"pay.yaml:1:1: fault: refuse has no size"),
        ("fault: refuse", r"pay.yaml:1:1: fault: refuse has no size"),
        ("faults: [{latency: 1s}, {bandwidth: 1MB/s}]", r"pay.yaml:1:1: faults: a search varies one fault"),
        ("fault: {bandwidth: 0}", r"pay.yaml:1:9: fault.bandwidth: is 0"),
        ("fault: {stall: {segment: 100}}", r"fault.stall: has no probability.*stall: {probability: ...}"),
        ("recovery: &t 60s\nfault: {latency: *t}", r"pay.yaml:2:9: fault.latency: is an alias"),
        ("fault: {latency: &t 60s}\nrecovery: *t", r"pay.yaml:1:9: fault.latency: is an alias"),
    ],
)
def test_where_there_is_nothing_to_be_turned_the_place_is_told(fault: str, said: str) -> None:
    with pytest.raises(InvalidSpec, match=said):
        parameter(fault)


def test_values_are_those_that_the_fault_takes() -> None:
    latency, stall, cut = (
        parameter("fault: {latency: 1s}")[0],
        parameter("fault: {stall: 10%}")[0],
        parameter("fault: {limit_data: 5}")[0],
    )
    assert latency.parse("1.5s") == 1500
    assert latency.seconds(1500) == 1.5
    assert stall.fitting(4 * 0.3) == 1
    assert cut.fitting(0.2) == 1
    with pytest.raises(ValueError, match="above 0"):
        latency.parse("0s")
    with pytest.raises(ValueError, match="at most 100%"):
        stall.parse("120%")
    assert (latency.is_time, stall.is_time) == (True, False)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, fault in FAULTS.items() for name in fault.severities]
)
def test_what_makes_a_fault_worse_is_one_of_its_quantities(kind: str, name: str) -> None:
    assert unit_of(FAULTS[kind].fields()[name]) is not None
