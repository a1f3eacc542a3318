"""Which of the flags for TLS go together: the same for the proxy, the controller and their clients."""

from __future__ import annotations

from pathlib import Path

from brownout_core.errors import InvalidSpec


def check_tls_pair(cert: Path | None, key: Path | None) -> None:
    """Raises InvalidSpec for a certificate without its key, or a key without its certificate."""
    if (cert is None) != (key is None):
        raise InvalidSpec("--tls-cert", "and --tls-key belong together; give both or none")


def check_server_tls(cert: Path | None, key: Path | None, client_ca: Path | None) -> None:
    """Raises InvalidSpec for flags of a server that contradict each other."""
    check_tls_pair(cert, key)
    if client_ca is not None and cert is None:
        raise InvalidSpec("--tls-client-ca", "needs --tls-cert and --tls-key: the server must have a certificate too")
