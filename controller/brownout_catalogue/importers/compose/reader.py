"""Compose files in, components and calls out."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from brownout_catalogue.importers.code import MACHINE
from brownout_catalogue.importers.compose.files import load
from brownout_catalogue.importers.compose.interpolation import UNSET, read_env
from brownout_catalogue.importers.compose.sources import read_sources
from brownout_catalogue.importers.entries import guess_entries
from brownout_catalogue.importers.imported import Component, Evidence, Imported, Strength
from brownout_catalogue.importers.settings import Resolve, Setting, arguments, understand
from brownout_catalogue.importers.source import (
    Listed,
    Mapped,
    Place,
    entries,
    flag,
    mapping,
    number,
    place_of,
    read_text,
    text,
)
from brownout_core.errors import BrownoutError, InvalidSpec

_MEMORY: Final = re.compile(r"([0-9.]+)\s*([bkmg]?)b?", re.IGNORECASE)


def read_compose(files: Sequence[Path], env_files: Sequence[Path] = (), profiles: Collection[str] = ()) -> Imported:
    """Raises InvalidSpec, Unavailable."""
    found = Imported(", ".join(str(file) for file in files))
    services = load(files, env_files, frozenset(profiles), found.note)
    if not services:
        raise InvalidSpec(str(files[0]), "has no service that would be started")
    for name, service in services.items():
        found.services[name] = _component(name, service)
    names = _names(services)
    by_service = {name: list(_settings(service, found)) for name, service in services.items()}
    # An anchor or an env_file of many services: the same line, again and again.
    uses = Counter((one.key, one.place) for settings in by_service.values() for one in settings)
    for name, service in services.items():
        resolve = _resolver({**names, **_links(service, services)}, services)
        settings = [one._replace(shared=uses[one.key, one.place] > 1) for one in by_service[name]]
        understand(found, name, settings, resolve)
        _started_after(found, name, service, services)
    read_sources(found, services, names, _by_published(services))
    found.finish()
    guess_entries(found, _exposed(services))
    return found


def _component(name: str, service: Mapping[str, Any]) -> Component:
    image = text(service.get("image"))
    known = None if image is None or UNSET in image else image
    component = Component(name, image=None if image is None else image.replace(UNSET, ""))
    component.where = {"image": known, "port": _port(service)}
    deploy = mapping(service.get("deploy"))
    component.replicas = _first(number(deploy.get("replicas")), number(service.get("scale")))
    limits = mapping(mapping(deploy.get("resources")).get("limits"))
    component.memory = _memory(text(limits.get("memory")) or text(service.get("mem_limit")))
    check = mapping(service.get("healthcheck"))
    test = check.get("test")
    if check and not flag(check.get("disable")) and (test[0] if isinstance(test, list) and test else test) != "NONE":
        component.probes = ("readiness",)  # what depends_on waits for
    if component.seen_as == "cache" and any(_is_kept(volume) for volume in entries(service.get("volumes"))):
        component.stateful = True
    return component


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _memory(written: str | None) -> str | None:
    """Compose's units are powers of 1024; Kubernetes writes these Mi."""
    match = _MEMORY.fullmatch(written.strip()) if written else None
    if match is None:
        return None
    unit = {"k": "Ki", "m": "Mi", "g": "Gi"}.get(match[2].lower(), "")
    return f"{match[1]}{unit}"


def _port(service: Mapping[str, Any]) -> int | None:
    """The first one inside its container."""
    for entry in [*entries(service.get("ports")), *entries(service.get("expose"))]:
        port = number(mapping(entry).get("target")) if isinstance(entry, Mapping) else _target(text(entry))
        if port is not None and 0 < port < 65536:
            return port
    return None


def _target(written: str | None) -> int | None:
    return number(re.split(r"[/-]", (written or "").rpartition(":")[2], maxsplit=1)[0])


def _published(service: Mapping[str, Any]) -> Iterator[int | None]:
    for entry in entries(service.get("ports")):
        if isinstance(entry, Mapping):
            yield number(entry.get("published"))
        elif ":" in (written := text(entry) or ""):
            yield number(written.split(":")[-2])


def _exposed(services: Mapped) -> dict[str, Evidence]:
    """Services with a port of the machine, which others than its own people may reach."""
    found = {}
    for name, service in services.items():
        port = next((port for port in _published(service) if port is not None), None)
        if port is not None:
            found[name] = Evidence(Strength.LIKELY, f"publishes port {port}", place_of(service, "ports"))
    return found


def _is_kept(volume: object) -> bool:
    """Whether it is a named volume that may be written to."""
    if isinstance(volume, Mapping):
        return volume.get("type") == "volume" and not flag(volume.get("read_only"))
    source, colon, target = (text(volume) or "").partition(":")
    return bool(colon) and source[:1] not in (".", "/", "~", "", UNSET) and not target.endswith(":ro")


def _names(services: Mapped) -> dict[str, str]:
    """Every name by which a service is found in its networks."""
    found = {name.lower(): name for name in services}
    for name, service in services.items():
        aliases = [text(service.get("container_name")), text(service.get("hostname"))]
        for network in mapping(service.get("networks")).values():
            aliases += [text(alias) for alias in entries(mapping(network).get("aliases"))]
        for alias in aliases:
            if alias:
                found.setdefault(alias.lower(), name)
    return found


def _links(service: Mapping[str, Any], services: Mapped) -> dict[str, str]:
    found = {}
    for link in entries(service.get("links")):
        name, _, alias = (text(link) or "").partition(":")
        if name in services:
            found[(alias or name).lower()] = name
    return found


def _by_published(services: Mapped) -> dict[int, str]:
    return {port: name for name, service in services.items() for port in _published(service) if port is not None}


def _resolver(names: Mapping[str, str], services: Mapped) -> Resolve:
    published = _by_published(services)

    def resolve(host: str, port: int | None) -> str | None:
        if host in MACHINE and port is not None:
            return published.get(port)
        return names.get(host)

    return resolve


def _settings(service: Mapping[str, Any], found: Imported) -> Iterator[Setting]:
    environment = service.get("environment")
    own = mapping(environment)
    for key, value, place in _env_files(service, found):
        if key not in own:
            yield Setting(key, value, place)
    for key, value in own.items():
        yield Setting(key, _known(text(value)), place_of(environment, key))
    for key in ("entrypoint", "command"):
        yield from arguments(_words(service.get(key), place_of(service, key)), key)


def _known(value: str | None) -> str | None:
    """None for a text that is nothing without a variable that nobody sets."""
    return None if value is None or UNSET in value else value


def _env_files(service: Mapping[str, Any], found: Imported) -> Iterator[tuple[str, str | None, Place | None]]:
    for name in entries(service.get("env_file")):
        try:
            content = read_text(Path(name))
        except BrownoutError:
            found.note(f"{name} cannot be read; the calls in it are missing")
            continue
        for key, (value, line) in read_env(content).items():
            yield key, _known(value), Place(name, line)


def _words(written: object, place: Place | None) -> list[tuple[str, Place | None]]:
    if isinstance(written, Listed):
        return [(text(word) or "", place_of(written, index)) for index, word in enumerate(written)]
    line = text(written) or ""
    try:
        return [(word, place) for word in shlex.split(line)]
    except ValueError:
        return [(word, place) for word in line.split()]


def _started_after(found: Imported, name: str, service: Mapping[str, Any], services: Mapped) -> None:
    """Links, and the order of starting, which only hints at calls."""
    for index, link in enumerate(entries(service.get("links"))):
        sink = (text(link) or "").partition(":")[0]
        if sink in services:
            place = place_of(service.get("links"), index)
            found.call(name, sink, Evidence(Strength.LIKELY, "links", place, basis="link"))
    waits = service.get("depends_on")
    for sink, how in mapping(waits).items():
        if sink not in services:
            continue
        if mapping(how).get("condition") == "service_completed_successfully":
            continue  # a migration that has run by then
        if _meet(service, services[sink]):
            found.call(name, sink, Evidence(Strength.WEAK, "depends_on", place_of(waits, sink), basis="order"))


def _meet(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether they have a network in common; without one they cannot call each other."""
    if "network_mode" in one or "network_mode" in other:
        return True
    networks = [set(mapping(service.get("networks"))) or {"default"} for service in (one, other)]
    return not networks[0].isdisjoint(networks[1])
