"""Addresses in a text: a DSN, a URL, a connection string, a list of brokers, `host:port`. Pure.

Only hosts and ports ever leave here, never users, passwords, paths or queries. A password with unescaped characters
can make it unclear which part of a DSN is the host; what comes of that is not `sure`, and good only for hosts that are
known anyway.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_URL: Final = re.compile(r"(?<![A-Za-z0-9+.:-])(?P<scheme>[A-Za-z][A-Za-z0-9+.:-]{0,40})://(?P<rest>[^\s\"'`<>]*)")
_ENDPOINT: Final = re.compile(rf"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>{_HOST}))(?::(?P<port>[0-9]{{1,5}}))?\.?")
_GO_MYSQL: Final = re.compile(rf"@(?:tcp|unix)6?\((?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?\)")
_KEYWORDS: Final = re.compile(
    rf"(?:^|[;\s])(?:host|hostname|server|data source|addr(?:ess)?|bootstrap\.servers)\s*=\s*(?:tcp:)?"
    rf"(?P<host>{_HOST})(?:[:,](?P<port>[0-9]{{1,5}}))?(?=[;\s,]|$)",
    re.IGNORECASE,
)
_PORT_KEYWORD: Final = re.compile(r"(?:^|[;\s])port\s*=\s*(?P<port>[0-9]{1,5})(?=[;\s]|$)", re.IGNORECASE)
PASSWORD: Final = re.compile(r"(?:pass|pwd|secret|token|key)[a-z]{0,20}\s{0,3}[=:]", re.IGNORECASE)
_ORACLE: Final = re.compile(
    rf"jdbc:oracle:[a-z0-9]+:(?:[^\s@/]*/[^\s@]*)?@(?://)?(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?(?=[:/]|$)"
)
_DESCRIPTOR: Final = re.compile(
    rf"\(\s*HOST\s*=\s*(?P<host>{_HOST})\s*\)(?:\s*\(\s*PORT\s*=\s*(?P<port>[0-9]{{1,5}})\s*\))?", re.IGNORECASE
)
"""Oracle's `(ADDRESS=(PROTOCOL=TCP)(HOST=db)(PORT=1521))`."""
_NEXT_URL: Final = re.compile(r"[,;|](?=[A-Za-z][A-Za-z0-9+.-]{0,40}://)")
"""Where a list of URLs goes on; a comma within a URL parts its hosts."""
_RESOLVERS: Final = frozenset(("dns", "passthrough", "xds", "static", "ipv4", "discovery", "kubernetes", "zk", "etcd"))
"""Schemes of gRPC's targets: who is called stands after the authority."""
_PARAMETER: Final = re.compile(
    rf"[?&;](?:endpoint|host|server|addr|broker|primary)=(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?(?=[&;/]|$)",
    re.IGNORECASE,
)
_OPTIONS: Final = re.compile(rf"(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?,\s*[A-Za-z][A-Za-z ]*=.*", re.DOTALL)
"""`cache:6379,ssl=False`, as StackExchange.Redis has it."""
_LIST: Final = re.compile(rf"{_HOST}(?:\s*,\s*{_HOST})+")


class Address(NamedTuple):
    host: str
    port: int | None = None
    scheme: str | None = None
    """That of the URL; None for what has none."""
    sure: bool = True
    """False if another reading of the same text has another host."""

    @property
    def name(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def addresses(text: str) -> Iterator[Address]:
    """All that are in the text, each once; hosts alone only where the whole text is one."""
    return iter(dict.fromkeys(_all(text)))


def _all(text: str) -> Iterator[Address]:
    for pattern in (_ORACLE, _DESCRIPTOR):
        for match in pattern.finditer(text):
            yield from _address(match["host"], match["port"], "oracle")
    for match in _GO_MYSQL.finditer(text):
        yield from _address(match["host"], match["port"], "mysql")
    for piece in _NEXT_URL.split(text):
        for match in _URL.finditer(piece):
            yield from _of_url(match["scheme"].lower(), match["rest"], alone="@" not in piece[match.end() :])
    # A password may have anything in it, also what looks like another address.
    sure = "@" not in text and PASSWORD.search(text) is None
    yield from _of_keywords(text, sure=sure)
    plain = _NEXT_URL.sub(" ", text)
    for pattern in (_ORACLE, _DESCRIPTOR, _GO_MYSQL, _URL):
        plain = pattern.sub(" ", plain)
    yield from _bare(plain, sure=sure)


def _of_url(scheme: str, rest: str, *, alone: bool) -> Iterator[Address]:
    scheme = scheme.rpartition(":")[2]  # jdbc:postgresql
    if scheme in _RESOLVERS and "/" in rest:
        rest = rest.partition("/")[2]  # dns:///cart:7070, dns://9.9.9.9/cart:7070
    rest = rest.rstrip(")]},")
    authority = re.split(r"[/?#;]", rest, maxsplit=1)[0]
    after = rest[len(authority) :]
    for match in _PARAMETER.finditer(after):
        yield from _address(match["host"], match["port"], scheme, sure=alone and "@" not in after)
    user, _, hosts = authority.rpartition("@")
    # `user:p/a@ss@host`: where the host begins depends on who escaped what.
    sure = alone and "@" not in after and "@" not in user
    for endpoint in hosts.split(","):
        yield from _address_of(endpoint, scheme, sure=sure)
    if "@" in after:
        last = re.split(r"[/?#;]", after.rpartition("@")[2], maxsplit=1)[0]
        for endpoint in last.split(","):
            yield from _address_of(endpoint, scheme, sure=False)


def _of_keywords(text: str, *, sure: bool) -> Iterator[Address]:
    """`host=db port=5432`, `Server=tcp:db,1433;Database=x`."""
    found = list(_KEYWORDS.finditer(text))
    port = _PORT_KEYWORD.search(text)
    for match in found:
        number = match["port"] or (port["port"] if port else None)
        # Hosts stand before passwords, as a rule; a password of such a form would be a strange one.
        first = sure or match is found[0]
        yield from _address(match["host"], number, "connection string", sure=first)


def _bare(text: str, *, sure: bool) -> Iterator[Address]:
    whole = text.strip()
    if _ENDPOINT.fullmatch(whole):
        yield from _address_of(whole, None)
        return
    if (match := _OPTIONS.fullmatch(whole)) is not None:
        yield from _address(match["host"], match["port"], None)
        return
    if _LIST.fullmatch(whole):
        for host in whole.split(","):
            yield from _address_of(host.strip(), None)
        return
    for word in re.split(r"[\s,;\"'`()<>{}|=]+", text):
        plain = re.sub(r"^[0-9]+@", "", word)  # 1@kafka:9093, as Kafka's quorum is written
        plain, _, _ = plain.partition("/")
        match = _ENDPOINT.fullmatch(plain)
        if match and match["port"]:
            yield from _address_of(plain, None, sure=sure)


def _address_of(endpoint: str, scheme: str | None, *, sure: bool = True) -> Iterator[Address]:
    match = _ENDPOINT.fullmatch(endpoint)
    if match:
        yield from _address(match["v6"] or match["host"], match["port"], scheme, sure=sure)


def _address(host: str, port: str | None, scheme: str | None, *, sure: bool = True) -> Iterator[Address]:
    number = None if port is None else int(port)
    if len(host) <= 253 and (number is None or 0 < number < 65536):
        yield Address(host.lower(), number, scheme, sure)


def is_real(host: str) -> bool:
    """Whether somebody else's machine may have that name: a domain, or an address that is not our own."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = host.split(".")
        known = labels[-1] not in ("localhost", "localdomain", "invalid", "test", "example")
        fake = labels[-2:-1] == ["example"] and labels[-1] in ("com", "org", "net")
        docker = labels[-2:] == ["docker", "internal"]
        cluster = "svc" in labels[1:]
        return all(labels) and (
            cluster or (len(labels) > 1 and known and not fake and not docker and _is_domain(labels))
        )
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local)


def _is_domain(labels: list[str]) -> bool:
    return labels[-1].isascii() and labels[-1].isalpha() and len(labels[-1]) > 1


def is_here(host: str) -> bool:
    """Whether it is the caller's own machine or container."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
