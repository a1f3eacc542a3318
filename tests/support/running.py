"""A registry on a real uvloop in a thread of this process, and real servers behind it, for tests that look inside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvloop

from brownout_core.faults import make
from brownout_core.faults.active import ActiveFault
from brownout_core.faults.spec import FaultSpec, Selection
from brownout_proxy.server.proxy import Proxy, ProxySpec
from brownout_proxy.server.registry import Registry

SECONDS = 30.0
"""How long a test waits for what should happen at once, on a machine with no time for it."""

T = TypeVar("T")


def eventually(condition: Callable[[], object], what: str = "the condition", seconds: float = SECONDS) -> None:
    """Waits until `condition()` is true. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:g} s"
        time.sleep(0.005)


def fault(
    kind: str, *, name: str = "", stream: str = "downstream", chosen: Selection | None = None, **attributes: Any
) -> FaultSpec:
    return FaultSpec(name or kind, make(kind, attributes, text=True), stream, chosen or Selection())


class Running:
    """The registry in its thread. `call` runs a coroutine there, `ask` a function."""

    def __init__(self, *, seed: int = 7, **options: Any) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.registry: Registry = self.ask(lambda: Registry(seed=seed, **options))

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(SECONDS)

    def ask(self, function: Callable[[], T]) -> T:
        async def run() -> T:
            return function()

        return self.call(run())

    def proxy(self, upstream: str, *faults: FaultSpec, name: str = "p", listen: str = "127.0.0.1:0") -> Proxy:
        return self.call(self.registry.create(ProxySpec(name, listen, upstream, faults=faults)))

    def add(self, proxy: Proxy, spec: FaultSpec) -> ActiveFault:
        return self.ask(lambda: proxy.add_fault(spec))

    def update(self, proxy: Proxy, name: str, **attributes: Any) -> None:
        self.ask(lambda: proxy.update_fault(name, attributes=attributes, text=True))

    def remove(self, proxy: Proxy, name: str) -> None:
        self.ask(lambda: proxy.remove_fault(name))

    def tasks(self) -> int:
        return self.ask(lambda: len(asyncio.all_tasks(self.loop)) - 1)

    def timers(self) -> int:
        return self.ask(lambda: self.registry.engine.clock.pending)

    def stop(self) -> None:
        self.call(self.registry.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(SECONDS)
        self.loop.close()


@contextmanager
def running(**options: Any) -> Iterator[Running]:
    harness = Running(**options)
    try:
        yield harness
    finally:
        harness.stop()


class Upstream:
    """A server whose connections the test handles itself: `accept` gives the next one."""

    def __init__(self, family: int = socket.AF_INET, address: Any = ("127.0.0.1", 0), backlog: int = 512) -> None:
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(address)
        self._listener.listen(backlog)
        self._listener.settimeout(SECONDS)
        name = self._listener.getsockname()
        self.address = f"unix:{name}" if isinstance(name, str) else f"{_host(name[0])}:{name[1]}"

    def accept(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.settimeout(SECONDS)
        return connection

    def close(self) -> None:
        self._listener.close()


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def echoing() -> Iterator[str]:
    """The address of a server that sends back what it gets, on as many connections as come."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    stopped = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := connection.recv(1 << 16):
                connection.sendall(data)

    def accept() -> None:
        while not stopped.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(SECONDS)


def said_back(address: str, data: bytes) -> bytes:
    """What comes back when `data` is all that is sent to `address`, HOST:PORT. Raises OSError."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS) as peer:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        return read_all(peer)


@contextmanager
def nobody() -> Iterator[str]:
    """An address that refuses, and that nobody else takes meanwhile: it is bound and does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield "{}:{}".format(*taken.getsockname())


@contextmanager
def black_hole() -> Iterator[str]:
    """An address that never answers: a listener whose queue is full drops SYN, the nearest that loopback has."""
    with contextlib.ExitStack() as stack:
        hole = stack.enter_context(contextlib.closing(Upstream(backlog=0)))
        host, _, port = hole.address.rpartition(":")
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((host, int(port)))
        yield hole.address


def dial(proxy: Proxy) -> socket.socket:
    """A client of the proxy."""
    if proxy.listen.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(SECONDS)
        client.connect(proxy.listen.removeprefix("unix:"))
        return client
    host, _, port = proxy.listen.rpartition(":")
    client = socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS)
    with contextlib.suppress(OSError):  # a proxy that resets at once may have done so already
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def read_all(connection: socket.socket) -> bytes:
    """Everything until the peer's FIN."""
    parts = []
    while data := connection.recv(1 << 20):
        parts.append(data)
    return b"".join(parts)


def read_exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    view, place = memoryview(data), 0
    while place < size:
        got = connection.recv_into(view[place:])
        assert got, f"the stream ended after {place} of {size} bytes"
        place += got
    return bytes(data)


def reset(connection: socket.socket) -> None:
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
