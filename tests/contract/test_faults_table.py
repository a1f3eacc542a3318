"""What every fault of the table keeps, whoever adds one: read from the declarations, so that none is forgotten."""

from __future__ import annotations

import importlib
import json
import math
import pkgutil
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args, get_origin

import pytest
from annotated_types import Ge, Le
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from brownout_core import faults
from brownout_core.errors import InvalidSpec
from brownout_core.faults import KINDS, changed, make
from brownout_core.faults.spec import Fault, Stage, is_extension, unit_of
from tests.support.builders.fault_stages import site

_FIELDS = [(kind, name) for kind, fault in KINDS.items() for name in fault.fields()]
_STAGED = [kind for kind, fault in KINDS.items() if "stage" in vars(fault)]
_QUANTITIES = [(kind, name) for kind, name in _FIELDS if unit_of(KINDS[kind].fields()[name]) is not None]
_repeatably = settings(derandomize=True, deadline=None, max_examples=60)
_LARGEST = 1.7e308  # near the end of what a double can hold


def _bounds(info: FieldInfo) -> tuple[float, float]:
    low = next((item.ge for item in info.metadata if isinstance(item, Ge)), -math.inf)
    high = next((item.le for item in info.metadata if isinstance(item, Le)), math.inf)
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    return low, high


def _values(info: FieldInfo, *, most: float = 1e9) -> st.SearchStrategy[Any]:
    """Anything that a field takes, words and numbers, up to `most`."""
    if get_origin(info.annotation) is Literal:
        return st.sampled_from(get_args(info.annotation))
    unit, (low, high) = unit_of(info), _bounds(info)
    assert unit is not None
    if unit.whole:
        return st.integers(int(low), int(min(high, most)))
    return st.floats(low, min(high, most))


def attributes_of(kind: str, *, most: float = 1e9) -> st.SearchStrategy[dict[str, Any]]:
    """Any valid attributes of a fault; each may be missing."""
    return st.fixed_dictionaries({}, optional={n: _values(i, most=most) for n, i in KINDS[kind].fields().items()})


def test_the_table_has_every_fault_that_a_file_declares() -> None:
    for module in pkgutil.iter_modules(faults.__path__):
        importlib.import_module(f"{faults.__name__}.{module.name}")
    declared = {fault for fault in Fault.__subclasses__() if fault.__module__.startswith(f"{faults.__name__}.")}
    assert declared == set(KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_lives_in_the_file_of_its_name_and_says_what_it_does(kind: str) -> None:
    fault = KINDS[kind]
    assert fault.__module__ == f"{faults.__name__}.{kind}"
    assert fault.summary().endswith(".")
    assert "Base of every fault" not in fault.summary()


@pytest.mark.parametrize(("kind", "name"), _FIELDS)
def test_every_attribute_is_a_word_or_has_a_unit_and_a_lower_bound(kind: str, name: str) -> None:
    info = KINDS[kind].fields()[name]
    words = get_origin(info.annotation) is Literal
    assert words != (unit_of(info) is not None)
    assert words or _bounds(info)[0] >= 0


# Construction and the way back.


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_can_be_made_of_nothing_and_shows_its_defaults(kind: str) -> None:
    shown = make(kind, {}).attributes()
    assert shown == {n: i.default for n, i in KINDS[kind].fields().items() if not is_extension(i)}


@pytest.mark.parametrize("kind", KINDS)
@_repeatably
@given(data=st.data())
def test_attributes_survive_the_api_and_come_back_equal(kind: str, data: st.DataObject) -> None:
    given_ = data.draw(attributes_of(kind))
    fault = make(kind, given_)
    shown = fault.attributes()
    assert {name: shown[name] for name in given_} == given_
    again = make(kind, json.loads(json.dumps(shown)))
    assert again == fault
    assert again.attributes() == shown


@pytest.mark.parametrize(("kind", "name"), [f for f in _FIELDS if is_extension(KINDS[f[0]].fields()[f[1]])])
def test_what_toxiproxy_does_not_know_is_shown_once_it_was_set(kind: str, name: str) -> None:
    default = KINDS[kind].fields()[name].default
    assert name not in make(kind, {}).attributes()
    assert make(kind, {name: default}).attributes()[name] == default
    later = changed(make(kind, {}), {name: default})
    assert later.attributes()[name] == default
    assert name in changed(later, {}).attributes()


@pytest.mark.parametrize("kind", KINDS)
@_repeatably
@given(data=st.data())
def test_a_change_replaces_what_it_names_and_keeps_the_rest(kind: str, data: st.DataObject) -> None:
    before, change = data.draw(attributes_of(kind)), data.draw(attributes_of(kind))
    fault = make(kind, before)
    assert changed(fault, change) == make(kind, {**before, **change})
    assert changed(fault, change).attributes() == make(kind, {**before, **change}).attributes()
    assert fault == make(kind, before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_cannot_be_altered_behind_the_back_of_its_stages(kind: str) -> None:
    fault = make(kind, {})
    for name in type(fault).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(fault, name, getattr(fault, name))


# What is refused.


@pytest.mark.parametrize(("kind", "name"), _QUANTITIES)
def test_bounds_are_enforced_and_belong_to_what_is_allowed(kind: str, name: str) -> None:
    low, high = _bounds(KINDS[kind].fields()[name])
    for within in {low, min(high, _LARGEST)}:
        assert make(kind, {name: within}).attributes()[name] == within
    for beyond in (low - 1, -_LARGEST, *([high + 0.001, high + 1] if high < math.inf else [])):
        with pytest.raises(InvalidSpec, match=r"must be (greater|less) than or equal to") as caught:
            make(kind, {name: beyond})
        assert caught.value.path == name


@pytest.mark.parametrize(("kind", "name"), _QUANTITIES)
@pytest.mark.parametrize("value", [None, True, [1], {}, "", "x", math.nan, math.inf, -math.inf, 10**400, -(10**400)])
@pytest.mark.parametrize("text", [True, False])
def test_what_is_no_finite_number_is_refused(kind: str, name: str, value: object, text: bool) -> None:
    with pytest.raises(InvalidSpec) as caught:
        make(kind, {name: value}, text=text)
    assert caught.value.path == name


@pytest.mark.parametrize(("kind", "name"), _QUANTITIES)
def test_units_are_for_people_and_refused_in_the_api(kind: str, name: str) -> None:
    unit = unit_of(KINDS[kind].fields()[name])
    assert unit is not None
    value = 0.25 if _bounds(KINDS[kind].fields()[name])[1] == 1 else 3000
    for written in {unit.format(value), str(value)}:
        assert make(kind, {name: written}, text=True) == make(kind, {name: value})
        with pytest.raises(InvalidSpec, match=f"must be a number of {unit.symbol}, not text"):
            make(kind, {name: written})


@pytest.mark.parametrize(("kind", "name"), [f for f in _FIELDS if f not in _QUANTITIES])
def test_other_words_are_refused_with_the_known_ones(kind: str, name: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        make(kind, {name: "weird"})
    for word in get_args(KINDS[kind].fields()[name].annotation):
        assert f"'{word}'" in caught.value.reason


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_attribute_is_refused_with_the_known_ones(kind: str) -> None:
    with pytest.raises(InvalidSpec, match="unknown attribute") as caught:
        make(kind, {"weird": 1})
    assert caught.value.path == "weird"
    assert caught.value.reason.endswith(", ".join(KINDS[kind].fields()) or "none")


# What faults do.


def _check_hooks(stage: Stage, now: float, offset: int) -> None:
    size = 3000
    assert 1 <= stage.narrow(offset, size) <= size
    assert 1 <= stage.grain(size) <= size
    assert stage.pace(now, 1) >= now
    stage.rewind(now)
    assert stage.pace(now, size) >= now
    assert stage.delay(offset) >= 0
    assert stage.close_delay() >= 0
    assert len(stage.transform(offset, bytes(100))) == 100
    assert stage.end() >= 0
    alarm = stage.alarm()
    assert alarm is None or alarm[0] >= now


@pytest.mark.parametrize("kind", KINDS)
@_repeatably
@given(data=st.data())
def test_no_attributes_however_extreme_make_a_stage_fail(kind: str, data: st.DataObject) -> None:
    fault = make(kind, data.draw(attributes_of(kind, most=_LARGEST)))
    assert fault.dial_delay() >= 0
    where = site(start=100.0, offset=data.draw(st.integers(0, 2**50)), seed=data.draw(st.integers(-(2**63), 2**63 - 1)))
    stage = fault.stage(where)
    if stage is not None:
        _check_hooks(stage, where.start, data.draw(st.integers(where.offset, where.offset + 2**50)))


class _Fate(NamedTuple):
    """What a fault does to one byte of the stream, before order is kept and times are added."""

    delay: float
    becomes: int
    passes: bool


def _fates(stage: Stage, data: bytes, chunks: Sequence[int]) -> tuple[list[_Fate], set[int]]:
    """The fate of each byte of `data` that comes in `chunks`, and where the stage cut them."""
    fates: list[_Fate] = []
    cuts: set[int] = set()
    offset = 0
    for size in chunks:
        while size:
            piece = stage.narrow(offset, size)
            delay = stage.delay(offset)
            became = stage.transform(offset, data[offset : offset + piece])
            fates += [_Fate(delay, byte, place < stage.end()) for place, byte in enumerate(became, offset)]
            offset += piece
            size -= piece
            cuts.add(offset)
    return fates, cuts


_chunks = st.lists(st.integers(1, 700), min_size=1, max_size=25)
_small = 400  # bytes and milliseconds: so that segments and limits lie within the streams below


@pytest.mark.parametrize("kind", _STAGED)
@_repeatably
@given(data=st.data(), chunks=_chunks, ordinal=st.integers(1, 10**6))
def test_the_fate_of_a_byte_does_not_depend_on_the_chunks(
    kind: str, data: st.DataObject, chunks: list[int], ordinal: int
) -> None:
    fault = make(kind, data.draw(attributes_of(kind, most=_small)))
    whole, parts = (fault.stage(site(ordinal=ordinal)) for _ in range(2))
    if whole is None or parts is None:
        return
    stream = bytes(number % 251 for number in range(sum(chunks)))
    at_once, own_cuts = _fates(whole, stream, [len(stream)])
    in_parts, cuts = _fates(parts, stream, chunks)
    assert in_parts == at_once
    borders = {sum(chunks[:count]) for count in range(len(chunks) + 1)}
    assert cuts - borders == own_cuts - borders


@pytest.mark.parametrize("kind", _STAGED)
@_repeatably
@given(data=st.data())
def test_the_fate_of_a_byte_does_not_depend_on_the_bytes_before(kind: str, data: st.DataObject) -> None:
    fault = make(kind, data.draw(attributes_of(kind, most=_small)))
    stage = fault.stage(site())
    if stage is None:
        return
    places = data.draw(st.lists(st.integers(0, 20_000), min_size=1, max_size=20))
    for place in places:
        fresh = fault.stage(site())
        assert fresh is not None
        assert stage.delay(place) == fresh.delay(place)
        assert stage.narrow(place, 5000) == fresh.narrow(place, 5000)
        assert stage.transform(place, bytes(100)) == fresh.transform(place, bytes(100))


@pytest.mark.parametrize("kind", _STAGED)
@_repeatably
@given(data=st.data(), offset=st.integers(0, 10**6), content=st.binary(max_size=2000))
def test_no_fault_changes_the_number_of_bytes(kind: str, data: st.DataObject, offset: int, content: bytes) -> None:
    stage = make(kind, data.draw(attributes_of(kind, most=_small))).stage(site())
    if stage is not None:
        assert len(stage.transform(offset, content)) == len(content)
