"""The gRPC messages are what the faults declare, field by field, and what they carry comes back as it went."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_core.faults import KINDS, make
from brownout_core.faults.spec import FaultSpec, Selection, unit_of
from brownout_core.v1 import proxy_pb2 as pb
from brownout_core.wire import read_fault, show_fault
from tests.contract.test_faults_table import attributes_of

_FAULT: Any = pb.Fault.DESCRIPTOR
_KIND = _FAULT.oneofs_by_name["kind"]
_INTEGER, _NUMBER, _ENUM = FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_ENUM


def test_every_fault_has_its_message_and_no_message_is_without_one() -> None:
    assert [field.name for field in _KIND.fields] == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_has_the_declared_attributes_with_their_types(kind: str) -> None:
    message = _FAULT.fields_by_name[kind].message_type
    declared = KINDS[kind].fields()
    assert [field.name for field in message.fields] == list(declared)
    for field in message.fields:
        info = declared[field.name]
        assert field.has_presence, "what was not given must be told from 0"
        if get_origin(info.annotation) is Literal:
            words = [value.name for value in field.enum_type.values]
            prefix = f"{field.name.upper()}_"
            assert words == [prefix + "UNSPECIFIED", *(prefix + word.upper() for word in get_args(info.annotation))]
        else:
            unit = unit_of(info)
            assert unit is not None
            assert field.type == (_INTEGER if unit.whole else _NUMBER)


def test_a_selection_has_the_declared_conditions() -> None:
    selection: Any = pb.Selection.DESCRIPTOR
    assert [field.name for field in selection.fields] == list(Selection.model_fields)


@pytest.mark.parametrize("kind", KINDS)
@settings(derandomize=True, deadline=None, max_examples=40)
@given(data=st.data(), stream=st.sampled_from(["upstream", "downstream"]), toxicity=st.floats(0, 1))
def test_a_fault_comes_back_as_it_went(kind: str, data: st.DataObject, stream: str, toxicity: float) -> None:
    fault = make(kind, data.draw(attributes_of(kind)))
    selection = Selection(toxicity=toxicity, first=3)
    spec = FaultSpec("f", fault, stream, selection)
    message = pb.Fault.FromString(show_fault(spec).SerializeToString())
    read = read_fault(message)
    assert read.fault.attributes() == fault.attributes()
    assert (read.name, read.stream, read.selection.toxicity, read.selection.first) == ("f", stream, toxicity, 3)
