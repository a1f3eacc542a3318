"""architecture.yaml: the services, who calls whom and how, and the business flows that run over them.

Small to start with: names and `calls` are enough. Each further line sharpens what is computed from it; what is not said
is None, so that the rules can tell a guess from a fact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.spelling import unknown
from brownout_core.strict_model import Percentage, SomeTime, StrictModel, read, written

Kind = Literal["gateway", "service", "worker", "database", "cache", "queue"]
"""What a component is; it decides which failures it may have."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
STORES: Final = frozenset[Kind](("database", "cache", "queue"))
"""Kinds that hold data and call nobody."""

CertaintyLevel = Literal["written", "strong", "likely", "weak"]
"""What makes us believe that there is a call: a person wrote it, or an import found evidence of some strength."""

_DATABASE: Final = (
    r"\b(?:postgres(?:ql)?|postgis|pg|pgsql|pgvector|pgbouncer|timescale(?:db)?|mysql|mariadb|percona|mongo(?:db)?"
    r"|documentdb|couchdb|couchbase|cockroach(?:db)?|cassandra|scylla(?:db)?|clickhouse|elastic(?:search)?|opensearch"
    r"|solr|meilisearch|typesense|qdrant|weaviate|milvus|neo4j|dynamo(?:db)?|mssql|sqlserver|database|influx(?:db)?|db"
    r"|sql|minio|seaweedfs|ceph|azurite|localstack|etcd)[0-9]*\b"
    r"|^oracle\b|\boracle-?(?:db|xe|free)|[a-z0-9](?:db|mongo|postgres|mysql|sql)[0-9]*\b"
)
_CACHE: Final = r"\b(?:redis|valkey|memcached?|dragonfly|keydb|hazelcast)[0-9]*\b|[a-z0-9]redis\b|cache\b|sessions?$"
_QUEUE: Final = (
    r"\b(?:rabbit|kafka|redpanda|nats|pulsar|activemq|artemis|sqs|elasticmq|mosquitto|emqx|zookeeper)[0-9]*\b"
    r"|(?:mq|queue|broker|kafka)\b"
)
_GATEWAY: Final = (
    r"gateway|ingress|traefik|envoy|nginx|haproxy|caddy|kong|frontend|edge-router|load-?balancer|\bweb\b|\bbff\b"
)
_NAMED: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("database", re.compile(_DATABASE)),
    ("cache", re.compile(_CACHE)),
    ("queue", re.compile(_QUEUE)),
    ("gateway", re.compile(_GATEWAY)),
    ("worker", re.compile(r"worker|consumer|\bjobs?\b|cron|scheduler|celery|sidekiq|processor")),
)
"""How a component is recognised by its name or its image, in the order in which they are tried: whole words for stores,
as `sqshq`, `postgrest` and `price-oracle` are none."""
_WORKS: Final = re.compile(r"-(workers?|consumers?|processors?|listeners?|subscribers?|pollers?)$|\bqueue-master$")
"""Last words of whatever works off a queue, and so is none."""
_USES: Final = re.compile(
    r"(?:^|-)(?:admin|adapter|api|app|backup|bridge|client|commander|connect|console|dashboard|exporter|gateway|init|insight"
    r"|manager|migrat(?:e|ion|ions|or)|monitor|operator|proxy|rest|seed|service|setup|svc|ui|viewer|web)$"
    r"|\b(?:backup|exporter|operator)\b"
)
"""Last words of what only uses the store before them: `redis-exporter` is no cache, `broker-service` no queue.
`redis-master` and `mysql-server` are what they say."""
TELEMETRY: Final = re.compile(
    r"otel|opentelemetry|jaeger|zipkin|tempo\b|\bloki|prometheus|grafana|alertmanager|pushgateway|statsd|datadog"
    r"|dd-agent|fluentd|fluent-bit|logstash|promtail|vector-agent|newrelic|honeycomb|sentry|kibana|pyroscope",
)
"""What only watches the others; nobody's answer waits for it."""
_OBJECTS: Final = re.compile(
    r"\bs3\b|minio|\bgcs\b|object-?(?:store|storage)|blob-?(?:store|storage)|\bbuckets?\b|seaweedfs|\bceph\b|azurite"
)
"""Stores of whole files."""
_COMPOSE: Final = frozenset((
    "image", "build", "ports", "expose", "volumes", "environment", "env_file", "command", "entrypoint", "depends_on",
    "container_name", "networks", "healthcheck", "deploy", "restart",
))  # fmt: skip
"""Keys of a service in a compose file; none of them is one of ours."""


@cache
def kind_of(*names: str) -> Kind:
    """What the first telling one of these names (a service's own, its image's) stands for; `service` if none does."""
    for name in names:
        # Of an image only the last part: the organisation before it is somebody's name.
        last = re.split(r"[:@]", name.lower().rpartition("/")[2])[0]
        words = re.sub(r"[_.]", "-", last)
        if _WORKS.search(words):
            return "worker"
        uses = _USES.search(words) is not None
        for kind, pattern in _NAMED:
            if not (uses and kind in STORES) and pattern.search(words):
                return kind
    return "service"


def certainty_of(guess: str | None) -> CertaintyLevel:
    """By the first word of a guess, as importers write it; one in other words is weak."""
    if guess is None:
        return "written"
    word = guess.partition(":")[0].strip()
    return "strong" if word == "strong" else "likely" if word == "likely" else "weak"


class Call(StrictModel):
    """How one service calls another. Times are in seconds; None is what nobody has said."""

    timeout: SomeTime | None = None
    """How long the caller waits for one attempt."""
    retries: Annotated[int, Field(ge=0)] | None = None
    """Attempts after the first."""
    retry_budget: Percentage | None = None
    """The largest share of extra requests that retries may make."""
    pool: Annotated[int, Field(ge=1)] | None = None
    """Connections that one replica has at most."""
    rate: Annotated[float, Field(gt=0), written("number", "string")] | None = None
    """Calls a second, over all replicas, on a busy day; also written `50/s`."""
    breaker: bool | None = None
    """Whether a circuit breaker stops calling it when it fails."""
    fallback: str | bool | None = None
    """What is done without it (`cached for 60s`, `queued`), or false."""
    required: bool | None = None
    """False if the caller's answer is good without it."""
    idempotent: bool | None = None
    """Whether it does no harm when the same call is made twice, as with one that only reads."""
    mtls: bool | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    guess: str | None = None
    """Why an importer believes that there is such a call; without it a person has written it."""

    @field_validator("rate", mode="before")
    @classmethod
    def _per_second(cls, rate: Any) -> Any:
        return rate.strip().removesuffix("/s") if isinstance(rate, str) else rate

    @property
    def attempts(self) -> int:
        return 1 + (self.retries or 0)

    @property
    def has_fallback(self) -> bool:
        return bool(self.fallback) or self.required is False


class Certificate(StrictModel):
    """A service's certificate for mutual TLS."""

    rotation: Literal["automatic", "manual"] | None = None
    expires: str | None = None
    """The day (2026-12-31), where it is known."""


class Where(StrictModel):
    """Where a service runs, as far as it is known: what rendering for a cluster needs."""

    namespace: str | None = None
    workload: str | None = None
    """Like `deployment/payment-service`."""
    labels: Mapping[str, str] = {}
    image: str | None = None
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    proxy: str | None = None
    """The proxy that carries the calls to it on a laptop; its own name if nothing is said."""


class _ByName:
    """What the schema says of parts by name: nothing may stand after a name, and a list of names is enough."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        full = {**schema, "additionalProperties": {"anyOf": [schema["additionalProperties"], {"type": "null"}]}}
        return {"anyOf": [full, {"type": "array", "items": {"type": "string"}}]}


def _parts_by_name(content: Any) -> Any:
    """A list of names is as good as a mapping, and nothing after a name is an empty part."""
    if isinstance(content, (list, tuple)):
        names = [name for name in content if isinstance(name, str)]
        if len(names) != len(content):
            raise ValueError("must be names, or a mapping of names to what is known of each")
        return {name: {} for name in names}
    if isinstance(content, Mapping):
        return {name: {} if part is None else part for name, part in content.items()}
    raise ValueError(f"must be names, or a mapping of names to what is known of each; not {content!r}")


Calls = Annotated[Mapping[str, Call], BeforeValidator(_parts_by_name), _ByName()]


class Service(StrictModel):
    """A component: a service of our own, or what it depends on."""

    kind: Kind | None = None
    """Guessed from its name if nothing is said."""
    because: str = ""
    replicas: Annotated[int, Field(ge=0)] | None = None
    stateful: bool | None = None
    calls: Calls = Field({})
    answers_in: SomeTime | None = None
    """Its p99 on a good day."""
    timeout: SomeTime | None = None
    """How long it works on a request at most, whoever waits for it."""
    memory: str | None = None
    """Its memory limit, as Kubernetes writes it."""
    probes: tuple[Literal["liveness", "readiness", "startup"], ...] = ()
    """The health probes that it has in its cluster."""
    storage: Literal["lasting", "lost"] | None = None
    """What becomes of its data when an instance is replaced: `lost` where they are in the container or an emptyDir."""
    replication: Annotated[int, Field(ge=1)] | None = None
    """How many copies of its data there are, where it makes them itself (a replication factor)."""
    certificate: Certificate | None = None
    where: Where = Where()
    guess: str | None = None
    """Why an importer believes that there is such a component."""


Services = Annotated[Mapping[str, Service], BeforeValidator(_parts_by_name), _ByName()]


class Flow(StrictModel):
    """What the business lives on: a way of requests through the services."""

    path: Annotated[tuple[str, ...], Field(min_length=1)]
    """From the first service on; each must call the next one."""
    revenue: Percentage | None = None
    """The share of the revenue that needs it."""
    users: Percentage | None = None
    """The share of the users who need it on a day."""
    tolerance: SomeTime | None = None
    """How long an answer may take before people leave."""
    because: str = ""
    guess: str | None = None
    """Why an importer believes that there is such a flow; without it a person has written it."""

    @field_validator("revenue", "users", mode="before")
    @classmethod
    def _of_all(cls, share: Any) -> Any:
        if isinstance(share, (int, float)) and not isinstance(share, bool) and 1 < share <= 100:
            raise ValueError(f"{share:g} is more than all of it; write it like {share:g}%")
        return share


class Edge(NamedTuple):
    """A call, with both ends."""

    source: str
    sink: str
    call: Call

    @property
    def name(self) -> str:
        """As experiments write it."""
        return f"{self.source} -> {self.sink}"


class Outline(StrictModel):
    """What the file may say, part by part."""

    name: str = "system"
    services: Services
    external: Services = Field({})
    """What others run and we depend on."""
    flows: Mapping[str, Flow] = {}
    ignore: tuple[str, ...] = ()
    """Components (`grafana`) and calls (`cart -> jaeger`) that an import does not add again."""


class Mistake(NamedTuple):
    """Something that no part alone can tell, with the way to it in the file."""

    path: tuple[str | int, ...]
    reason: str


class Architecture(Outline):
    """The whole file."""

    @model_validator(mode="after")
    def _coherent(self) -> Architecture:
        for mistake in mistakes(self):
            raise ValueError(mistake.reason)
        return self

    @cached_property
    def components(self) -> Mapping[str, Service]:
        """Services and external ones by name."""
        return {**self.services, **self.external}

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """All calls, in the order of the file."""
        return tuple(
            Edge(source, sink, call)
            for source, service in self.components.items()
            for sink, call in service.calls.items()
        )

    def edge(self, source: str, sink: str) -> Edge:
        """The call of that name. Raises KeyError."""
        return Edge(source, sink, self.components[source].calls[sink])

    def kind(self, name: str) -> Kind:
        """What it is, or is guessed to be."""
        return self._kinds[name]

    @cached_property
    def _kinds(self) -> Mapping[str, Kind]:
        return {
            name: service.kind or kind_of(name, service.where.image or "") for name, service in self.components.items()
        }

    @cached_property
    def has_written_flows(self) -> bool:
        """Whether a person has written a flow. Of a guessed one only the beginning is known."""
        return any(flow.guess is None for flow in self.flows.values())

    def is_telemetry(self, name: str) -> bool:
        """Whether it only watches the others, by its name or its image."""
        return any(TELEMETRY.search(text) for text in (name, self.components[name].where.image or ""))

    def is_object_store(self, name: str) -> bool:
        """Whether it keeps files and no rows, by its name or its image."""
        words = re.sub(r"[_/.:@]", "-", f"{name} {self.components[name].where.image or ''}".lower())
        return _OBJECTS.search(words) is not None

    def is_stateful(self, name: str) -> bool:
        service = self.components[name]
        return self.kind(name) in ("database", "queue") if service.stateful is None else service.stateful

    def writes(self, name: str) -> tuple[Edge, ...]:
        """The calls by which it changes something that lasts; one that may be made twice does not count."""
        return tuple(
            edge
            for edge in self.callees(name)
            if self.kind(edge.sink) in ("database", "queue") and not edge.call.idempotent
        )

    def callers(self, name: str) -> tuple[Edge, ...]:
        return self._by_sink.get(name, ())

    def callees(self, name: str) -> tuple[Edge, ...]:
        return self._by_source.get(name, ())

    @cached_property
    def _by_sink(self) -> Mapping[str, tuple[Edge, ...]]:
        return _grouped(self.edges, lambda edge: edge.sink)

    @cached_property
    def _by_source(self) -> Mapping[str, tuple[Edge, ...]]:
        return _grouped(self.edges, lambda edge: edge.source)

    def reaches(self, name: str) -> frozenset[str]:
        """Everything that depends on it, over any number of calls, itself included."""
        found, waiting = {name}, [name]
        while waiting:
            for edge in self.callers(waiting.pop()):
                if edge.source not in found:
                    found.add(edge.source)
                    waiting.append(edge.source)
        return frozenset(found)

    def paths_down(self, name: str, most: int = 12) -> Iterator[tuple[Edge, ...]]:
        """Every way of calls from a service on, each at most `most` calls long and without a circle."""
        yield from self._paths_down((), name, frozenset((name,)), most)

    def _paths_down(
        self, before: tuple[Edge, ...], name: str, seen: frozenset[str], most: int
    ) -> Iterator[tuple[Edge, ...]]:
        further = [edge for edge in self.callees(name) if edge.sink not in seen] if len(before) < most else []
        if before and not further:
            yield before
        for edge in further:
            yield from self._paths_down((*before, edge), edge.sink, seen | {edge.sink}, most)


def _grouped(edges: Iterable[Edge], key: Callable[[Edge], str]) -> Mapping[str, tuple[Edge, ...]]:
    found: dict[str, tuple[Edge, ...]] = {}
    for edge in edges:
        found[key(edge)] = (*found.get(key(edge), ()), edge)
    return found


def dotted(path: Sequence[str | int]) -> str:
    """The way to a line, as errors write it: `services.api-gateway.calls.redis.timeout`, `flows.buy.path[1]`.

    A name that would read as several steps is quoted: `services."shop.example".replicas`.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += "." + (json.dumps(step, ensure_ascii=False) if re.search(r"""[.\[\]"]""", step) else step)
    return text.removeprefix(".")


def mistakes(outline: Outline) -> Iterator[Mistake]:
    """What does not fit together."""
    known = {**outline.services, **outline.external}
    if not outline.services:
        yield Mistake(("services",), "names no service; an architecture has at least one")
    for name in outline.services.keys() & outline.external.keys():
        yield Mistake(("external", name), f"{name!r} is a service and external; remove one")
    for section, services in (("services", outline.services), ("external", outline.external)):
        for source, service in services.items():
            if "->" in source or not source.strip():
                yield Mistake((section, source), f"{source!r}: a name may not be empty or have -> in it")
            for sink in service.calls:
                here = (section, source, "calls", sink)
                if sink == source:
                    yield Mistake(here, f"{source!r} calls itself; remove that call")
                elif sink not in known:
                    reason = unknown(f"service {sink!r}", sink, known)
                    yield Mistake(here, f"{source!r} calls {reason}; name it under services or external")
    for name, flow in outline.flows.items():
        for place, step in enumerate(flow.path):
            before = flow.path[place - 1] if place else None
            if step not in known:
                yield Mistake(("flows", name, "path", place), unknown(f"service {step!r}", step, known))
            elif before in known and step not in known[before].calls:
                reason = f"{before!r} does not call {step!r}; add it to its calls"
                yield Mistake(("flows", name, "path", place), reason)


def is_compose(root: Value) -> bool:
    """Whether it describes containers: a service has one of their keys, and none says whom it calls."""
    services = _entries(root).get("services")
    keys = {key for service in _entries(services).values() for key in _entries(service)}
    return bool(keys & _COMPOSE) and "calls" not in keys


def _entries(value: Value | None) -> Mapping[str, Value]:
    """Nothing for what is no mapping, or one that merges another as compose files do."""
    try:
        return value.entries("") if value is not None and value.is_mapping else {}
    except InvalidSpec:
        return {}


def read_architecture(root: Value | None, file: str) -> Architecture:
    """Raises InvalidSpec with the exact place."""
    if root is None or root.is_null:
        raise InvalidSpec(file, "is empty; an architecture has services, each with its calls")
    if is_compose(root):
        raise InvalidSpec(
            root.place, f"is a compose file and no architecture; make one of it with: brownout import compose {file}"
        )
    root.known("an architecture with services", tuple(Outline.model_fields))
    outline = read(Outline, root, root.plain())
    for mistake in mistakes(outline):
        raise InvalidSpec(root.at(mistake.path).exact_place, mistake.reason)
    return Architecture.model_validate(dict(outline))
