"""The twin of api/toxics.py."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace

import pytest

from brownout_core.errors import Conflict, InvalidSpec
from brownout_core.faults import KINDS, changed
from brownout_core.faults.spec import FaultSpec, Selection
from brownout_proxy.api.codec import as_object, first_value
from brownout_proxy.api.toxics import read_toxic, read_toxic_change, show_toxic


def _read(body: object, *taken: str) -> FaultSpec:
    return read_toxic(as_object(first_value(json.dumps(body).encode())), taken)


def _latency(**keys: object) -> FaultSpec:
    return _read({"type": "latency", **keys})


def _change(body: object, current: FaultSpec) -> tuple[Mapping[str, object], Mapping[str, object]]:
    return read_toxic_change(as_object(first_value(json.dumps(body).encode())), current)


def test_type_alone_is_enough() -> None:
    assert show_toxic(_read({"type": "latency"})) == {
        "attributes": {"latency": 0, "jitter": 0},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1,
    }


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("latency", {"latency": 7, "jitter": 3}),
        ("bandwidth", {"rate": 0}),
        ("slow_close", {"delay": 500}),
        ("timeout", {"timeout": 0}),
        ("reset_peer", {"timeout": 100}),
        ("slicer", {"average_size": 1000, "size_variation": 1000, "delay": 10}),
        ("limit_data", {"bytes": 10}),
        ("noop", {}),
    ],
)
def test_toxiproxys_types_show_exactly_their_attributes_as_integers(kind: str, attributes: dict[str, int]) -> None:
    shown = show_toxic(_read({"type": kind, "attributes": attributes}))
    assert json.dumps(shown["attributes"]) == json.dumps(attributes)
    bare = show_toxic(_read({"type": kind}))["attributes"]
    assert bare == dict.fromkeys(attributes, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_asked_for_and_is_shown_as_it_can_be_asked_for_again(kind: str) -> None:
    shown = show_toxic(_read({"type": kind}))
    assert shown["name"] == f"{kind}_downstream"
    assert show_toxic(_read(shown)) == shown


def test_the_stream_is_echoed_as_written_in_the_default_name_too() -> None:
    spec = _read({"type": "bandwidth", "stream": "UpStream"})
    assert (spec.name, spec.stream, spec.direction) == (
        "bandwidth_UpStream",
        "UpStream",
        "upstream",
    )


@pytest.mark.parametrize("stream", ["", "x", "up stream"])
def test_another_stream_is_refused(stream: str) -> None:
    with pytest.raises(InvalidSpec, match=r"^stream was invalid, can be either upstream or downstream$"):
        _latency(stream=stream)


@pytest.mark.parametrize("kind", [None, "", "Latency", "nope"])
def test_an_unknown_type_is_refused(kind: str | None) -> None:
    with pytest.raises(InvalidSpec, match=r"^invalid toxic type$"):
        _read({"type": kind})


def test_the_checks_come_in_toxiproxys_order() -> None:
    everything: dict[str, object] = {
        "name": "taken",
        "type": "nope",
        "stream": "nope",
        "toxicity": "nope",
        "attributes": {"latency": -1},
    }
    for wrong, text in (
        ("toxicity", "bad request body: toxicity"),
        ("stream", "stream was invalid"),
        ("type", "invalid toxic type"),
        ("name", "toxic already exists"),
        ("attributes", "bad request body: attributes.latency"),
    ):
        with pytest.raises((InvalidSpec, Conflict), match=text):
            _read(everything, "taken")
        everything[wrong] = {"type": "latency"}.get(wrong)


def test_a_default_name_can_be_taken_too() -> None:
    with pytest.raises(Conflict, match=r"^toxic already exists$"):
        _read({"type": "latency", "name": ""}, "latency_downstream")


@pytest.mark.parametrize("attributes", [None, {}, []])
def test_no_attributes_may_be_said_in_many_ways(attributes: object) -> None:
    assert _latency(attributes=attributes).fault.attributes() == {"latency": 0, "jitter": 0}


@pytest.mark.parametrize("attributes", [[1], ["latency"], "x", "", 5, True])
def test_attributes_that_are_no_object_are_refused(attributes: object) -> None:
    with pytest.raises(InvalidSpec, match=r"^bad request body: attributes must be an object"):
        _latency(attributes=attributes)


@pytest.mark.parametrize(("written", "value"), [("100.0", 100), ("1e3", 1000), ("0.5", 0.5), ("0", 0), ("null", 0)])
def test_a_time_may_be_any_number_that_is_not_negative(written: str, value: float) -> None:
    body = f'{{"type":"latency","attributes":{{"LATENCY":{written}}}}}'.encode()
    shown = read_toxic(as_object(first_value(body)), ()).fault.attributes()["latency"]
    assert shown == value
    assert isinstance(shown, type(value))


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("latency", "latency", "5"),
        ("latency", "latency", "5ms"),
        ("latency", "latency", True),
        ("latency", "latency", []),
        ("latency", "latency", -1),
        ("latency", "latency", 1e300),
        ("latency", "latency", 2**63),
        ("latency", "distribution", "nope"),
        ("bandwidth", "rate", -1),
        ("slicer", "average_size", 0.5),
        ("slicer", "average_size", -1),
        ("limit_data", "bytes", 10.5),
        ("limit_data", "bytes", -1),
        ("limit_data", "bytes", 10**40),
    ],
)
def test_a_bad_value_is_refused_with_its_place(kind: str, key: str, value: object) -> None:
    with pytest.raises(InvalidSpec, match=rf"^bad request body: attributes\.{key}: must be"):
        _read({"type": kind, "attributes": {key: value}})


def test_toxicity_above_one_is_one_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert show_toxic(_latency(toxicity=80))["toxicity"] == 1
    assert "80" in caplog.text


@pytest.mark.parametrize(("given", "shown"), [(0, "0"), (1.0, "1"), (0.1, "0.1"), (0.25, "0.25")])
def test_toxicity_is_shown_in_its_shortest_form(given: float, shown: str) -> None:
    assert json.dumps(show_toxic(_latency(toxicity=given))["toxicity"]) == shown


@pytest.mark.parametrize("toxicity", [-1, -0.1, "0.5", True, [], {}])
def test_other_toxicities_are_refused(toxicity: object) -> None:
    with pytest.raises(InvalidSpec, match=r"^bad request body: toxicity"):
        _latency(toxicity=toxicity)


def test_unknown_attributes_are_let_through_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert show_toxic(_latency(attributes={"latncy": 5}))["attributes"] == {
        "latency": 0,
        "jitter": 0,
    }
    assert "'latncy'" in caplog.text
    assert "latency, jitter" in caplog.text


def test_attributes_at_the_top_level_are_ignored_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert _latency(latency=5).fault.attributes()["latency"] == 0
    assert "'latency'" in caplog.text


def test_a_well_formed_request_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _latency(name="x", stream="upstream", toxicity=0.5, attributes={"jitter": 1}, first=3)
    assert not caplog.records


def test_a_line_break_from_outside_does_not_break_a_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _latency(name="a\nb", attributes={"x\ny": 1})
    assert "a\nb" not in caplog.text
    assert "x\ny" not in caplog.text


def test_our_own_keys_are_shown_only_where_they_were_set() -> None:
    spec = _latency(
        clients=["10.0.0.0/8", "::1", "192.168.1.4/32"],
        first=3,
        every=2,
        attributes={"latency": 1, "distribution": "pareto"},
    )
    shown = show_toxic(spec)
    assert shown["clients"] == ["10.0.0.0/8", "::1/128", "192.168.1.4/32"]
    assert (shown["first"], shown["every"]) == (3, 2)
    assert shown["attributes"] == {"latency": 1, "jitter": 0, "distribution": "pareto"}
    assert show_toxic(_read(shown)) == shown


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("clients", "10.0.0.0/8"),
        ("clients", [5]),
        ("clients", ["10.0.0.1/8"]),
        ("clients", ["nope"]),
        ("clients", {"a": 1}),
        ("first", -1),
        ("first", 1.5),
        ("first", "3"),
        ("every", -1),
        ("every", True),
    ],
)
def test_a_bad_condition_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(InvalidSpec, match=f"^bad request body: {key}"):
        _latency(**{key: value})


def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    current = _latency(attributes={"latency": 5, "jitter": 2}, toxicity=0.5)
    body = {"name": "other", "type": "noop", "stream": "upstream", "attributes": {"Jitter": 3}}
    assert _change(body, current) == ({"jitter": 3}, {})
    assert _change({"toxicity": 80}, current) == ({}, {"toxicity": 1})
    assert _change(None, current) == ({}, {})
    assert _change({"attributes": [], "toxicity": None}, current) == ({}, {})


def test_an_update_may_take_a_condition_away() -> None:
    current = _latency(clients=["10.0.0.0/8"], first=3, every=2)
    attributes, selection = _change({"clients": [], "first": 0, "every": 0}, current)
    assert not attributes
    values = {**current.selection.model_dump(), **selection}
    bare = replace(current, selection=Selection.model_validate(values))
    assert show_toxic(bare) == show_toxic(_latency())


@pytest.mark.parametrize(
    "body",
    [
        {"toxicity": -1},
        {"toxicity": "x"},
        {"attributes": "x"},
        {"attributes": [1]},
        {"attributes": {"latency": 2**64}},
        {"attributes": {"latency": "5"}},
        {"attributes": {"latency": 1, "jitter": -1}},
        {"first": -3},
        {"clients": ["x"]},
    ],
)
def test_a_bad_update_is_refused(body: object) -> None:
    with pytest.raises(InvalidSpec, match=r"^bad request body: "):
        _change(body, _latency())


def test_an_update_ignores_unknown_attributes_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    current = _latency(attributes={"latency": 5})
    attributes, _ = _change({"attributes": {"rate": 5}}, current)
    assert changed(current.fault, attributes) == current.fault
    assert "'rate'" in caplog.text
