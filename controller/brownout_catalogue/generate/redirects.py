"""How the callers in a compose project reach a proxy in place of what they call.

The importer's evidence names the setting that holds an address: its key, file and line. Where that setting can be
written again for one caller, the proxy takes the callee's place in it. Where it cannot (a password stands in it, TLS
checks the name, the address is in the code), the caller finds the proxy under the callee's name: Docker's resolver
prefers a container's own link aliases to the names of other containers. What neither can do is a step for a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from brownout_catalogue.generate.edge_proxies import EdgeProxy
from brownout_catalogue.importers.addresses import PASSWORD, addresses
from brownout_catalogue.importers.compose.interpolation import UNSET, read_env
from brownout_catalogue.importers.imported import Evidence, Imported
from brownout_catalogue.importers.settings import SECRET_KEY
from brownout_catalogue.importers.source import Mapped, Place, documents, mapping, place_of, text
from brownout_core.address import PORTS
from brownout_core.errors import BrownoutError

_VARIABLE: Final = re.compile(r"\$\{[^{}]*\}|\$[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIALS: Final = re.compile(r"://(?P<credentials>[^/\s\"']*)@")
_PLAIN_VARIABLE: Final = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?")
"""A variable without a default, which would be a password in the file."""
_TLS: Final = frozenset(("https", "wss", "rediss", "amqps", "mqtts", "ldaps", "smtps"))
"""The client checks that the certificate has the name in its setting."""
_NAMING_ITSELF: Final = re.compile(r"kafka|redpanda|pulsar|cassandra|scylla")
"""Servers that send their own addresses to clients, which then connect to those."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A change of one caller: a setting with a new value, or a name under which it finds the proxy."""

    source: str
    sink: str
    listen: int
    key: str = ""
    value: str = ""
    """As the compose file has to have it: variables stay variables."""
    alias: str = ""
    """The host name that leads to the proxy; empty for a setting."""
    place: Place | None = None
    because: str = ""
    """Why the setting itself is not written again."""


@dataclass(frozen=True, slots=True)
class ManualStep:
    """A call that only a person can redirect."""

    source: str
    sink: str
    why: str
    step: str


class ComposeProject(NamedTuple):
    """Compose files, as far as callers are redirected in them."""

    services: Mapping[str, Any]
    """As the compose reader has them, worked out."""
    imported: Imported
    proxy: str
    """The service that is the proxy."""
    read: Callable[[Path], str]
    """The text of a file; raises BrownoutError."""


def redirects(project: ComposeProject, proxy: EdgeProxy, source: str) -> Iterator[Redirect | ManualStep]:
    """What makes the calls of `source` to the proxy's sink go through the proxy."""
    sink = proxy.sink
    service = project.services.get(source)
    if service is None:
        where = f"127.0.0.1:{proxy.published}"
        yield ManualStep(source, sink, "it is no service of the compose file", f"set its address of {sink} to {where}")
        return
    if "network_mode" in service:
        step = f"publish port {proxy.listen} of {project.proxy}, and set its address of {sink} to that"
        yield ManualStep(source, sink, f"network_mode {text(service['network_mode'])} has names of its own", step)
        return
    edge = next((one for one in project.imported.edges() if (one.source, one.sink) == (source, sink)), None)
    keyed = [one for one in (edge.evidence if edge is not None else ()) if one.key]
    if not keyed:
        yield _by_name(proxy, source, sink, proxy.port, None, "no setting names it, so its address is in the code")
    aliases: set[str] = set()
    for evidence in keyed:
        for made in _redirect(project, proxy, source, evidence):
            if not isinstance(made, Redirect) or not made.alias or made.alias not in aliases:
                yield made
            if isinstance(made, Redirect):
                aliases.add(made.alias)


def _redirect(
    project: ComposeProject, proxy: EdgeProxy, source: str, evidence: Evidence
) -> Iterator[Redirect | ManualStep]:
    """By the setting if that can be done, else by name, else by hand."""
    if evidence.scheme == "mongodb+srv":
        step = f"write {evidence.key} as mongodb://{project.proxy}:{proxy.listen}"
        yield ManualStep(source, proxy.sink, f"{evidence.key} names a DNS record of servers", step)
        return
    dialled = evidence.port or PORTS.get(evidence.scheme or "") or proxy.port
    if dialled != proxy.port:
        step = f"give port {dialled} a proxy of its own under another name"
        yield ManualStep(
            source, proxy.sink, f"{evidence.key} has port {dialled}, and {proxy.proxy} carries {proxy.port}", step
        )
        return
    written = _written(project, source, evidence)
    refused = _refused(proxy, evidence, written)
    if not refused and written is not None:
        changed = list(_changed(project, proxy, source, evidence, written))
        if changed:
            yield from changed
            return
        refused = f"the host in {evidence.key} comes from a variable, or stands beside others"
    if evidence.host.endswith("docker.internal"):
        step = f"set {evidence.key} to {project.proxy}:{proxy.listen}"
        yield ManualStep(source, proxy.sink, refused, step)
        return
    yield _by_name(proxy, source, evidence.host, dialled, evidence.place, refused)


def _refused(proxy: EdgeProxy, evidence: Evidence, written: str | None) -> str:
    """Why the setting cannot be written again; empty if it can."""
    if written is None or UNSET in written:
        return f"{evidence.key} is no key under `environment` or in an `env_file`"
    if _holds_secret(evidence.key, written):
        return f"{evidence.key} holds a password, which is copied nowhere"
    if evidence.scheme in _TLS:
        return f"TLS checks the name in {evidence.key}"
    if _NAMING_ITSELF.search(f"{proxy.sink} {evidence.scheme or ''}") or "replicaset=" in written.lower():
        return f"the servers of {proxy.sink} send their own names to clients"
    return ""


def _by_name(
    proxy: EdgeProxy, source: str, host: str, dialled: int, place: Place | None, because: str
) -> Redirect | ManualStep:
    if proxy.listen != dialled:
        step = (
            f"let {proxy.proxy} listen on {dialled} in a proxy process of its own, and link {source} to that as {host}"
        )
        return ManualStep(source, proxy.sink, f"{because}; and another proxy has port {dialled} already", step)
    return Redirect(source, proxy.sink, proxy.listen, alias=host, place=place, because=because)


def _holds_secret(key: str, written: str) -> bool:
    if SECRET_KEY.search(key.upper()) or PASSWORD.search(_VARIABLE.sub("", written)):
        return True
    found = _CREDENTIALS.search(written)
    password = found["credentials"].partition(":")[2] if found is not None else ""
    return bool(password) and _PLAIN_VARIABLE.fullmatch(password) is None


def _written(project: ComposeProject, source: str, evidence: Evidence) -> str | None:
    """The setting's text with its variables, from the file that the evidence names; None if it cannot be had."""
    if evidence.place is None:
        return None
    try:
        content = project.read(Path(evidence.place.file))
        if evidence.key in mapping(project.services[source].get("environment")):
            return next(_values(documents(content, evidence.place.file), evidence.key, evidence.place), None)
        found = read_env(content).get(evidence.key)
    except BrownoutError:
        return None
    # Compose does not look for variables in the values of an env_file once they are worked out.
    return None if found is None or found[1] != evidence.place.line else found[0].replace("$", "$$")


def _values(content: Any, key: str, place: Place) -> Iterator[str]:
    """What stands after a key at a place, in a mapping or in a list of `KEY=VALUE`."""
    if isinstance(content, Mapped):
        if content.places.get(key) == place and isinstance(content[key], str):
            yield content[key]
        for inner in content.values():
            yield from _values(inner, key, place)
    elif isinstance(content, list):
        for index, inner in enumerate(content):
            if isinstance(inner, str):
                name, equals, value = inner.partition("=")
                if equals and name == key and place_of(content, index) == place:
                    yield value
            else:
                yield from _values(inner, key, place)


def _changed(
    project: ComposeProject, proxy: EdgeProxy, source: str, evidence: Evidence, written: str
) -> Iterator[Redirect]:
    """The setting with the proxy in place of the callee, and the setting of the port that stands beside it."""
    beside = None
    if proxy.listen == proxy.port:
        value = _replaced(written, evidence, project.proxy, None)
    elif written.strip().lower() == evidence.host:
        value, beside = project.proxy, _port_key(project, source, evidence.key)
        value = value if beside is not None else None
    else:
        value = _replaced(written, evidence, project.proxy, proxy.listen)
    if value is None:
        return
    yield Redirect(source, proxy.sink, proxy.listen, key=evidence.key, value=value, place=evidence.place)
    if beside is not None:
        yield Redirect(source, proxy.sink, proxy.listen, key=beside, value=str(proxy.listen), place=evidence.place)


def _replaced(written: str, evidence: Evidence, host: str, port: int | None) -> str | None:
    """The text with another host, and with another port unless that is None. None where the text does not show which
    of its words is the address."""
    pattern = re.compile(
        rf"(?<![\w.-]){re.escape(evidence.host)}(?![\w-]|\.\w)(?P<port>:(?:[0-9]+|\$\{{[^{{}}]*\}}|\$\w+))?",
        re.IGNORECASE,
    )
    value, start = written, 0
    while match := pattern.search(value, start):
        address = f"{host}{match['port'] or ''}" if port is None else f"{host}:{port}"
        candidate = f"{value[: match.start()]}{address}{value[match.end() :]}"
        if _hosts(candidate).count(host) > _hosts(value).count(host):
            value, start = candidate, match.start() + len(address)
        else:
            start = match.end()
    left = evidence.host in _hosts(value) or any(match["port"] for match in pattern.finditer(value) if "@" not in value)
    if value == written or left or (port is not None and evidence.scheme == "connection string"):
        return None
    return value


def _hosts(written: str) -> list[str]:
    return [address.host for address in addresses(_VARIABLE.sub("1", written))]


def _port_key(project: ComposeProject, source: str, key: str) -> str | None:
    """The setting that has the port, beside DB_HOST it is DB_PORT."""
    match = re.fullmatch(r"(?i)(.*?)(HOST|HOSTNAME|HOST_NAME|ADDR|ADDRESS|SERVER|ENDPOINT)", key)
    if match is None:
        return None
    service = project.services[source]
    wanted = f"{match[1]}PORT".upper()
    known = [*mapping(service.get("environment"))]
    for file in service.get("env_file") or ():
        try:
            known += read_env(project.read(Path(file)))
        except BrownoutError:
            continue
    return next((name for name in known if name.upper() == wanted), None)
