"""The config file: from YAML (ours) or Toxiproxy's JSON array to specifications of proxies.

Everything is checked before anything is returned: unknown keys, quantities, and names or addresses that are there
twice. The form is told by the document, a mapping or a list, not by the file's name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import AliasChoices

from brownout_proxy import address, settings
from brownout_proxy.address import Address
from brownout_proxy.errors import InvalidSpec
from brownout_proxy.faults import KINDS, make
from brownout_proxy.faults.spec import DOWNSTREAM, UPSTREAM, Fault, FaultSpec, Selection, validated
from brownout_proxy.server import document
from brownout_proxy.server.document import Value
from brownout_proxy.server.proxy import ProxySpec
from brownout_proxy.server.spelling import unknown

LOOPBACK: Final = "127.0.0.1"
"""The host of an address that is a bare port."""

_TOP: Final = ("seed", "proxies")
_PROXY: Final = ("listen", "upstream", "enabled", "faults")
_SELECTION: Final = tuple(Selection.model_fields)
_FAULT: Final = ("name", "direction", *_SELECTION)
_TOXIPROXY: Final = ("name", "listen", "upstream", "enabled", "toxics", "logger")  # logger: its own answers have it
_TOXIC: Final = ("name", "type", "stream", "attributes", *_SELECTION)
_WRITTEN: Final = "write it like 127.0.0.1:5432, 5432 or unix:/path"


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says. `places` has the place of each proxy by name, for errors that come later."""

    proxies: tuple[ProxySpec, ...] = ()
    seed: int | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    names_proxies: bool = False
    """Whether it has a list of proxies at all, be it an empty one."""


def load(path: Path) -> Config:
    """Reads a file. Raises Unavailable if it cannot be read, InvalidSpec naming file, line and key."""
    return _config(document.read(path))


def parse(text: str, file: str) -> Config:
    """Like `load`, from text; `file` is what errors call it. Raises InvalidSpec."""
    return _config(document.parse(text, file))


def listen_address(text: str) -> str:
    """`text` as an address to listen on; a bare port is on loopback. Raises InvalidSpec."""
    return str(_parsed(text))


def upstream_address(text: str) -> str:
    """`text` as an address to dial; a bare port is on loopback. Raises InvalidSpec."""
    where = _parsed(text)
    if not where.path and (not where.host or not where.port):
        raise InvalidSpec("", f"{text!r} cannot be dialled; {_WRITTEN}")
    return str(where)


def _parsed(text: str) -> Address:
    try:
        return address.parse(text, default_host=LOOPBACK)
    except InvalidSpec as error:
        reason = error.reason if ";" in error.reason else f"{error.reason}; {_WRITTEN}"
        raise InvalidSpec("", reason) from None


def client_block(text: str) -> str:
    """`text` if it is a block of addresses. Raises InvalidSpec."""
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidSpec("", f"{error}; write it like 10.0.0.0/8, 192.168.1.7 or fd00::/8") from None
    return text


def accepted(kind: type[Fault]) -> set[str]:
    """Every name by which an attribute of the fault may be written."""
    names = set(kind.fields())
    for info in kind.model_fields.values():
        if isinstance(info.validation_alias, AliasChoices):
            names |= {choice for choice in info.validation_alias.choices if isinstance(choice, str)}
    return names


def check_distinct(placed: Sequence[tuple[str, ProxySpec]]) -> None:
    """Raises InvalidSpec when two proxies have one name or one address to listen on; each comes with its place."""
    names: dict[str, str] = {}
    listeners: dict[Address, str] = {}
    for place, spec in placed:
        if spec.name in names:
            raise InvalidSpec(place, f"there is a proxy {spec.name!r} already; give one of them another name")
        names[spec.name] = place
        where = _bound(spec.listen)
        if where is None or not spec.enabled:
            continue
        other = listeners.setdefault(where, spec.name)
        if other != spec.name:
            raise InvalidSpec(place, f"listens on {where}, as proxy {other!r} does; choose another port")


def _bound(listen: str) -> Address | None:
    """The address as two listeners would fight over it; None if the port is free to choose."""
    where = address.parse(listen) if listen else Address()
    if where.path:
        return where
    host = "::" if where.is_wildcard else LOOPBACK if where.host == "localhost" else where.host
    return Address(host, where.port) if where.port else None


def _config(root: Value | None) -> Config:
    if root is None or root.is_null:
        return Config()
    if root.is_list:
        entries = [_toxiproxy(entry) for entry in root.items("a list of proxies")]
        return _whole(entries, None)
    top = root.known("a mapping with proxies, or Toxiproxy's list of them", _TOP)
    given = _without_nulls(top)
    seed = _seed(given["seed"]) if "seed" in given else None
    return _whole(list(_natives(given.get("proxies"))), seed, names_proxies="proxies" in top)


def _whole(entries: Sequence[tuple[Value, ProxySpec]], seed: int | None, *, names_proxies: bool = True) -> Config:
    check_distinct([(value.place, spec) for value, spec in entries])
    places = {spec.name: value.place for value, spec in entries}
    return Config(tuple(spec for _, spec in entries), seed, places, names_proxies)


def _seed(value: Value) -> int:
    try:
        return settings.read_seed(value.text())
    except ValueError as error:
        value.fail(str(error))


# The native form.


def _natives(proxies: Value | None) -> Iterator[tuple[Value, ProxySpec]]:
    if proxies is None or proxies.is_null:
        return
    for name, value in proxies.entries("a mapping from name to proxy").items():
        yield value, _native(name, value)


def _native(name: str, value: Value) -> ProxySpec:
    given = value.known("a mapping with listen and upstream", _PROXY)
    for key in ("listen", "upstream"):
        if key not in given:
            value.fail(f"{key} is missing; write it like {key}: 127.0.0.1:5432")
    return ProxySpec(
        name=name,
        listen=_address(given["listen"], listen_address),
        upstream=_address(given["upstream"], upstream_address),
        enabled=given["enabled"].flag() if "enabled" in given else True,
        faults=_distinct(_fault(entry) for entry in _list(given.get("faults"), "a list of faults")),
    )


def _fault(value: Value) -> tuple[Value, FaultSpec]:
    if not value.is_mapping and not value.is_list and not value.is_null:
        return value, _spec(value, _declared(value, value.text()), {}, {})
    _check_depth(value)
    given = value.known("a fault such as latency: 300ms", (*_FAULT, *KINDS))
    kinds = [key for key in given if key in KINDS]
    if len(kinds) != 1:
        found = f"has {' and '.join(kinds)}; make them entries of their own" if kinds else "names no fault"
        value.fail(f"{found}; known are: {', '.join(KINDS)}")
    described = given[kinds[0]]
    kind = KINDS[kinds[0]]
    return value, _spec(described, kind, _attributes(described, kind), given)


def _check_depth(value: Value) -> None:
    """`latency: 300ms` beside `jitter: 10ms` is what people write; says where the attribute belongs."""
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


# Toxiproxy's form.


def _toxiproxy(value: Value) -> tuple[Value, ProxySpec]:
    given = _without_nulls(value.known("a proxy with name, listen and upstream", _TOXIPROXY, ignoring_case=True))
    for key in ("name", "upstream"):
        if key not in given or not given[key].text():
            value.fail(f"{key} is missing")
    listen = given["listen"].text() if "listen" in given else ""
    return value, ProxySpec(
        name=given["name"].name(),
        listen=_address(given["listen"], listen_address) if listen else "",
        upstream=given["upstream"].text(),  # Toxiproxy takes any text and finds out when it dials
        enabled=given["enabled"].flag() if "enabled" in given else True,
        faults=_distinct(_toxic(entry) for entry in _list(given.get("toxics"), "a list of toxics")),
    )


def _toxic(value: Value) -> tuple[Value, FaultSpec]:
    given = _without_nulls(value.known("a toxic with type and attributes", _TOXIC, ignoring_case=True))
    if "type" not in given:
        value.fail(f"type is missing; known are: {', '.join(KINDS)}")
    kind = _declared(given["type"], given["type"].text())
    attributes = given.get("attributes")
    described: dict[str, Value] = {}
    if attributes is not None and not (attributes.is_list and not attributes.items("")):
        described = _without_nulls(attributes.entries("a mapping of attributes"))
    return value, _spec(attributes or value, kind, described, given)


def _without_nulls(given: Mapping[str, Value]) -> dict[str, Value]:
    """JSON's null is the same as no key at all, as Toxiproxy reads it."""
    return {key: value for key, value in given.items() if not value.is_null}


# What both forms have.


def _list(value: Value | None, wanted: str) -> list[Value]:
    return [] if value is None or value.is_null else value.items(wanted)


def _address(value: Value, check: Callable[[str], str]) -> str:
    with _told_at(value):
        return check(value.text())


def _declared(value: Value, kind: str) -> type[Fault]:
    if kind not in KINDS:
        value.fail(f"{kind!r}: {unknown('fault', kind, KINDS)}")
    return KINDS[kind]


def _distinct(found: Iterator[tuple[Value, FaultSpec]]) -> tuple[FaultSpec, ...]:
    specs: dict[str, FaultSpec] = {}
    for value, spec in found:
        if spec.name in specs:
            value.fail(f"there is a fault {spec.name!r} already; give one of them another name, like name: second")
        specs[spec.name] = spec
    return tuple(specs.values())


def _spec(value: Value, kind: type[Fault], attributes: Mapping[str, Value], given: Mapping[str, Value]) -> FaultSpec:
    fault = _made(value, kind, attributes)
    direction = given.get("direction") or given.get("stream")
    stream = DOWNSTREAM if direction is None else direction.text()
    if direction is not None and stream.lower() not in (UPSTREAM, DOWNSTREAM):
        direction.fail(f"{stream!r} is not a direction; write {UPSTREAM} or {DOWNSTREAM}")
    name = given["name"].name() if "name" in given else f"{kind.kind}_{stream}"
    return FaultSpec(name, fault, stream, _selection(given))


def _made(value: Value, kind: type[Fault], attributes: Mapping[str, Value]) -> Fault:
    for key, given in attributes.items():
        if key not in accepted(kind):
            given.fail(unknown("attribute", key, kind.fields()))
    with _told_at(value, attributes):
        return make(kind.kind, {key: given.text() for key, given in attributes.items()}, text=True)


def _selection(given: Mapping[str, Value]) -> Selection:
    chosen = {key: given[key] for key in _SELECTION if key in given}
    if not chosen:
        return Selection()
    values: dict[str, Any] = {key: value.text() for key, value in chosen.items() if key != "clients"}
    if "clients" in chosen:
        clients = chosen["clients"]
        blocks = clients.items("") if clients.is_list else [clients]
        values["clients"] = [_block(block) for block in blocks]
    with _told_at(next(iter(chosen.values())), chosen):
        return validated(Selection, values, text=True)


def _block(value: Value) -> str:
    with _told_at(value):
        return client_block(value.text())


@contextmanager
def _told_at(value: Value, parts: Mapping[str, Value] | None = None) -> Iterator[None]:
    """Says where in the file it was: at the part that the error names, or at `value`."""
    try:
        yield
    except InvalidSpec as error:
        key = error.path.partition(".")[0]
        place = (parts or {}).get(key, value)
        raise InvalidSpec(place.place, error.reason) from None
