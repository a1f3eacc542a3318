"""Addresses as operators write them: `host:port`, `:port`, `port`, `[v6]:port`, `unix:/path`. Nothing is looked up."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from brownout_core.errors import InvalidSpec

_MAX_PORT = 65535
PORTS: Final[Mapping[str, int]] = {
    "http": 80, "ws": 80, "https": 443, "wss": 443, "grpc": 443, "postgres": 5432, "postgresql": 5432, "mysql": 3306,
    "mariadb": 3306, "mongodb": 27017, "redis": 6379, "rediss": 6379, "valkey": 6379, "amqp": 5672, "amqps": 5671,
    "kafka": 9092, "nats": 4222, "sqlserver": 1433, "mssql": 1433, "oracle": 1521, "memcached": 11211, "mqtt": 1883,
    "mqtts": 8883, "ldap": 389, "ldaps": 636, "smtp": 25, "smtps": 465, "clickhouse": 9000, "neo4j": 7687, "bolt": 7687,
    "pulsar": 6650, "etcd": 2379,
}  # fmt: skip
"""Where a URL without a port leads to, by its scheme: the IANA registry, and the servers' own documentation."""
_MAX_DIGITS = 20  # zeros in front are harmless
WILDCARDS = frozenset({"", "0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class Address:
    """Either `host` and `port` (TCP) or `path` (a Unix socket)."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_wildcard(self) -> bool:
        return not self.path and self.host in WILDCARDS

    @property
    def is_ip(self) -> bool:
        """Whether the host is a literal that needs no look-up."""
        return is_ip(self.host)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it: a Unix socket, `localhost` or an address of the loopback net."""
        if self.path or self.host == "localhost":
            return True
        return self.is_ip and ipaddress.ip_address(self.host).is_loopback


@functools.lru_cache(1024)  # asked for each dial
def is_ip(host: str) -> bool:
    """Whether the host is an IPv4 or IPv6 address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parse(text: str, *, default_host: str | None = None) -> Address:
    """The address that `text` names; a bare port is one only with a `default_host`. Raises InvalidSpec."""
    if "\0" in text:
        raise InvalidSpec("", f"address {text!r}: a NUL character cannot be in an address")
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//")
        if not path:
            raise InvalidSpec("", f"{text!r} names no socket; write unix:/path/to/socket")
        if path.startswith("@"):
            raise InvalidSpec("", f"{text!r}: sockets without a file are not supported; write unix:/path/to/socket")
        return Address(path=path)
    scheme, separator, rest = text.partition("://")
    if separator:
        place = _without_scheme(scheme.lower(), rest)
        raise InvalidSpec("", f"address {scheme}://{place}: write it without {scheme}://; that is, {place}")
    host, colon, port = text.rpartition(":")
    if not colon and port.isdigit() and default_host is not None:
        return Address(default_host, _port(port, text))
    if not colon or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        raise InvalidSpec("", f"address {text}: missing port in address")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if "[" in bare or "]" in bare:
        raise InvalidSpec("", f"address {text}: unmatched bracket; write it like [::1]:5432")
    return Address(bare, _port(port, text))


def _without_scheme(scheme: str, rest: str) -> str:
    place = rest.partition("/")[0].rpartition("@")[2] or "host:port"
    return place if ":" in place else f"{place}:{PORTS.get(scheme, 'port')}"


def _port(text: str, address: str) -> int:
    # The length comes first: int() refuses more than 4300 digits with an error of its own.
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS or int(text) > _MAX_PORT:
        raise InvalidSpec("", f"address {address}: invalid port {text!r}; it must be 0 to {_MAX_PORT}")
    return int(text)
