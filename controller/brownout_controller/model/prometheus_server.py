"""The Prometheus of an environment, and how it is asked: once for all hypotheses."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from pydantic import Field, model_validator

from brownout_core.strict_model import StrictModel


class BasicAuth(StrictModel):
    """A user with its password."""

    user: str = Field(min_length=1, examples=["brownout"])
    """Its name."""
    password: str = Field(repr=False, examples=["${PROMETHEUS_PASSWORD}"])
    """Its password."""

    @property
    def header(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


class PrometheusServer(StrictModel):
    """A server with what it asks for. It is sent to this server only, and never to one that a hypothesis names."""

    url: str = Field(min_length=1, examples=["https://prometheus.example:9090"])
    """Where it is."""
    headers: Mapping[str, str] = Field(default={}, repr=False, examples=["{X-Scope-OrgID: shop}"])
    """Sent with each query; those of a hypothesis go before them."""
    basic_auth: BasicAuth | None = Field(default=None, examples=["{user: brownout, password: '${PASSWORD}'}"])
    """Who asks."""
    token: str | None = Field(default=None, repr=False, examples=["${PROMETHEUS_TOKEN}"])
    """Who asks, as a bearer token."""
    ca: str | None = Field(default=None, examples=["certs/prometheus-ca.pem"])
    """Who signs its certificate, in PEM; a path from the folder of this file."""

    @model_validator(mode="after")
    def _one_way(self) -> PrometheusServer:
        host = self.url.partition("://")[2].partition("/")[0]
        names = [name.lower() for name in self.headers]
        ways = (self.basic_auth is not None, self.token is not None, "authorization" in names, "@" in host)
        if sum(ways) > 1:
            raise ValueError(
                "has several credentials; keep one of basic_auth, token, a header Authorization and a user in url"
            )
        return self

    def all_headers(self) -> dict[str, str]:
        """With who asks."""
        if self.basic_auth is not None:
            return {**self.headers, "Authorization": self.basic_auth.header}
        if self.token is not None:
            return {**self.headers, "Authorization": f"Bearer {self.token}"}
        return dict(self.headers)

    @property
    def secrets(self) -> Sequence[str]:
        """What must not come out of us."""
        found = [*self.headers.values(), *([self.token] if self.token else [])]
        if self.basic_auth is not None:
            found += [self.basic_auth.password, self.basic_auth.header.removeprefix("Basic ")]
        return found


def server_of(written: str | PrometheusServer | None) -> PrometheusServer | None:
    """The server that a URL or a mapping declares."""
    return PrometheusServer(url=written) if isinstance(written, str) else written
