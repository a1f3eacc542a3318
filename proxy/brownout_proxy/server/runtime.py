"""The life of a proxy process: start all or nothing, serve, reload on SIGHUP, drain on SIGTERM.

What listens beside the proxies, such as the HTTP API, is handed in as a `Control`; this module does not know which.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import resource
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from brownout_core.errors import BrownoutError, Unavailable
from brownout_proxy.server import memory_trim, reload
from brownout_proxy.server.config import Config
from brownout_proxy.server.registry import Registry

log = logging.getLogger(__name__)

_TURN: Final = 0.0005
"""Seconds that a thread, such as one that reads a config file, may take of the loop's time at once."""
_GOODBYE: Final = 1.0
"""Seconds that a control gets to answer what it is at when the process ends."""
_REMEDIES: Final = (
    ("address already in use", "stop what listens there, or choose another port"),
    ("permission denied", "choose a port above 1023, or a path that may be written"),
    ("no such host", "check the name"),
    ("cannot assign requested address", "choose an address of this machine"),
    ("no such file or directory", "make the folder first"),
)
# mallopt(3): below the first, memory comes from the heap; so much of the heap's end may be free before it shrinks.
_M_TRIM_THRESHOLD, _KEPT = -1, 32 * 1024 * 1024
_M_MMAP_THRESHOLD, _FROM_HEAP = -3, 8 * 1024 * 1024


class Control(Protocol):
    """Something that controls the proxies from outside. Started after them, stopped before them."""

    async def bind(self) -> None:
        """Takes its address without answering yet. Raises Unavailable."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Signals:
    """What the operating system has asked for. To be used in a running loop; ends with the block."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        """A second request to stop."""
        self.reload = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._handlers: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGINT: self.ask_to_stop,
            signal.SIGTERM: self.ask_to_stop,
            signal.SIGHUP: self.reload.set,
        }

    def __enter__(self) -> Signals:
        for number, handler in self._handlers.items():
            self._loop.add_signal_handler(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._handlers:
            self._loop.remove_signal_handler(number)

    def ask_to_stop(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


class Runtime:
    """One run of the process. `drain` is in seconds, `load` reads what was started with once more."""

    def __init__(
        self,
        registry: Registry,
        config: Config,
        control: Control,
        *,
        drain: float,
        load: Callable[[], Config] | None = None,
        started: Callable[[], None] = lambda: None,
    ) -> None:
        self._registry = registry
        self._config = config
        self._control = control
        self._drain = drain
        self._load = load
        self._started = started

    async def run(self) -> None:
        """Serves until a signal or `stop`. Raises BrownoutError when it cannot start; then nothing is left behind."""
        with Signals() as signals:
            try:
                await unless(signals.stop, self._start())
                if not signals.stop.is_set():
                    self._started()
                    giving_back = asyncio.create_task(memory_trim.watch(lambda: self._registry.engine.headroom.used))
                    await unless(signals.stop, self._reload_when_asked(signals.reload))
                    giving_back.cancel()
                    log.info("stopping; connections have %gs to finish", self._drain)
                    await unless(signals.hurry, self._finish())
            finally:
                await self._stop()

    async def _start(self) -> None:
        await self._control.bind()
        for spec in self._config.proxies:
            try:
                await self._registry.create(spec)
            except BrownoutError as error:
                place = self._config.places.get(spec.name, f"proxy {spec.name!r}")
                raise Unavailable(f"{place}: {with_remedy(str(error))}") from None
        await self._control.start()
        # What lives as long as the process is not for the collector to look at again and again: the byte path makes
        # no cycles, and each full collection is a pause for every connection.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)

    async def _reload_when_asked(self, asked: asyncio.Event) -> None:
        while True:
            await asked.wait()
            asked.clear()
            try:
                await self._reload()
            except Exception:  # ours, and no reason to drop everybody's connections
                log.exception("the reload broke off; this is a bug of brownout")

    async def _reload(self) -> None:
        if self._load is None:
            log.warning("SIGHUP: there is no config file to read again")
            return
        try:
            config = await asyncio.to_thread(self._load)
        except BrownoutError as error:
            log.error("not reloaded, nothing changed: %s", error)
            return
        if self._config.names_proxies and not config.names_proxies:
            # An editor or a deployment may leave it empty for a moment.
            log.error("not reloaded, nothing changed: the file has no proxies; write 'proxies: {}' to delete them all")
            return
        if config.seed != self._config.seed:
            log.warning("the seed changes only with a restart")
        failures = await reload.apply(self._registry, self._config, config)
        self._config = config
        for failure in failures:
            log.error("reload: %s", with_remedy(failure))
        log.info("reloaded: %d proxies, %d failed", len(config.proxies), len(failures))

    async def _finish(self) -> None:
        # The control first: whoever still changes things would only be surprised.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE):
                await self._control.stop()
        await self._registry.close(self._drain)

    async def _stop(self) -> None:
        """At once; does nothing where all has ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await self._control.stop()
        for proxy in self._registry.proxies():
            proxy.drop_connections(abort=True)
        await self._registry.close()


async def unless(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Runs `work` to its end, or cancels it when `event` is set."""
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        if not working.done():
            working.cancel()
        await asyncio.wait({working, waiting})
    if not working.cancelled():
        working.result()


def with_remedy(reason: str) -> str:
    """An operating system's refusal with what to do about it."""
    return next((f"{reason}; {remedy}" for sign, remedy in _REMEDIES if sign in reason), reason)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs `main` on uvloop, or on asyncio where there is none, with as many files and as steady memory as the system
    allows."""
    raise_file_limit()
    keep_freed_memory()
    sys.setswitchinterval(_TURN)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # pyproject.toml leaves it out where it cannot be built
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def raise_file_limit() -> None:
    """Lets the process open as many files as it may: the usual 1024 are 500 connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit of its own; the soft one stays then
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def keep_freed_memory() -> None:
    """Lets the C library keep what large reads have used.

    Left to itself glibc gives each back to the system, and clearing the pages anew is a third of what a bulk transfer
    under a fault costs.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # no glibc: musl, macOS
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _FROM_HEAP)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
