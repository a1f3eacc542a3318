"""What a declaration promises: bounds, units where a person wrote them, and who is selected."""

from __future__ import annotations

import math

import pytest

from brownout_proxy.errors import InvalidSpec
from brownout_proxy.faults import make
from brownout_proxy.faults.spec import Fault, FaultSpec, Selection, Stage, unit_of, validated
from brownout_proxy.units import MILLISECONDS


@pytest.mark.parametrize(
    ("kind", "attributes", "text", "told"),
    [
        ("latency", {"latency": "1s"}, False, "latency: must be a number of ms, not text"),
        ("latency", {"latency": True}, True, "latency: must be a number of ms, not true or false"),
        ("latency", {"latency": [1]}, True, "latency: must be a number of ms, not a list"),
        ("latency", {"latency": math.inf}, True, "latency: must be a finite number"),
        ("latency", {"latency": -1}, True, "latency: must be greater than or equal to 0"),
        ("latency", {"latenc": 1}, True, "latenc: unknown attribute; known are: latency, jitter"),
        ("limit_data", {"bytes": 1.5}, True, "bytes: must be a whole number"),
        ("stall", {"probability": 1.1}, True, "probability: must be less than or equal to 1"),
        ("noop", {"x": 1}, True, "x: unknown attribute; known are: none"),
        ("nop", {}, True, "unknown fault 'nop'; known are: latency"),
    ],
)
def test_a_bad_attribute_is_refused_with_its_place_and_reason(
    kind: str, attributes: dict[str, object], text: bool, told: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        make(kind, attributes, text=text)
    assert str(caught.value).startswith(told)


def test_whole_numbers_may_be_written_with_a_fraction_of_zero() -> None:
    assert make("limit_data", {"bytes": 100.0}).attributes() == {"bytes": 100}


def test_a_field_knows_its_unit() -> None:
    fields = type(make("latency", {})).fields()
    assert unit_of(fields["latency"]) is MILLISECONDS
    assert unit_of(fields["distribution"]) is None


def test_a_stage_does_nothing_unless_it_says_so() -> None:
    stage = Stage()
    assert stage.narrow(0, 7) == stage.grain(7) == 7
    assert stage.end() == math.inf
    assert stage.pace(3.0, 7) == 3.0
    assert stage.delay(0) == stage.close_delay() == 0
    assert stage.transform(0, b"x") == b"x"
    assert stage.alarm() is None
    stage.rewind(0)


def test_a_fault_that_has_no_business_with_bytes_has_no_stage() -> None:
    fault = make("refuse", {})
    assert fault.refuses
    assert Fault.stage(fault, None) is None  # type: ignore[arg-type]  # the base looks at no site
    assert fault.dial_delay() == 0
    assert fault.summary() == "Refuses new connections with RST; live ones stay."


def _hits(selection: Selection, ordinal: int, *, since: int = 0, client: str = "127.0.0.1") -> bool:
    return selection.hits(seed=1, proxy="p", fault="f", ordinal=ordinal, since=since, client=client)


def test_first_counts_from_when_the_fault_was_added() -> None:
    first = Selection(first=2)
    assert [_hits(first, ordinal, since=10) for ordinal in range(9, 14)] == [False, False, True, True, False]


def test_every_counts_from_when_the_fault_was_added() -> None:
    every = Selection(every=3)
    assert [ordinal for ordinal in range(1, 14) if _hits(every, ordinal, since=2)] == [5, 8, 11]


@pytest.mark.parametrize(
    ("client", "hit"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("fe80::1%eth0", True), ("11.0.0.1", False), ("", False)],
)
def test_clients_are_selected_by_network(client: str, hit: bool) -> None:
    chosen = validated(Selection, {"clients": ["10.0.0.0/8", "fe80::/10"]})
    assert _hits(chosen, 1, client=client) is hit


def test_the_direction_is_read_in_any_case_and_the_spelling_kept() -> None:
    spec = FaultSpec("f", make("noop", {}), "UpStream")
    assert (spec.direction, spec.stream, spec.kind) == ("upstream", "UpStream", "noop")
    assert FaultSpec("f", make("noop", {})).direction == "downstream"
