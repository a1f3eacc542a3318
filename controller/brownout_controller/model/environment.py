"""brownout.yaml: where edges are found, how faults get in, and how far they may go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator

from brownout_controller.model.experiment import edge_name
from brownout_controller.model.part import Part, SomeTime, read, written
from brownout_proxy.document import Value
from brownout_proxy.errors import InvalidSpec
from brownout_proxy.spelling import unknown

LOCAL: Final = "local"
"""The environment that needs no file: the proxies of this machine."""
CONTROL: Final = "127.0.0.1:8475"
"""Where a proxy of this machine has its gRPC API."""


class Limits(Part):
    """How far an experiment may go. Times are in seconds."""

    max_duration: SomeTime = 600.0
    max_targets: Annotated[int, Field(ge=1)] = 10
    max_percent: Annotated[float, Field(gt=0, le=100)] = 50.0
    """Of an edge's targets; a single target is always allowed."""
    max_pods: Annotated[int, Field(ge=1)] | None = None
    keep_ready: Annotated[int, Field(ge=0)] | None = None


class EdgePlace(Part):
    """Where an edge runs through."""

    proxy: str


class ServicePlace(Part):
    """Where a service is, for backends that find it by its labels."""

    labels: Mapping[str, str] = {}
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None


class Kubernetes(Part):
    """A cluster's context and namespace."""

    context: str | None = None
    namespace: str = "default"


class Tls(Part):
    """Files in PEM: who signs the proxies' certificates, and ours."""

    ca: str
    cert: str | None = None
    key: str | None = None


class Environment(Part):
    """One environment."""

    backend: Literal["proxy", "memory", "chaos-mesh"] = "proxy"
    control: Annotated[tuple[str, ...], written("string", "array", items={"type": "string"})] = (CONTROL,)
    """The gRPC addresses of its proxies."""
    token: Annotated[str | None, Field(repr=False)] = None
    tls: Tls | None = None
    edges: Mapping[str, EdgePlace] = {}
    services: Mapping[str, ServicePlace] = {}
    kubernetes: Kubernetes | None = None
    prometheus: str | None = None
    limits: Limits = Limits()
    protected: bool = False

    @field_validator("edges", mode="after")
    @classmethod
    def _named(cls, edges: Mapping[str, EdgePlace]) -> Mapping[str, EdgePlace]:
        return {edge_name(edge): place for edge, place in edges.items()}

    @field_validator("control", mode="before")
    @classmethod
    def _one_or_many(cls, control: Any) -> Any:
        return [control] if isinstance(control, str) else control


class Environments(Part):
    """The whole file."""

    environments: Mapping[str, Environment] = {}


def read_environments(root: Value | None) -> Mapping[str, Environment]:
    """All of them by name. Raises InvalidSpec with the exact place."""
    content = {} if root is None or root.is_null else root.plain()
    if root is not None and not isinstance(content, Mapping):
        root.fail("must be a mapping with environments")
    return {} if root is None or not content else read(Environments, root, content).environments


def read_environment(root: Value | None, name: str, file: str) -> Environment:
    """The environment of that name. Raises InvalidSpec with the exact place."""
    known = read_environments(root)
    if name in known:
        return known[name]
    if name == LOCAL:
        return Environment()
    raise InvalidSpec(file, unknown(f"environment {name!r}", name, known))
