"""tcp: how long a connection takes, or how long its certificate is still good."""

from __future__ import annotations

import asyncio
import math
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from brownout_controller import clock
from brownout_controller.model.endpoint import Endpoint, endpoint_of
from brownout_controller.model.probe import (
    TIME,
    NoAnswerError,
    Probe,
    ProbeContext,
    ProbeError,
    ProbeSpec,
    Reading,
    Scale,
    Waits,
)
from brownout_controller.probes.failure_reason import late, unmeasured
from brownout_core.connection_failure import sentence
from brownout_core.units import COUNT

_EXPIRED: Final = 10
"""X509_V_ERR_CERT_HAS_EXPIRED (openssl/x509_vfy.h)."""
_DAY: Final = 86_400.0


class TcpProbe(ProbeSpec):
    """The seconds until a connection is there, with `tls` until it is encrypted.

    `measure: certificate_days` gives the days until the server's certificate expires; 0 from when it has. Certificates
    are always verified, against `ca` or the system's authorities. Each measurement is a new connection.
    """

    kind: ClassVar[str] = "tcp"
    scalar: ClassVar[str] = "address"
    at_once: ClassVar[int] = 8
    example: ClassVar[str] = '{name: the database takes connections, tcp: "127.0.0.1:5432", expect: < 100ms}'

    address: str = Field(examples=["db:5432"])
    """Where to: `host:port`, `[::1]:5432`."""
    tls: bool = False
    """Encrypts, and verifies the certificate."""
    server_name: str | None = Field(default=None, examples=["shop.example"])
    """The name in the certificate; the address's host by default."""
    ca: Path | None = Field(default=None, examples=["certs/ca.pem"])
    """A file with the authorities' certificates, in PEM."""
    measure: Literal["connect", "certificate_days"] = "connect"
    """The seconds that it takes, or the days until the certificate expires."""

    @field_validator("address")
    @classmethod
    def _has_host_and_port(cls, address: str) -> str:
        host_and_port(address)
        return address

    @model_validator(mode="after")
    def _certificates_need_tls(self) -> TcpProbe:
        settings = {"server_name", "ca"} & self.model_fields_set
        if (self.measure == "certificate_days" or settings) and not self.tls:
            raise ValueError(f"{min(settings, default='certificate_days')} needs `tls: true`")
        return self

    @property
    def asks_service(self) -> bool:
        return True

    @property
    def waits(self) -> Waits:
        return "value" if self.measure == "connect" else ""

    def scale(self) -> Scale:
        return TIME if self.measure == "connect" else Scale(COUNT, 0.0)

    def local_powers(self) -> str:
        return "" if self.ca is None else f"reads the file {self.ca}"

    def endpoint(self) -> Endpoint | None:
        return endpoint_of(self.address)

    def open(self, context: ProbeContext) -> Probe:
        return _OpenTcp(self)


class _OpenTcp:
    def __init__(self, spec: TcpProbe) -> None:
        self._spec = spec
        self._context: ssl.SSLContext | None = None
        if spec.tls:
            try:
                self._context = ssl.create_default_context(cafile=spec.ca)
            except OSError:
                raise ProbeError(f"{spec.ca} has no certificates that can be read") from None

    async def measure(self, window: float) -> Reading:
        spec, (host, port) = self._spec, host_and_port(self._spec.address)
        name = (spec.server_name or host) if self._context else None
        began = clock.now()
        patience = spec.patience if spec.measure == "connect" and math.isfinite(spec.patience) else None
        try:
            async with asyncio.timeout(patience):
                transport, _ = await asyncio.get_running_loop().create_connection(
                    asyncio.Protocol, host, port, ssl=self._context, server_hostname=name
                )
        except ssl.SSLCertVerificationError as error:
            if spec.measure == "certificate_days" and error.verify_code == _EXPIRED:
                return Reading(0.0)
            raise ProbeError(f"{spec.address} is not trusted: {sentence(error)}") from None
        except ssl.SSLError as error:
            why = f"{spec.address} does not speak TLS with us: {error.reason or 'no handshake'}"
            raise NoAnswerError("malformed", why) from None
        except OSError as error:
            if patience is not None and isinstance(error, TimeoutError):
                return late(spec, clock.now() - began, spec.address)
            waited = clock.now() - began
            raise unmeasured(error, f"{spec.address} could not be reached: {sentence(error)}", waited) from None
        taken = clock.now() - began
        certificate = transport.get_extra_info("peercert")
        transport.abort()  # close() would wait for a peer that may be silent to end TLS as well
        if spec.measure == "connect":
            return Reading(taken)
        left = ssl.cert_time_to_seconds(certificate["notAfter"]) - datetime.now(UTC).timestamp()
        return Reading(max(0.0, left) / _DAY)

    async def close(self) -> None:
        """Nothing is kept."""


def host_and_port(address: str) -> tuple[str, int]:
    """Of `db:5432` and `[::1]:5432`. Raises ValueError, with the remedy."""
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.netloc != address or "@" in address:
        raise ValueError("must be host:port, like db:5432 or [::1]:5432")
    return host, port
