"""Ports: the usual one of each server, and those that are for operators alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from brownout_catalogue.architecture import STORES, Architecture, Kind

_SERVERS: Final = (
    (r"mssql|sqlserver|sql-server|azure-sql", 1433), (r"postgres|postgis|\bpg\b|pgsql|pgbouncer|timescale", 5432),
    (r"mysql|mariadb", 3306), (r"mongo", 27017), (r"redis|valkey|dragonfly|keydb", 6379), (r"memcache", 11211),
    (r"rabbit|amqp", 5672), (r"kafka|redpanda", 9092), (r"nats", 4222), (r"elastic|opensearch", 9200),
    (r"cassandra|scylla", 9042), (r"clickhouse", 8123), (r"cockroach", 26257), (r"oracle", 1521), (r"minio", 9000),
    (r"zookeeper", 2181), (r"etcd", 2379), (r"neo4j", 7687), (r"influx", 8086), (r"couchdb", 5984), (r"pulsar", 6650),
    (r"activemq|artemis", 61616), (r"mosquitto|mqtt", 1883), (r"consul", 8500), (r"vault", 8200),
)  # fmt: skip
"""By what a component or its image is called, in the order in which they are tried."""
_FOR_OPERATORS: Final = frozenset((4369, 5671, 6222, 7474, 8161, 8222, 9001, 9300, 15671, 15672, 15692, 25672))
"""Consoles, metrics and cluster ports of the servers above: callers never use them."""
_NO_HTTP: Final = frozenset((
    22, 25, 53, 465, 587, 1433, 1521, 1883, 3306, 4222, 5432, 5671, 5672, 6379, 8883, 9042, 9092, 11211, 27017, 50051,
))  # fmt: skip
"""Ports that answer no HTTP request; 50051 is what gRPC's examples use, and most services after them."""
_BY_KIND: Final[Mapping[Kind, int]] = {
    "gateway": 8080, "service": 8080, "worker": 8080, "database": 5432, "cache": 6379, "queue": 5672,
}  # fmt: skip


def port_of_call(architecture: Architecture, source: str, sink: str) -> tuple[int, str]:
    """The port that `source` dials, and where it is from: the call, another call, the component, or the usual one."""
    component = architecture.components[sink]
    calls = {edge.source: edge.call.port for edge in architecture.callers(sink) if edge.call.port is not None}
    if source in calls:
        return calls[source], f"the port of {source}'s call"
    if calls:
        caller = next(iter(calls))
        return calls[caller], f"the port of {caller}'s call"
    usual = _of_server(f"{sink} {component.where.image or ''}")
    port = component.where.port
    if port is not None and not (usual is not None and port in _FOR_OPERATORS):
        return port, f"where.port of {sink}"
    if sink in architecture.external:
        return 443, "assumed: the port of HTTPS"
    return usual or _BY_KIND[architecture.kind(sink)], "assumed: the usual port"


def answers_http(architecture: Architecture, name: str) -> bool:
    """Whether a component answers a GET, judged by its kind, names, port and the calls to it."""
    component = architecture.components[name]
    if architecture.kind(name) in ("worker", *STORES) or component.where.port in _NO_HTTP:
        return False
    calls = [edge.call for edge in architecture.callers(name)]
    words = [name, component.where.image or "", *(call.guess or "" for call in calls)]
    return not any(re.search(r"grpc", text, re.IGNORECASE) for text in words)


def _of_server(names: str) -> int | None:
    known = names.lower().replace("_", "-")
    return next((port for name, port in _SERVERS if re.search(name, known)), None)
