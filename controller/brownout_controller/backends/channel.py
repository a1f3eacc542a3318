"""A gRPC channel to a proxy or a controller: how it knows us, and that it is there at once after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import grpc

_QUICK: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),  # who was restarted is back at once
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """How the other end knows us: a token, or mutual TLS (PEM)."""

    token: str | None = None
    root: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """What each call carries."""
        return [] if self.token is None else [("authorization", f"Bearer {self.token}")]


ANYBODY: Final = Credentials()
"""What is enough where nobody asks."""


def channel(address: str, credentials: Credentials, options: Sequence[tuple[str, int]] = ()) -> grpc.aio.Channel:
    """To be made in the loop that uses it. Encrypted if there is a `root` by which the other end is known."""
    if credentials.root is None:
        return grpc.aio.insecure_channel(address, options=(*_QUICK, *options))
    secure = grpc.ssl_channel_credentials(credentials.root, credentials.key, credentials.certificate)
    return grpc.aio.secure_channel(address, secure, options=(*_QUICK, *options))
