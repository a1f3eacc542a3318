"""Which backend an environment means, and what it is opened with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from brownout_controller.backends.base import Backend
from brownout_controller.backends.channel import Credentials
from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.backends.proxy import ProxyBackend
from brownout_controller.model.environment import Environment
from brownout_core.errors import InvalidSpec
from brownout_core.rpc import read_pem


def open_backend(environment: Environment) -> Backend:
    """To be called in the loop that will use it. Raises InvalidSpec, Unavailable."""
    if environment.backend == "memory":
        return MemoryBackend({edge: [place.proxy] for edge, place in environment.edges.items()})
    if environment.backend == "chaos-mesh":
        raise InvalidSpec("backend", "chaos-mesh is not there yet; use proxy")
    credentials = Credentials(token=environment.token)
    if environment.tls is not None:
        files = environment.tls.model_dump(exclude_none=True)
        root, certificate, key = (
            read_pem(f"tls.{name}", Path(files[name])) if name in files else None for name in ("ca", "cert", "key")
        )
        credentials = replace(credentials, root=root, certificate=certificate, key=key)
    edges = {edge: place.proxy for edge, place in environment.edges.items()}
    return ProxyBackend(environment.control, edges, credentials)
