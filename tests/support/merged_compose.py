"""A compose project with its override, merged by the compose reader: where each caller's connections end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from brownout_catalogue.importers.addresses import addresses
from brownout_catalogue.importers.compose.files import load
from brownout_catalogue.importers.source import entries, mapping
from brownout_proxy.server import config


class Hop(NamedTuple):
    """A caller that reaches a port of the proxy, and what stands behind that."""

    caller: str
    by: str
    """The setting or the link that leads there."""
    upstream: str


def merged(*files: Path) -> Mapping[str, Any]:
    return load(list(files), (), frozenset(), lambda _: None)


def hops(services: Mapping[str, Any], settings: Path, proxy: str = "brownout") -> Iterator[Hop]:
    """Every way from a caller through the proxy. Fails where a way leads to a port on which nothing listens, or where
    caller, proxy and callee have no network in common."""
    behind = {int(spec.listen.rpartition(":")[2]): str(spec.upstream) for spec in config.load(settings).proxies}
    for caller, service in services.items():
        if caller == proxy:
            continue
        links = [str(link).split(":") for link in entries(service.get("links"))]
        aliases = {alias for name, alias in links if name == proxy}
        environment = mapping(service.get("environment"))
        bare = {key for key, value in environment.items() if value == proxy}
        for key, value in environment.items():
            for address in addresses(str(value or "")):
                if address.host != proxy or (key in bare and address.port is None):
                    continue
                assert address.port in behind, f"{caller}: {key} leads to port {address.port}, where nothing listens"
                yield _checked(services, Hop(caller, key, behind[address.port]), proxy)
        for key in bare:
            ports = [int(other) for name, other in environment.items() if name == key.replace("HOST", "PORT")]
            (upstream,) = [behind[port] for port in ports] or behind.values()
            yield _checked(services, Hop(caller, key, upstream), proxy)
        for alias in sorted(aliases):
            upstreams = [upstream for upstream in behind.values() if upstream.rpartition(":")[0] == alias]
            same_port = [upstream for port, upstream in behind.items() if upstream == f"{alias}:{port}"]
            assert upstreams == same_port or not upstreams, f"{caller}: {alias} is reached at another port"
            for upstream in upstreams:
                yield _checked(services, Hop(caller, f"link {alias}", upstream), proxy)


def _checked(services: Mapping[str, Any], hop: Hop, proxy: str) -> Hop:
    sink = hop.upstream.rpartition(":")[0]
    between = _networks(services[proxy])
    assert between & _networks(services[hop.caller]), f"{hop.caller} does not reach {proxy}"
    if sink in services:
        assert between & _networks(services[sink]), f"{proxy} does not reach {sink}"
    return hop


def _networks(service: Mapping[str, Any]) -> set[str]:
    return set(mapping(service.get("networks"))) or {"default"}
