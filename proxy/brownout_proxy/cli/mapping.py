"""`[NAME@]LISTEN=UPSTREAM`: a proxy as one word on the command line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from brownout_core import address
from brownout_core.errors import InvalidSpec
from brownout_proxy.server.config import listen_address, upstream_address
from brownout_proxy.server.proxy import ProxySpec

EXAMPLE: Final = "15432=127.0.0.1:5432 or postgres@15432=db.internal:5432"

_SERVICES: Final[Mapping[int, str]] = {
    # What people put a proxy in front of; the numbers are IANA's, or the server's default.
    80: "http", 443: "https", 1433: "mssql", 1521: "oracle", 2181: "zookeeper", 2379: "etcd", 3306: "mysql",
    4222: "nats", 5432: "postgres", 5672: "rabbitmq", 6379: "redis", 8123: "clickhouse", 9042: "cassandra",
    9092: "kafka", 9200: "elasticsearch", 11211: "memcached", 27017: "mongodb",
}  # fmt: skip


def read(words: Sequence[str]) -> list[ProxySpec]:
    """The proxies that the words ask for; those without a name get one. Raises InvalidSpec naming the word."""
    read_words = [_parts(word) for word in words]
    taken = {name for name, _, _ in read_words if name}
    specs = []
    for name, listen, upstream in read_words:
        name = name or _free(_suggested(upstream), taken)
        taken.add(name)
        specs.append(ProxySpec(name, listen, upstream))
    return specs


def _parts(word: str) -> tuple[str, str, str]:
    left, equals, upstream = word.partition("=")
    if not equals or not left or not upstream:
        raise InvalidSpec(repr(word), f"is not LISTEN=UPSTREAM; write it like {EXAMPLE}")
    name, listen = "", left
    if "@" in left and not left.startswith("unix:"):  # a socket's path may have an @ of its own
        name, _, listen = left.partition("@")
        if not name:
            raise InvalidSpec(repr(word), f"the name before @ is empty; write it like {EXAMPLE}")
    try:
        return name, listen_address(listen), upstream_address(upstream)
    except InvalidSpec as error:
        raise InvalidSpec(repr(word), error.reason) from None


def _suggested(upstream: str) -> str:
    """A name for what is behind the proxy: the host's first label, the service of the port, the socket's file."""
    where = address.parse(upstream)
    if where.path:
        return re.sub(r"^\W+|\W+$", "", where.path.rpartition("/")[2]) or "unix"
    if not where.is_ip and where.host != "localhost":
        return where.host.partition(".")[0]
    return _SERVICES.get(where.port, f"port-{where.port}")


def _free(name: str, taken: Collection[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
