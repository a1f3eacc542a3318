"""Where a probe or a load connects to, and whether that is where a proxy listens. Nothing is looked up.

What talks to the proxy itself measures the fault and not the service behind it: lint, plan and dry run refuse it.
"""

from __future__ import annotations

import ipaddress
from posixpath import normpath
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from brownout_core.address import PORTS, WILDCARDS


class Endpoint(NamedTuple):
    """A host, in lower case and without brackets, and a port; or the path of a Unix socket, and 0."""

    host: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint_of(text: str) -> Endpoint | None:
    """Of a URL, `host:port` or `:port`; None for a Unix socket and for what has no port."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    if port is None or parts.scheme == "unix" or text.startswith("unix:"):
        return None
    return Endpoint((parts.hostname or "").lower(), port)


def endpoints_of(text: str) -> tuple[Endpoint, ...]:
    """All of a URL, a DSN, `host:port` or `unix:/path`: a DSN may name several servers, each with a port, or the folder
    of a server's socket."""
    if text.startswith("unix:"):
        return _socket(urlsplit(text).path)
    try:
        parts = urlsplit(text)
    except ValueError:
        return ()
    if parts.scheme not in ("postgres", "postgresql"):
        found = endpoint_of(text)
        return () if found is None else (found,)
    asked = parse_qs(parts.query)
    hosts = asked.get("host", [parts.netloc.rpartition("@")[2]])[-1].split(",")
    ports = asked.get("port", [""])[-1].split(",")
    servers = (_server(host, ports[min(number, len(ports) - 1)]) for number, host in enumerate(hosts))
    return tuple(server for found in servers for server in found)


def _server(host: str, port: str) -> tuple[Endpoint, ...]:
    """Of one host of a DSN, which may have a port of its own."""
    found = endpoint_of(f"postgresql://{host}")
    if host.startswith(("/", "%2F", "%2f")):
        folder, _, own = unquote(host).partition(":")
        return _socket(f"{folder}/.s.PGSQL.{own or port or PORTS['postgresql']}")
    if found is None or not found.host:
        return ()  # the client's own default, which the machine decides
    return (found._replace(port=int(port)),) if port.isdigit() else (found,)


def _socket(path: str) -> tuple[Endpoint, ...]:
    return (Endpoint(normpath(path), 0),) if path else ()


def reaches(asked: Endpoint, listen: Endpoint, control: Endpoint | None = None) -> bool:
    """Whether who connects to `asked` from this machine reaches who listens on `listen` on the machine of `control`, by
    default this one."""
    if asked.port != listen.port:
        return False
    here = control is None or is_loopback(control.host)
    if not listen.port:
        return here and asked.host == listen.host
    if listen.host in WILDCARDS:
        return is_loopback(asked.host) if here else control is not None and asked.host == control.host
    if is_loopback(listen.host):
        return here and is_loopback(asked.host)
    return asked.host == listen.host


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or number."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or host in ("0.0.0.0", "::")  # Linux connects to itself by these
