"""brownout.yaml: where edges are found, how faults get in, and how far they may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from brownout_controller.model.endpoint import endpoint_of
from brownout_controller.model.experiment import edge_name
from brownout_controller.model.prometheus_server import PrometheusServer, server_of
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.spelling import unknown
from brownout_core.strict_model import SomeTime, StrictModel, read, written

LOCAL: Final = "local"
"""The environment that needs no file: the proxies of this machine."""
_PROXY_S: Final = ("proxies", "seed")
"""What `brownout proxy` reads from the same file."""
CONTROL: Final = "127.0.0.1:8473"
"""Where a proxy of this machine has its gRPC API."""


class Limits(StrictModel):
    """How far an experiment may go. Times are in seconds."""

    max_duration: SomeTime = Field(default=600.0, examples=["5m"])
    """The longest duration of a fault. No net: nothing switches it off."""
    max_targets: Annotated[int, Field(ge=1)] = Field(default=10, examples=["3"])
    """The most targets that are hit at once."""
    max_percent: Annotated[float, Field(gt=0, le=100)] = Field(default=50.0, examples=["34"])
    """Of an edge's targets; a single target is always allowed."""
    max_pods: Annotated[int, Field(ge=1)] | None = Field(default=None, examples=["1"])
    """The most pods that are hit at once; for backends that know pods."""
    keep_ready: Annotated[int, Field(ge=0)] | None = Field(default=None, examples=["1"])
    """So many pods of a service must stay ready; for backends that know pods."""


class EdgePlace(StrictModel):
    """Where an edge runs through."""

    proxy: str = Field(examples=["postgres"])
    """The name of the proxy."""


class ServicePlace(StrictModel):
    """Where a service is, for backends that find it by its labels."""

    labels: Mapping[str, str] = Field(default={}, examples=["{app: payment-service}"])
    """Of its pods."""
    host: str | None = Field(default=None, examples=["postgresql.shop.svc.cluster.local"])
    """Where its clients find it."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(default=None, examples=["5432"])
    """On which port."""


class Kubernetes(StrictModel):
    """A cluster's context and namespace."""

    context: str | None = Field(default=None, examples=["staging"])
    """Of the kubeconfig; the current one by default."""
    namespace: str = "default"
    """Where the services are."""


class Tls(StrictModel):
    """Files in PEM: who signs the proxies' certificates, and ours."""

    ca: str = Field(examples=["certs/ca.pem"])
    """Who signs the proxies' certificates."""
    cert: str | None = Field(default=None, examples=["certs/controller.pem"])
    """Our own certificate."""
    key: str | None = Field(default=None, examples=["certs/controller.key"])
    """Our own key."""


class Environment(StrictModel):
    """One environment."""

    backend: Literal["proxy", "memory", "chaos-mesh"] = "proxy"
    """What injects: fault proxies, or memory, which only pretends (for trying an experiment file)."""
    control: Annotated[tuple[str, ...], written("string", "array", items={"type": "string"})] = (CONTROL,)
    """The gRPC addresses of its proxies."""
    token: str | None = Field(default=None, repr=False, examples=["${PROXY_TOKEN}"])
    """What the proxies' API asks for."""
    tls: Tls | None = Field(default=None, examples=["{ca: certs/ca.pem}"])
    """Encrypts the calls to the proxies."""
    edges: Mapping[str, EdgePlace] = Field(default={}, examples=["{payment-service -> postgresql: {proxy: postgres}}"])
    """Which proxy carries an edge; without an entry it is the proxy that is named like the edge's end."""
    services: Mapping[str, ServicePlace] = {}
    """Where services are, for backends that find them by their labels."""
    kubernetes: Kubernetes | None = Field(default=None, examples=["{context: staging, namespace: shop}"])
    """The cluster."""
    prometheus: str | PrometheusServer | None = Field(default=None, examples=["http://prometheus.monitoring:9090"])
    """The server that hypotheses ask: its URL, or a mapping with what it asks for."""
    limits: Limits = Limits()
    """How far an experiment may go here."""
    protected: bool = False
    """Nothing is injected here."""

    @property
    def secrets(self) -> Sequence[str]:
        """What must not come out of us, whatever variables it came from."""
        server = server_of(self.prometheus)
        return [*([self.token] if self.token else []), *(server.secrets if server is not None else ())]

    def for_journal(self) -> dict[str, Any]:
        """Without what is secret."""
        content = self.model_dump(mode="json", exclude={"token"})
        if isinstance(content["prometheus"], dict):
            content["prometheus"] = {key: content["prometheus"][key] for key in ("url", "ca")}
        return content

    def within(self, folder: Path) -> Environment:
        """With the paths of Prometheus from that folder."""
        server = self.prometheus
        if not isinstance(server, PrometheusServer) or server.ca is None:
            return self
        return self.model_copy(update={"prometheus": server.model_copy(update={"ca": str(folder / server.ca)})})

    @field_validator("edges", mode="after")
    @classmethod
    def _named(cls, edges: Mapping[str, EdgePlace]) -> Mapping[str, EdgePlace]:
        return {edge_name(edge): place for edge, place in edges.items()}

    @field_validator("control", mode="before")
    @classmethod
    def _one_or_many(cls, control: Any) -> Any:
        return [control] if isinstance(control, str) else control

    @field_validator("control")
    @classmethod
    def _addresses(cls, control: tuple[str, ...]) -> tuple[str, ...]:
        for address in control:
            if "://" in address or (endpoint_of(address) is None and not address.startswith("unix:")):
                raise ValueError(f"{address!r} is no address; write it like {CONTROL}, without http://")
        return control

    @model_validator(mode="after")
    def _limits_what_it_knows(self) -> Environment:
        counted = [name for name in ("max_pods", "keep_ready") if getattr(self.limits, name) is not None]
        if counted and self.backend != "chaos-mesh":
            raise ValueError(f"limits.{counted[0]} is about pods, of which backend {self.backend} knows nothing; "
                             "leave it out, and use max_targets")  # fmt: skip
        return self


class Environments(StrictModel):
    """The whole file."""

    environments: Mapping[str, Environment] = {}
    """By the name that `--env` gives."""


def read_environments(root: Value | None) -> Mapping[str, Environment]:
    """All of them by name. Raises InvalidSpec with the exact place."""
    if root is None or root.is_null:
        return {}
    entries = root.entries("a mapping with environments")
    content = {key: value.plain() for key, value in entries.items() if key not in _PROXY_S}
    folder = Path(root.file).parent
    return {name: one.within(folder) for name, one in read(Environments, root, content).environments.items()}


def read_environment(root: Value | None, name: str, file: str) -> Environment:
    """The environment of that name. Raises InvalidSpec with the exact place."""
    known = read_environments(root)
    if name in known:
        return known[name]
    if name == LOCAL:
        return Environment()
    if root is None:
        raise InvalidSpec(file, f"is not there, or empty; environment {name!r} has to be in it, or leave out --env")
    raise InvalidSpec(file, unknown(f"environment {name!r}", name, known))
