"""How a fault is written in a file: `latency: 300ms`, or a mapping with its attributes and conditions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from pydantic import AliasChoices

from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.faults import KINDS, make
from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM, Fault, FaultSpec, Selection, validated
from brownout_core.spelling import unknown

SELECTION: Final = tuple(Selection.model_fields)
_FAULT: Final = ("name", "direction", *SELECTION)


def client_block(text: str) -> str:
    """`text` if it is a block of addresses. Raises InvalidSpec."""
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidSpec("", f"{error}; write it like 10.0.0.0/8, 192.168.1.7 or fd00::/8") from None
    return text


def accepted(kind: type[Fault]) -> Mapping[str, str]:
    """Every name by which an attribute of the fault may be written, and the attribute's own."""
    names = {name: name for name in kind.fields()}
    for name, info in kind.fields().items():
        if isinstance(info.validation_alias, AliasChoices):
            names |= {choice: name for choice in info.validation_alias.choices if isinstance(choice, str)}
    return names


def read_fault(value: Value) -> FaultSpec:
    """The fault that an entry of a list asks for. Raises InvalidSpec."""
    if not value.is_mapping and not value.is_list and not value.is_null:
        return fault_spec(value, declared(value, value.text()), {}, {})
    _check_depth(value)
    fields = value.known("a fault such as latency: 300ms", (*_FAULT, *KINDS))
    kinds = [key for key in fields if key in KINDS]
    if len(kinds) != 1:
        found = f"has {' and '.join(kinds)}; make them entries of their own" if kinds else "names no fault"
        value.fail(f"{found}; known are: {', '.join(KINDS)}")
    described = fields[kinds[0]]
    kind = KINDS[kinds[0]]
    return fault_spec(described, kind, _attributes(described, kind), fields)


def _check_depth(value: Value) -> None:
    """`latency: 300ms` beside `jitter: 10ms` is what people write; the error names where the attribute belongs."""
    entries = value.entries("a fault such as latency: 300ms")
    kind = next((key for key in entries if key in KINDS), None)
    if kind is None:
        return
    for key, misplaced in entries.items():
        if key not in (*_FAULT, *KINDS) and key in accepted(KINDS[kind]):
            first = next(iter(KINDS[kind].fields()))
            misplaced.fail(f"belongs to {kind}; write it like {kind}: {{{first}: ..., {key}: ...}}")


def _attributes(value: Value, kind: type[Fault]) -> dict[str, Value]:
    """The attributes of a fault entry; a scalar is the first of them."""
    if value.is_mapping:
        return value.entries("a mapping of attributes")
    first = next(iter(kind.fields()), None)
    if value.is_null:
        return {}
    if first is None:
        if not value.flag():
            value.fail(f"must be true or nothing; {kind.kind} has no attributes")
        return {}
    return {first: value}


def declared(value: Value, kind: str) -> type[Fault]:
    """The kind of that name. Raises InvalidSpec."""
    if kind not in KINDS:
        value.fail(f"{kind!r}: {unknown('fault', kind, KINDS)}")
    return KINDS[kind]


def fault_spec(
    value: Value, kind: type[Fault], attributes: Mapping[str, Value], fields: Mapping[str, Value]
) -> FaultSpec:
    """`given` may have a name, a direction (or stream) and conditions. Raises InvalidSpec."""
    fault = _made(value, kind, attributes)
    direction = fields.get("direction") or fields.get("stream")
    stream = DOWNSTREAM if direction is None else direction.text()
    if direction is not None and stream.lower() not in (UPSTREAM, DOWNSTREAM):
        direction.fail(f"{stream!r} is not a direction; write {UPSTREAM} or {DOWNSTREAM}")
    name = fields["name"].name() if "name" in fields else f"{kind.kind}_{stream}"
    return FaultSpec(name, fault, stream, _selection(fields))


def _made(value: Value, kind: type[Fault], attributes: Mapping[str, Value]) -> Fault:
    for key, attribute in attributes.items():
        if key not in accepted(kind):
            attribute.fail(unknown("attribute", key, kind.fields()))
    with at_path(value, attributes):
        return make(kind.kind, {key: attribute.text() for key, attribute in attributes.items()}, text=True)


def _selection(fields: Mapping[str, Value]) -> Selection:
    chosen = {key: fields[key] for key in SELECTION if key in fields}
    if not chosen:
        return Selection()
    values: dict[str, Any] = {key: value.text() for key, value in chosen.items() if key != "clients"}
    if "clients" in chosen:
        clients = chosen["clients"]
        blocks = clients.items("") if clients.is_list else [clients]
        values["clients"] = [_block(block) for block in blocks]
    with at_path(next(iter(chosen.values())), chosen):
        return validated(Selection, values, text=True)


def _block(value: Value) -> str:
    with at_path(value):
        return client_block(value.text())


@contextmanager
def at_path(value: Value, parts: Mapping[str, Value] | None = None) -> Iterator[None]:
    """An error inside carries its place in the file: the part that it names, or `value`."""
    try:
        yield
    except InvalidSpec as error:
        key = error.path.partition(".")[0]
        place = (parts or {}).get(key, value)
        raise InvalidSpec(place.place, error.reason) from None
