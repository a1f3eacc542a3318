"""What an import has found: components, calls with their evidence, and what could not be understood.

Every call is a guess with its evidence, until a person takes the guess away from it:

- strong: an address, which somebody has written so that the caller finds the callee
- likely: a name without an address, or an address that might be for something else
- weak: an order of starting, a network policy, a likeness of names
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, Literal, NamedTuple

from brownout_catalogue.architecture import STORES, TELEMETRY, Kind, kind_of
from brownout_catalogue.importers.source import Place
from brownout_core.safe_text import printable

_REGISTRY: Final = re.compile(
    r"eureka|consul\b|discovery|nacos|registry-server|service-registry|(?:^|/)registry(?::|$)"
)
"""Where services find each other without an address in their settings."""
_LOAD: Final = re.compile(r"load-?(?:gen|test)|locust|\bk6\b|user-?sim|traffic-?gen|jmeter|gatling|artillery|vegeta")
"""What only makes traffic, so that tests have some."""
_STORE_OF: Final = re.compile(
    r"(.+?)[-_]?(?:db|database|postgres(?:ql)?|mysql|mariadb|mongo(?:db)?|redis|valkey|cache|memcached|queue)"
)
_OWNERS: Final = ("", "-service", "-svc", "_service", "service", "-api", ".api", "_api", "-server", "-app")
"""What stands after the name that a component shares with its store: `carts` or `carts-service` beside `carts-db`."""
_PUBLIC_IMAGE: Final = re.compile(
    r"(?:.*/)?(?:postgres|postgresql|postgis|timescaledb|mysql|mysql-server|mariadb|mongo|mongodb|redis|valkey|memcached"
    r"|rabbitmq|kafka|cp-kafka|zookeeper|nats|cassandra|elasticsearch|opensearch|clickhouse(?:-server)?|cockroach"
    r"|nginx|traefik|haproxy|envoy|kong|caddy)(?:[:@].*)?"
)


class Strength(IntEnum):
    WEAK = 1
    LIKELY = 2
    STRONG = 3

    @property
    def word(self) -> str:
        return self.name.lower()


Basis = Literal["address", "link", "order"]


class Evidence(NamedTuple):
    strength: Strength
    what: str
    """Like `DATABASE_URL has db:5432`; never a value beyond host and port."""
    place: Place | None = None
    port: int | None = None
    key: str = ""
    """The setting that holds the address, such as `DATABASE_URL`; empty for other evidence."""
    host: str = ""
    """The host in that setting."""
    scheme: str | None = None
    """The scheme of that address."""
    basis: Basis = "address"
    """What it is; the order of starting counts the less, the more is known otherwise."""

    def __str__(self) -> str:
        return self.what if self.place is None else f"{self.what} ({self.place})"


class Edge(NamedTuple):
    """A call that was found."""

    source: str
    sink: str
    evidence: tuple[Evidence, ...]
    """The strongest first."""
    telemetry: bool
    mtls: bool

    @property
    def strength(self) -> Strength:
        return self.evidence[0].strength

    @property
    def guess(self) -> str:
        """As the file has it: how sure it is, and why."""
        first = "; ".join(str(one) for one in self.evidence[:2])
        more = len(self.evidence) - 2
        more_of_it = f"; and {more} more" if more > 0 else ""
        return f"{self.strength.word}: {first}{more_of_it}"

    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        port = next((one.port for one in self.evidence if one.port is not None), None)
        if port is not None:
            found["port"] = port
        if self.mtls:
            found["mtls"] = True
        if self.telemetry:
            found["required"] = False  # nobody's answer waits for telemetry
        return {**found, "guess": self.guess}


@dataclass
class Component:
    """What is known of one of them; None is what is unknown."""

    name: str
    image: str | None = None
    kind: Kind | None = None
    """Only where it is known better than from names."""
    replicas: int | None = None
    stateful: bool | None = None
    memory: str | None = None
    probes: tuple[str, ...] = ()
    rotation: str | None = None
    where: dict[str, Any] = field(default_factory=dict)
    guess: str | None = None

    @property
    def seen_as(self) -> Kind:
        """A well-known image knows better than a name: a session-db may be a Redis."""
        if self.kind is not None:
            return self.kind
        if self.image is not None and _PUBLIC_IMAGE.fullmatch(self.image):
            return kind_of(self.image)
        return kind_of(self.name, self.image or "")

    @property
    def is_registry(self) -> bool:
        return bool(_REGISTRY.search(self.name) or _REGISTRY.search(self.image or ""))

    @property
    def is_telemetry(self) -> bool:
        return bool(TELEMETRY.search(self.name) or TELEMETRY.search(self.image or ""))

    def content(self) -> dict[str, Any]:
        where = {key: value for key, value in self.where.items() if value not in (None, {}, "")}
        found = {
            "kind": None if self.seen_as == kind_of(self.name, str(where.get("image", ""))) else self.seen_as,
            "replicas": self.replicas,
            "stateful": self.stateful,
            "memory": self.memory,
            "probes": list(self.probes) or None,
            "certificate": None if self.rotation is None else {"rotation": self.rotation},
            "where": where or None,
            "guess": self.guess,
        }
        return {key: value for key, value in found.items() if value is not None}


class Imported:
    """Filled by an importer."""

    def __init__(self, source: str) -> None:
        self.source = source
        """What was read, for a sentence."""
        self.services: dict[str, Component] = {}
        self.external: dict[str, Component] = {}
        self.notes: list[str] = []
        """What could not be understood, or has to be known to judge the rest."""
        self._calls: dict[tuple[str, str], list[Evidence]] = {}
        self.hands_over: set[str] = set()
        """Components that a setting for jobs names: a Redis that is a queue."""
        self.entries: dict[str, Evidence] = {}
        """Services by which requests of users seem to come in."""
        self.meshed: set[str] = set()
        """Components between which a mesh does mutual TLS."""

    def note(self, what: str) -> None:
        line = printable(what)
        if line not in self.notes:
            self.notes.append(line)

    def call(self, source: str, sink: str, evidence: Evidence) -> None:
        if source != sink:
            known = self._calls.setdefault((source, sink), [])
            if all(one.what != evidence.what for one in known):
                known.append(evidence)

    def outside(self, host: str, scheme: str | None, evidence: Evidence) -> str:
        """The external component for a host."""
        if host not in self.external:
            speaks = None if scheme is None or scheme.startswith("http") else kind_of(scheme)
            self.external[host] = Component(
                host,
                kind=speaks if speaks in STORES else None,
                where={"host": host, "port": evidence.port},
                guess=f"{evidence.strength.word}: {evidence}",
            )
        return host

    def called(self) -> frozenset[str]:
        return frozenset(sink for _, sink in self._calls)

    def _leave_out_load(self) -> None:
        """What plays the users is no part of the system: nobody loses anything with it."""
        load = [name for name, one in self.services.items() if _LOAD.search(name) or _LOAD.search(one.image or "")]
        if not load or len(load) == len(self.services):
            return
        self.note(f"left out, as {'it plays' if len(load) == 1 else 'they play'} the users: {', '.join(load)}")
        for name in load:
            del self.services[name]
        self._calls = {ends: evidence for ends, evidence in self._calls.items() if not set(load) & set(ends)}
        reached = self.called()
        self.external = {name: one for name, one in self.external.items() if name in reached}

    def _pair_stores(self) -> None:
        """`carts-db` beside `carts-service`, where nobody else is known to call it."""
        called = self.called()
        for name, component in self.services.items():
            match = _STORE_OF.fullmatch(name)
            if name in called or match is None or component.seen_as not in STORES:
                continue
            owners = [
                owner
                for owner in (match[1] + end for end in _OWNERS)
                if owner in self.services and self.services[owner].seen_as not in STORES
            ]
            if len(owners) == 1:
                self.call(owners[0], name, Evidence(Strength.WEAK, f"its name, {name} for {owners[0]}"))

    def _drop_orders(self) -> None:
        """Who has addresses of others in its settings would have this one's too; stores are often in the code."""
        configured = {
            source
            for (source, sink), evidence in self._calls.items()
            if sink in self.services
            and any(one.basis == "address" and one.strength > Strength.WEAK for one in evidence)
        }
        for source, sink in list(self._calls):
            only_order = all(one.basis == "order" for one in self._calls[source, sink])
            if only_order and source in configured and self.services[sink].seen_as not in STORES:
                del self._calls[source, sink]

    def _find_queues(self) -> None:
        """A Redis through which jobs are handed over: by the setting's name, or as a worker and another use it."""
        for name, component in self.services.items():
            if component.seen_as != "cache":
                continue
            callers = {self.services[source].seen_as for source, sink in self._calls if sink == name}
            if name in self.hands_over or ("worker" in callers and len(callers) > 1):
                component.kind = "queue"

    def finish(self) -> None:
        """Guesses that need to see everything else first."""
        self._leave_out_load()
        self._pair_stores()
        self._drop_orders()
        self._find_queues()
        called, callers = self.called(), {source for source, _ in self._calls}
        registries = [name for name, one in self.services.items() if one.is_registry]
        if registries:
            self.note(f"calls that are found through {', '.join(registries)} are written nowhere here; add them")
        alone = [
            name
            for name, one in self.services.items()
            if one.seen_as not in STORES and not one.is_telemetry and name not in called | callers
        ]
        if alone:
            self.note(f"no file names whom {', '.join(alone)} call{'s' if len(alone) == 1 else ''}, or who calls them")
        lonely = [name for name, one in self.services.items() if one.seen_as in STORES and name not in called]
        if lonely:
            self.note(f"no file names who calls {', '.join(lonely)}; write it under `calls` of whoever does")

    def edges(self) -> Iterator[Edge]:
        known = {**self.services, **self.external}
        for (source, sink), evidence in self._calls.items():
            ordered = tuple(sorted(evidence, key=lambda one: -one.strength))
            meshed = source in self.meshed and sink in self.meshed
            yield Edge(source, sink, ordered, known[sink].is_telemetry and not known[source].is_telemetry, meshed)

    def content(self) -> dict[str, Any]:
        """As architecture.yaml has it."""
        services = {name: component.content() for name, component in self.services.items()}
        external = {name: component.content() for name, component in self.external.items()}
        for edge in self.edges():
            owner = services if edge.source in services else external
            owner[edge.source].setdefault("calls", {})[edge.sink] = edge.content()
        found: dict[str, Any] = {"services": services}
        if external:
            found["external"] = external
        if self.entries:
            found["flows"] = {
                name: {"path": [name], "guess": f"{name} {evidence}"} for name, evidence in self.entries.items()
            }
        return found


def by_strength(edges: Iterable[Edge]) -> Mapping[str, int]:
    """How many calls there are of each strength, the strongest first."""
    counted = {strength.word: 0 for strength in sorted(Strength, reverse=True)}
    for edge in edges:
        counted[edge.strength.word] += 1
    return counted
