"""The toxic object of the HTTP API: from JSON to a fault's specification and back.

Toxiproxy's keys keep their meaning. `clients` (a list of CIDR blocks), `first` and `every` are ours
and are in answers only where they were set; so is `lease`, which only the gRPC API sets. What clients are
known to send by mistake is let through with a line in the log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from brownout_core import limits
from brownout_core.errors import Conflict, InvalidSpec
from brownout_core.faults import KINDS, changed, make
from brownout_core.faults.active import ActiveFault
from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM, Fault, FaultSpec, Selection, validated
from brownout_core.units import plain
from brownout_proxy.api.codec import Object, as_list, as_object, bad_body, number, text
from brownout_proxy.server.request_warnings import remark

_LARGEST: Final = 2**63 - 1  # clients read numbers as 64-bit integers at most
_NAMED: Final = 5
"""Names of what is ignored that one line of the log has."""
MAX_NAME: Final = 100
"""Characters of such a name."""
_KEYS: Final = frozenset(("name", "type", "stream", "toxicity", "attributes", "clients", "first", "every", "lease"))


class Change(NamedTuple):
    """What an update changes of a toxic: some attributes, some conditions; the others stay."""

    attributes: Mapping[str, object]
    selection: Mapping[str, object]


def read_toxic(fields: Object, taken: Collection[str]) -> FaultSpec:
    """The fault that a client asks for on a proxy where the names in `taken` are taken.

    Raises InvalidSpec or Conflict; of several mistakes, the one that Toxiproxy would name.
    """
    name, kind, stream = (
        text(fields, "name"),
        text(fields, "type"),
        text(fields, "stream"),
    )
    attributes, selection = _attributes(fields), _selection(fields)
    stream = DOWNSTREAM if stream is None else stream
    if stream.lower() not in (UPSTREAM, DOWNSTREAM):
        raise InvalidSpec("", "stream was invalid, can be either upstream or downstream")
    if kind is None or kind not in KINDS:
        raise InvalidSpec("", "invalid toxic type")
    name = name or f"{kind}_{stream}"
    if name in taken:
        raise Conflict("toxic already exists")
    _warn_of_stray_keys(name, fields)
    with _refused_as_body("attributes."):
        fault = make(kind, _known(name, KINDS[kind], attributes))
    return FaultSpec(name, fault, stream, _selected(selection))


def read_toxic_change(fields: Object, current: FaultSpec) -> Change:
    """What an update asks for of the fault `current`.

    Name, type and stream stay what they are, whatever the body has. Raises InvalidSpec.
    """
    attributes, selection = _attributes(fields), _selection(fields)
    _selected(selection)
    _warn_of_stray_keys(current.name, fields)
    with _refused_as_body("attributes."):
        known = _known(current.name, type(current.fault), attributes)
        changed(current.fault, known)
    return Change(known, selection)


def show_toxic(spec: FaultSpec) -> dict[str, object]:
    """The toxic object that clients get."""
    selection = spec.selection
    content: dict[str, object] = {
        "attributes": spec.fault.attributes(),
        "name": spec.name,
        "type": spec.kind,
        "stream": spec.stream,
        "toxicity": plain(selection.toxicity),
    }
    extensions = {
        "clients": [str(network) for network in selection.clients] or None,
        "first": selection.first,
        "every": selection.every,
    }
    return content | {key: value for key, value in extensions.items() if value is not None}


def show_active(active: ActiveFault, *, status: bool = False) -> dict[str, object]:
    """The toxic object of a fault in force: with its lease, if it is under one, and on demand with its `status`."""
    content = show_toxic(active.spec)
    if active.lease:
        content["lease"] = active.lease
    if status:
        content["status"] = {"hits": active.hits, "connections": active.connections, "left": active.left}
    return content


def _attributes(fields: Object) -> Object:
    """The attributes as sent. PHP writes an empty set of them as a list."""
    value = fields.get("attributes")
    return {} if value == [] else as_object(value, "attributes")


def _known(name: str, fault: type[Fault], attributes: Object) -> dict[str, object]:
    """Those that the fault has; clients pass on what their user wrote. Raises InvalidSpec."""
    for key, value in attributes.items():
        if isinstance(value, (int, float)) and abs(value) > _LARGEST:
            raise InvalidSpec(key, f"must be at most {_LARGEST}")
    known = fault.fields()
    stray = attributes.keys() - known.keys()
    if stray:
        remark(
            "toxic %r: %s has no %s, ignored; it has: %s",
            name, fault.kind, _named("attribute", stray), ", ".join(known) or "none",
        )  # fmt: skip
    return {key: value for key, value in attributes.items() if key in known}


def _warn_of_stray_keys(name: str, fields: Object) -> None:
    stray = fields.keys() - _KEYS
    if stray:
        remark("toxic %r: %s: ignored; attributes belong under 'attributes'", name, _named("key", stray))


def _named(what: str, names: Collection[str]) -> str:
    """The first few of them: there may be thousands, of any length."""
    content = ", ".join(
        repr(name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}...") for name in sorted(names)[:_NAMED]
    )
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{what}{'s' if len(names) > 1 else ''} {content}{more}"


def _selection(fields: Object) -> dict[str, object]:
    """The conditions of the body; no clients, or a count of 0, takes the condition away."""
    conditions: dict[str, object] = {}
    share = number(fields, "toxicity")
    if share is not None:
        if share > 1:
            remark("toxicity %s is taken as 1, which is every connection", share)
        conditions["toxicity"] = min(share, 1)
    if "clients" in fields:
        blocks = as_list(fields["clients"], "clients")
        limits.BLOCKS.check(len(blocks), "clients")
        if not all(isinstance(block, str) for block in blocks):
            raise bad_body("clients must be a list of CIDR blocks such as 10.0.0.0/8")
        conditions["clients"] = list(blocks)
    for key in ("first", "every"):
        count = number(fields, key)
        if count is not None:
            conditions[key] = count or None
    return conditions


def _selected(values: Mapping[str, Any]) -> Selection:
    with _refused_as_body():
        return validated(Selection, values)


@contextmanager
def _refused_as_body(prefix: str = "") -> Iterator[None]:
    try:
        yield
    except InvalidSpec as error:
        raise bad_body(f"{prefix}{error}") from None
