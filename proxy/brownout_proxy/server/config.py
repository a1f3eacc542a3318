"""The config file: from YAML (ours) or Toxiproxy's JSON array to specifications of proxies.

Everything is checked before anything is returned: unknown keys, quantities, and names or addresses that are there
twice. The document decides the form, a mapping or a list, not the file's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from brownout_core import address, document
from brownout_core.address import Address
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.faults import KINDS
from brownout_core.faults.fault_yaml import SELECTION, at_path, declared, fault_spec, read_fault
from brownout_core.faults.spec import FaultSpec
from brownout_proxy import settings
from brownout_proxy.server.proxy import ProxySpec

LOOPBACK: Final = "127.0.0.1"
"""The host of an address that is a bare port."""

_TOP: Final = ("seed", "proxies", "environments")  # the last are read by `brownout run`, from the same file
_PROXY: Final = ("listen", "upstream", "enabled", "faults")
_TOXIPROXY: Final = ("name", "listen", "upstream", "enabled", "toxics", "logger", "status")  # answers have the last
_TOXIC: Final = ("name", "type", "stream", "attributes", "lease", "status", *SELECTION)
_WRITTEN: Final = "write it like 127.0.0.1:5432, 5432 or unix:/path"


@dataclass(frozen=True, slots=True)
class Config:
    """The content of a file. `places` has the place of each proxy by name, for errors that come later."""

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
    if (listed := _listed(root)) is not None:
        return _whole([_toxiproxy(entry) for entry in listed], None)
    top = root.known("a mapping with proxies, or Toxiproxy's list of them", _TOP)
    fields = _without_nulls(top)
    seed = _seed(fields["seed"]) if "seed" in fields else None
    return _whole(list(_natives(fields.get("proxies"))), seed, names_proxies="proxies" in top)


def _listed(root: Value) -> list[Value] | None:
    """The proxies of an answer of the HTTP API, to `GET /proxies` (by their names) or to `POST /populate`."""
    entries = root.entries("a mapping with proxies, or Toxiproxy's list of them")
    if set(entries) == {"proxies"} and entries["proxies"].is_list:
        listed = entries["proxies"].items("a list of proxies")
        return listed if all(entry.is_mapping for entry in listed) else None
    named = [(name, value) for name, value in entries.items() if value.is_mapping]
    if entries and len(named) == len(entries) and all(_is_named(name, value) for name, value in named):
        return [value for _, value in named]
    return None


def _is_named(name: str, value: Value) -> bool:
    """Whether it is a proxy that has its own name, as answers have it and files of ours do not."""
    fields = {key.lower(): part for key, part in value.entries("a proxy").items()}
    own = fields.get("name")
    return own is not None and not own.is_list and not own.is_mapping and not own.is_null and own.text() == name


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
    fields = value.known("a mapping with listen and upstream", _PROXY)
    for key in ("listen", "upstream"):
        if key not in fields:
            value.fail(f"{key} is missing; write it like {key}: 127.0.0.1:5432")
    return ProxySpec(
        name=name,
        listen=_address(fields["listen"], listen_address),
        upstream=_address(fields["upstream"], upstream_address),
        enabled=fields["enabled"].flag() if "enabled" in fields else True,
        faults=_distinct((entry, read_fault(entry)) for entry in _list(fields.get("faults"), "a list of faults")),
    )


# Toxiproxy's form.


def _toxiproxy(value: Value) -> tuple[Value, ProxySpec]:
    fields = _without_nulls(value.known("a proxy with name, listen and upstream", _TOXIPROXY, ignoring_case=True))
    for key in ("name", "upstream"):
        if key not in fields or not fields[key].text():
            value.fail(f"{key} is missing")
    listen = fields["listen"].text() if "listen" in fields else ""
    return value, ProxySpec(
        name=fields["name"].name(),
        listen=_address(fields["listen"], listen_address) if listen else "",
        upstream=fields["upstream"].text(),  # Toxiproxy takes any text and finds out when it dials
        enabled=fields["enabled"].flag() if "enabled" in fields else True,
        faults=_distinct(_toxic(entry) for entry in _list(fields.get("toxics"), "a list of toxics")),
    )


def _toxic(value: Value) -> tuple[Value, FaultSpec]:
    fields = _without_nulls(value.known("a toxic with type and attributes", _TOXIC, ignoring_case=True))
    if "type" not in fields:
        value.fail(f"type is missing; known are: {', '.join(KINDS)}")
    kind = declared(fields["type"], fields["type"].text())
    attributes = fields.get("attributes")
    described: dict[str, Value] = {}
    if attributes is not None and not (attributes.is_list and not attributes.items("")):
        described = _without_nulls(attributes.entries("a mapping of attributes"))
    return value, fault_spec(attributes or value, kind, described, fields)


def _without_nulls(fields: Mapping[str, Value]) -> dict[str, Value]:
    """JSON's null is the same as no key at all, as Toxiproxy reads it."""
    return {key: value for key, value in fields.items() if not value.is_null}


# What both forms have.


def _list(value: Value | None, wanted: str) -> list[Value]:
    return [] if value is None or value.is_null else value.items(wanted)


def _address(value: Value, check: Callable[[str], str]) -> str:
    with at_path(value):
        return check(value.text())


def _distinct(found: Iterator[tuple[Value, FaultSpec]]) -> tuple[FaultSpec, ...]:
    specs: dict[str, FaultSpec] = {}
    for value, spec in found:
        if spec.name in specs:
            value.fail(f"there is a fault {spec.name!r} already; give one of them another name, like name: second")
        specs[spec.name] = spec
    return tuple(specs.values())
