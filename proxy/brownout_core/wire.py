"""Faults on the wire: from protobuf to a fault's specification and back, for both ends of the gRPC API.

Fields of a fault's message carry the names of its declared attributes, so that one loop serves every kind; enums stand
for words (DISTRIBUTION_PARETO for `pareto`). tests/contract holds the messages to the declarations.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from brownout_core.errors import InvalidSpec
from brownout_core.faults import KINDS, make
from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM, Direction, Fault, FaultSpec, Selection, validated
from brownout_core.units import plain
from brownout_core.v1 import proxy_pb2 as pb


def read_fault(message: pb.Fault) -> FaultSpec:
    """The fault that is asked for. Raises InvalidSpec naming the field."""
    kind = message.WhichOneof("kind")
    if kind is None:
        raise InvalidSpec("fault.kind", f"missing; one of: {', '.join(KINDS)}")
    direction = _direction(message)
    try:
        fault = make(kind, read_attributes(getattr(message, kind)))
    except InvalidSpec as error:
        raise InvalidSpec(f"fault.{kind}.{error.path}", error.reason) from None
    return FaultSpec(message.name or f"{kind}_{direction}", fault, direction, read_selection(message.selection))


def read_attributes(message: Message) -> dict[str, Any]:
    """What was set of a fault's message, by the names of its attributes."""
    return {field.name: _word(field, value) for field, value in message.ListFields()}


def read_selection(message: pb.Selection) -> Selection:
    """Raises InvalidSpec naming the field."""
    try:
        return validated(Selection, read_values(message))
    except InvalidSpec as error:
        raise InvalidSpec(f"fault.selection.{error.path}", error.reason) from None


def read_values(message: pb.Selection) -> dict[str, Any]:
    """The conditions that were set."""
    values: dict[str, Any] = {field.name: value for field, value in message.ListFields()}
    if "clients" in values:
        values["clients"] = list(message.clients)
    return values


def show_fault(spec: FaultSpec) -> pb.Fault:
    """The fault with the attributes that the HTTP API would show."""
    message = pb.Fault(
        name=spec.name,
        direction=pb.DIRECTION_UPSTREAM if spec.direction == UPSTREAM else pb.DIRECTION_DOWNSTREAM,
        selection=pb.Selection(
            toxicity=spec.selection.toxicity,
            clients=[str(network) for network in spec.selection.clients],
            first=spec.selection.first,
            every=spec.selection.every,
        ),
    )
    _write(getattr(message, spec.kind), spec.fault)
    return message


def _direction(message: pb.Fault) -> Direction:
    if message.direction not in (*pb.Direction.values(),):
        raise InvalidSpec("fault.direction", f"unknown value {message.direction}")
    return UPSTREAM if message.direction == pb.DIRECTION_UPSTREAM else DOWNSTREAM


def _word(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is None:
        return plain(value)
    known = field.enum_type.values_by_number.get(value)
    if known is None or not value:
        raise InvalidSpec(field.name, f"unknown value {value}")
    return known.name.removeprefix(_prefix(field.name)).lower()


def _write(message: Message, fault: Fault) -> None:
    message.SetInParent()
    for name, value in fault.attributes().items():
        enum = message.DESCRIPTOR.fields_by_name[name].enum_type
        known = value if enum is None else enum.values_by_name[_prefix(name) + str(value).upper()].number
        setattr(message, name, known)


def _prefix(name: str) -> str:
    """Of the values of the enum that a field of this name has, as protobuf's style guide wants it."""
    return f"{name.upper()}_"
