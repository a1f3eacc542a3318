"""What a declaration promises: bounds, units where a person wrote them, and who is selected."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from brownout_core.errors import InvalidSpec
from brownout_core.faults import make
from brownout_core.faults.spec import Fault, FaultSpec, Pace, Selection, Stage, unit_of, validated
from brownout_core.units import MILLISECONDS


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
        ("latency", {"latency": 10**400}, False, "latency: must be a finite number"),
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


def test_a_new_schedule_is_free_at_any_time() -> None:
    assert (Pace().next_free, Pace().rate) == (-math.inf, 0)


def test_a_fault_that_has_no_business_with_bytes_has_no_stage() -> None:
    fault = make("refuse", {})
    assert fault.refuses
    assert Fault.stage(fault, None) is None  # type: ignore[arg-type]  # the base looks at no site
    assert fault.dial_delay() == 0
    assert fault.summary() == "Refuses new connections with RST; live ones stay."


def _leaves(selection: Selection, ordinal: int, *, client: str = "127.0.0.1") -> bool:
    return selection.leaves(seed=1, proxy="p", fault="f", ordinal=ordinal, client=client)


@pytest.mark.parametrize(
    ("conditions", "picked"),
    [
        ({}, range(1, 10)),
        ({"first": 2}, [1, 2]),
        ({"every": 3}, [3, 6, 9]),
        ({"first": 4, "every": 2}, [2, 4]),
        ({"every": 1}, range(1, 10)),
    ],
)
def test_what_counts_picks_by_the_number(conditions: dict[str, int], picked: Sequence[int]) -> None:
    selection = validated(Selection, conditions)
    assert [number for number in range(1, 10) if selection.picks(number)] == list(picked)
    assert selection.picks(None) is not selection.counts


def test_the_other_conditions_must_all_hold() -> None:
    near = validated(Selection, {"first": 4, "clients": ["127.0.0.0/8"]})
    assert all(_leaves(near, ordinal) for ordinal in range(1, 10))
    assert not any(_leaves(near, ordinal, client="10.0.0.1") for ordinal in range(1, 10))
    assert not any(_leaves(Selection(toxicity=0, first=9), ordinal) for ordinal in range(1, 10))


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ({"clients": ["10.1.2.3/8"]}, "clients.0: 10.1.2.3/8 has host bits set; write it like 10.0.0.0/8 or fd00::/8"),
        ({"clients": ["::1", "x"]}, "clients.1: 'x' does not appear to be an IPv4 or IPv6 network; write it like"),
        ({"clients": [5]}, "clients.0: must be text like 10.0.0.0/8, not int"),
        ({"clients": [True]}, "clients.0: must be text like 10.0.0.0/8, not true or false"),
        ({"clients": "10.0.0.0/8"}, "clients: must be a list"),
        ({"first": 0}, "first: must be greater than or equal to 1"),
        ({"every": 1.5}, "every: must be a whole number"),
        ({"toxicity": 2}, "toxicity: must be less than or equal to 1"),
        ({"sometimes": 1}, "sometimes: unknown attribute; known are: toxicity, clients, first, every"),
    ],
)
def test_a_bad_condition_is_refused_with_its_place_and_reason(selection: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        validated(Selection, selection)
    assert str(caught.value).startswith(told)


def test_a_selection_can_be_made_of_its_own_values() -> None:
    first = validated(Selection, {"clients": ["10.0.0.0/8", "::1"], "toxicity": "25%"}, text=True)
    assert validated(Selection, first.model_dump()) == first


@pytest.mark.parametrize(
    ("client", "hit"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("fe80::1%eth0", True), ("11.0.0.1", False), ("", False)],
)
def test_clients_are_selected_by_network(client: str, hit: bool) -> None:
    chosen = validated(Selection, {"clients": ["10.0.0.0/8", "fe80::/10"]})
    assert _leaves(chosen, 1, client=client) is hit


def test_the_direction_is_read_in_any_case_and_the_spelling_kept() -> None:
    spec = FaultSpec("f", make("noop", {}), "UpStream")
    assert (spec.direction, spec.stream, spec.kind) == ("upstream", "UpStream", "noop")
    assert FaultSpec("f", make("noop", {})).direction == "downstream"
