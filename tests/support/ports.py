"""Ports for programs that cannot choose one themselves."""

from __future__ import annotations

import socket


def free_port() -> int:
    """One that nobody has now; whoever asks takes it soon."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
