"""Puts a proxy process together from its settings: registry, HTTP API, logs, and the lines printed at the start."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from aiohttp import web

from brownout_core import __version__
from brownout_core.address import Address
from brownout_core.errors import Unavailable
from brownout_core.safe_text import LineFormatter, printable
from brownout_proxy.api.http import ControlRequests, make_app
from brownout_proxy.api.http_limits import BUSY, Door, make_runner
from brownout_proxy.cli import mapping
from brownout_proxy.relay.lookup import Lookups
from brownout_proxy.server import config as config_file
from brownout_proxy.server import runtime
from brownout_proxy.server.config import Config
from brownout_proxy.server.listener import Listener, resolve
from brownout_proxy.server.metrics import Exposition
from brownout_proxy.server.registry import Registry
from brownout_proxy.settings import Settings

if TYPE_CHECKING:
    from brownout_proxy.api.grpc import Server

log = logging.getLogger(__name__)

_BACKLOG: Final = 128
_AT_ONCE: Final = 16 * 1024
"""Bytes of requests that are read in one turn of the loop: as chunks of a byte each they take 5 ms."""


class HttpControl:
    """The HTTP API as a process has it. `address` is known once it is bound."""

    def __init__(self, registry: Registry, settings: Settings, token: str | None) -> None:
        requests = ControlRequests()
        exposition = Exposition(registry, requests)
        self._application = make_app(
            registry,
            host=settings.host,
            metrics=exposition.pieces,
            token=token,
            allowed_hosts=settings.allow_host,
            requests=requests,
        )
        self._runner = make_runner(self._application)
        self._registry = registry
        self._wanted = Address(settings.host, settings.port)
        self._listener: Listener | None = None

    @property
    def address(self) -> Address:
        assert self._listener is not None, "not bound"
        return self._listener.address

    async def bind(self) -> None:
        """Raises Unavailable."""
        try:
            address = await resolve(str(self._wanted), Lookups(asyncio.get_running_loop()))
            self._listener = Listener(address, _BACKLOG)
            self._listener.read_at_most(_AT_ONCE)
            self._registry.reserve(self.address, "the control API of this process has it; --port moves that")
        except Unavailable as error:
            reason = runtime.with_remedy(str(error))
            raise Unavailable(f"control API: {reason} (--port; 0 takes a free one)") from None

    async def start(self) -> None:
        assert self._listener is not None, "not bound"
        await self._runner.setup()
        server = self._runner.server
        assert server is not None, "not set up"
        busy: set[web.RequestHandler] = self._application[BUSY]
        door = Door(server, busy, self._registry.engine.control_connections)
        await self._listener.serve(asyncio.get_running_loop(), door)

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            await self._runner.cleanup()


class GrpcControl:
    """The gRPC API as a process has it. `address` is known once it is bound."""

    def __init__(self, registry: Registry, settings: Settings, port: int, token: str | None) -> None:
        from brownout_core.rpc import read_tls
        from brownout_proxy.api.grpc import Server  # 18 MB that a process without it does not need

        tls = read_tls(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
        self._make: Callable[[], Server] = lambda: Server(
            registry, token=token, tls=tls, connections=registry.engine.control_connections
        )
        self._registry = registry
        self._wanted = Address(settings.host, port)
        self._server: Server | None = None
        self.address = self._wanted

    async def bind(self) -> None:
        """Raises Unavailable."""
        address = await resolve(str(self._wanted), Lookups(asyncio.get_running_loop()))
        self._server = self._make()
        try:
            port = self._server.bind(str(address))
        except RuntimeError:
            reason = runtime.with_remedy(f"listen tcp {address}: bind: address already in use")
            raise Unavailable(f"gRPC API: {reason} (--grpc-port; 0 takes a free one, off leaves it out)") from None
        self.address = replace(address, port=port)
        self._registry.reserve(
            self.address, "the gRPC API of this process has it; --grpc-port PORT moves that, off leaves it out"
        )

    async def start(self) -> None:
        assert self._server is not None, "not bound"
        await self._server.start()

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()


class Controls:
    """Several as one, started and stopped in order."""

    def __init__(self, *controls: runtime.Control) -> None:
        self._controls = controls

    async def bind(self) -> None:
        """Raises Unavailable."""
        for control in self._controls:
            await control.bind()

    async def start(self) -> None:
        for control in self._controls:
            await control.start()

    async def stop(self) -> None:
        for control in self._controls:
            await control.stop()


def read_config(words: Sequence[str], file: Path | None, text: str | None = None) -> Config:
    """The proxies of the file, of `text` (which `--proxies` gives) and of the command line, in this order.

    Raises InvalidSpec, Unavailable.
    """
    parts = [] if file is None else [config_file.load(file)]
    if text is not None and all("=" in word and word[0] not in "[{" for word in text.split()):
        words = [*text.split(), *words]
    elif text is not None:
        parts.append(config_file.parse(text, "--proxies"))
    specs = mapping.read(words)
    parts.append(Config(tuple(specs), None, {spec.name: repr(word) for spec, word in zip(specs, words, strict=True)}))
    placed = [(part.places[spec.name], spec) for part in parts[:-1] for spec in part.proxies]
    config_file.check_distinct([*placed, *((repr(word), spec) for spec, word in zip(specs, words, strict=True))])
    return Config(
        tuple(spec for part in parts for spec in part.proxies),
        next((part.seed for part in parts if part.seed is not None), None),
        {name: place for part in parts for name, place in part.places.items()},
        any(part.names_proxies for part in parts),
    )


def chosen_seed(settings: Settings, config: Config) -> int:
    """The flag's, the file's, or a random one, in this order."""
    if settings.seed is not None:
        return settings.seed
    return config.seed if config.seed is not None else secrets.randbelow(2**32)


def serve(settings: Settings, words: Sequence[str]) -> None:
    """Runs the proxy process until a signal stops it. Raises BrownoutError when it cannot start."""
    set_up_log(settings.log_level)
    token = settings.secret()
    config = read_config(words, settings.config, settings.proxies)
    runtime.run(_serve(settings, words, config, token))


async def _serve(settings: Settings, words: Sequence[str], config: Config, token: str | None) -> None:
    registry = Registry(seed=chosen_seed(settings, config), buffer=settings.buffer, dial_timeout=settings.dial_timeout)
    control = None if settings.http is None else HttpControl(registry, settings, token)
    grpc = None if settings.grpc is None else GrpcControl(registry, settings, settings.grpc, token)

    for warning in settings.in_clear():
        log.warning("%s", warning)

    def load() -> Config:
        return read_config(words, settings.config, settings.proxies)

    def started() -> None:
        if logging.getLogger().isEnabledFor(logging.INFO):
            with contextlib.suppress(OSError):  # a full disk behind stderr is no reason not to serve
                addresses = [None if each is None else each.address for each in (control, grpc)]
                click.echo(greeting(registry, *addresses), err=True)

    await runtime.Runtime(
        registry,
        config,
        Controls(*(each for each in (control, grpc) if each is not None)),
        drain=settings.drain,
        load=load if settings.config is not None else None,
        started=started,
    ).run()


def greeting(registry: Registry, control: Address | None, grpc: Address | None) -> str:
    """What a person wants to know when the process has started."""
    proxies = registry.proxies()
    width = max((len(proxy.name) for proxy in proxies), default=0)
    lines = [f"brownout {__version__}, seed {registry.seed}"]
    for proxy in proxies:
        state = "" if proxy.enabled else " (disabled)"
        faults = f" with {', '.join(active.spec.name for active in proxy.faults)}" if proxy.faults else ""
        lines.append(f"{proxy.name:{width}} {proxy.listen} -> {proxy.upstream}{state}{faults}")
    if control is not None:
        lines.append(f"control API http://{_reachable(control)}")
    if grpc is not None:
        lines.append(f"gRPC API {_reachable(grpc)}")
    return "\n".join(map(printable, lines))


def _reachable(address: Address) -> str:
    if address.is_wildcard:
        return f"{replace(address, host='127.0.0.1')} on every address"
    return str(address)


def set_up_log(level: str) -> None:
    """Lines on stderr from `level` up; libraries only speak when something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
