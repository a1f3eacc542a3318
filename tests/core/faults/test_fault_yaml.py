"""How a fault is written in a file; its mistakes are in tests/proxy/server/test_config.py, with their places."""

from __future__ import annotations

import pytest

from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.faults import KINDS, make
from brownout_core.faults.fault_yaml import accepted, client_block, read_fault
from brownout_core.faults.spec import FaultSpec, Selection


def _fault(text: str) -> FaultSpec:
    value = document.parse(text, "f")
    assert value is not None
    return read_fault(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("latency: 3s", FaultSpec("latency_downstream", make("latency", {"latency": 3000}))),
        ("latency: {delay: 3s}", FaultSpec("latency_downstream", make("latency", {"latency": 3000}))),
        ("refuse", FaultSpec("refuse_downstream", make("refuse", {}))),
        (
            "{cut: 1s, direction: upstream, name: gone, toxicity: 25%, every: 3}",
            FaultSpec("gone", make("cut", {"after": 1000}), "upstream", Selection(toxicity=0.25, every=3)),
        ),
    ],
)
def test_short_and_long_forms_are_read(text: str, expected: FaultSpec) -> None:
    assert _fault(text) == expected


def test_variables_are_what_they_stand_for() -> None:
    value = document.parse("latency: ${DELAY}", "f", lambda text, _: text.replace("${DELAY}", "2s"))
    assert value is not None
    assert read_fault(value).fault == make("latency", {"latency": 2000})


def test_every_attribute_is_accepted_by_its_name_and_its_alias() -> None:
    names = accepted(KINDS["latency"])
    assert (names["latency"], names["delay"], names["jitter"]) == ("latency", "latency", "jitter")


def test_a_block_that_is_none_is_refused_with_an_example() -> None:
    assert client_block("10.0.0.0/8") == "10.0.0.0/8"
    with pytest.raises(InvalidSpec, match=r"write it like 10\.0\.0\.0/8"):
        client_block("here")
