"""The proxies that carry the edges of experiments: where each listens, and what it stands before.

They run on the machine beside the services, or as one container in the services' compose project.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.generate.ports import port_of_call
from brownout_core.formatting import line

_SHIFT: Final = 10_000
"""A proxy on the machine listens so far above what it stands before: 15432 for 5432."""
_CONTROL: Final = frozenset((8473, 8474))
"""Where the proxy itself is controlled."""
_HIGHEST: Final = 65535
LOOPBACK: Final = "127.0.0.1"
ANY: Final = "0.0.0.0"  # inside a container, where nothing is published but what the file names
MACHINE: Final = "host.docker.internal"
"""The machine, as containers find it."""


class EdgeProxy(NamedTuple):
    """A proxy, and what it stands before."""

    proxy: str
    sink: str
    edges: tuple[str, ...]
    host: str
    """The address on which it listens."""
    listen: int
    port: int
    """The port of the sink."""
    upstream: str
    why: str
    """Where the upstream is from."""
    published: int | None
    """Its port on this machine's loopback; None where nothing outside of its network needs it."""


class Machine(NamedTuple):
    """What this machine's ports are used for."""

    published: Mapping[str, Mapping[int, int]] = {}
    """By component, the machine's port for each port of its container."""
    taken: Collection[int] = ()
    """All ports that are published, those of ranges among them."""

    def port(self, component: str, inside: int) -> int | None:
        """The machine's port for a component's `inside`, or the one that it publishes if it is the only one."""
        ports = self.published.get(component, {})
        return ports.get(inside) or (next(iter(ports.values())) if len(ports) == 1 else None)


def carrier(architecture: Architecture, edge: str) -> str:
    """The proxy that carries an edge: one named like the edge's end, unless the architecture names another."""
    sink = edge.rpartition(" -> ")[2]
    component = architecture.components.get(sink)
    return (component.where.proxy if component is not None else None) or sink


def machine_proxies(architecture: Architecture, edges: Sequence[str], machine: Machine) -> Sequence[EdgeProxy]:
    """Proxies that are started on this machine: one for each edge's end."""
    ports = _Free({*machine.taken, *_CONTROL})
    found: list[EdgeProxy] = []
    for proxy, carried in _by_proxy(architecture, edges).items():
        source, _, sink = carried[0].rpartition(" -> ")
        port, why = port_of_call(architecture, source, sink)
        host = architecture.components[sink].where.host if sink in architecture.external else None
        published = machine.port(sink, port)
        if published is not None:
            upstream, why = f"{LOOPBACK}:{published}", "the port that the compose file publishes"
        elif sink in architecture.external:
            upstream = f"{host or _as_host(sink)}:{port}"
        else:
            upstream, why = f"{LOOPBACK}:{port}", f"assumed: {sink} runs on this machine; {why}"
        listen = ports.take((published or port) + _SHIFT)
        found.append(EdgeProxy(proxy, sink, carried, LOOPBACK, listen, port, upstream, why, listen))
    return found


def container_proxies(
    architecture: Architecture, edges: Sequence[str], machine: Machine, inside: Collection[str]
) -> Sequence[EdgeProxy]:
    """Proxies in a container beside the components `inside`; edges from elsewhere begin on this machine."""
    ports, published = _Free(set(_CONTROL)), _Free({*machine.taken, *_CONTROL})
    found: dict[str, EdgeProxy] = {}
    carried = _by_proxy(architecture, edges)
    outer = [proxy for proxy, names in carried.items() if not {_source(name) for name in names} <= set(inside)]
    # The callee's own port, so that a caller may find the proxy under the callee's name. Who is outside needs no such
    # port, and a process without root may be refused one below 1024.
    for proxy in sorted(carried, key=lambda proxy: proxy in outer):
        source, _, sink = carried[proxy][0].rpartition(" -> ")
        port, why = port_of_call(architecture, source, sink)
        if sink in inside:
            upstream = f"{sink}:{port}"
        elif sink in architecture.external:
            upstream = f"{architecture.components[sink].where.host or _as_host(sink)}:{port}"
        else:
            upstream, why = f"{MACHINE}:{port}", f"assumed: {sink} runs on the machine; {why}"
        at = published.take((machine.port(sink, port) or port) + _SHIFT) if proxy in outer else None
        alone = at is not None and not {_source(name) for name in carried[proxy]} & set(inside)
        listen = ports.take(at if at is not None and alone else port)
        found[proxy] = EdgeProxy(proxy, sink, carried[proxy], ANY, listen, port, upstream, why, at)
    return [found[proxy] for proxy in carried]


def _source(edge: str) -> str:
    return edge.rpartition(" -> ")[0]


def _by_proxy(architecture: Architecture, edges: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The edges that each proxy carries."""
    found: dict[str, tuple[str, ...]] = {}
    for edge in dict.fromkeys(edges):
        proxy = carrier(architecture, edge)
        found[proxy] = (*found.get(proxy, ()), edge)
    return found


def _as_host(name: str) -> str:
    """An external component without a host: its name, which an import takes from the host."""
    return line(name).strip().replace(" ", "-")


class _Free:
    """Ports that nobody has yet."""

    def __init__(self, taken: set[int]) -> None:
        self._taken = taken

    def take(self, wanted: int) -> int:
        """The port, or the next one above that is free."""
        port = wanted
        while port in self._taken or not 0 < port <= _HIGHEST:
            port = port + 1 if port < _HIGHEST else _SHIFT
        self._taken.add(port)
        return port
