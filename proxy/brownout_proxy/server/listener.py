"""A listening socket: bound at once or not at all, and able to pause without refusing anybody.

While paused the socket stays open, so new clients wait in the kernel's queue instead of being turned away.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import stat
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from brownout_core.address import Address
from brownout_core.address import parse as parse_address
from brownout_core.errors import InvalidSpec, Unavailable
from brownout_proxy.relay.endpoint import keep_alive, keep_urgent_data_in_line
from brownout_proxy.relay.lookup import Lookups

BACKLOG: Final = 65_535
"""Clients that may wait to be accepted; the kernel has a limit of its own (net.core.somaxconn) and cuts this to it."""
AT_ONCE: Final = 16
"""Clients that the loop accepts in one turn at most, before a pause takes effect. uvloop takes one, asyncio as many as
the backlog that it is made with."""
_KEEPS_FILE: Final[Mapping[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""From Python 3.13 on a closed server removes its socket's file, which a paused listener still needs."""


async def resolve(text: str, lookups: Lookups, *, prefix: str = "listen tcp: ") -> Address:
    """The address to bind that `text` asks for, without host names. Raises Unavailable, worded as Go words it."""
    try:
        address = parse_address(text) if text else Address()
    except InvalidSpec as error:
        raise Unavailable(f"{prefix}{error}") from None
    if address.path or address.is_wildcard:
        return Address("::", address.port) if not address.path else address
    if address.is_ip:
        return address
    try:
        found = await lookups.find(address.host)
    except OSError:
        raise Unavailable(f"{prefix}lookup {address.host}: no such host") from None
    return Address(found[0], address.port)


class Listener:
    """A bound and listening socket. `address` is the real one, with its port."""

    def __init__(self, address: Address, backlog: int = BACKLOG) -> None:
        """Binds. Raises Unavailable."""
        self._server: asyncio.AbstractServer | None = None
        self._backlog = backlog
        self._factory: Callable[[], asyncio.Protocol] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted = False
        """Whether clients are to be served, while a server is being made as well."""
        self._closed: bool = False
        self._file: tuple[int, int] | None = None
        try:
            self._socket = _bound(address)
            self._socket.listen(backlog)
        except OSError as error:
            raise Unavailable(_refusal(address, error)) from None
        self.address = address if address.path else _name(self._socket)
        if address.path:
            self._file = _identity(address.path)

    def read_at_most(self, size: int) -> None:
        """Lets the kernel hold about so many bytes of a client, and so a protocol get no more than that at once."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    async def serve(self, loop: asyncio.AbstractEventLoop, factory: Callable[[], asyncio.Protocol]) -> None:
        """Gives every client a protocol made by `factory`. Raises Unavailable; then it is closed."""
        self._loop, self._factory = loop, factory
        try:
            await self.resume()
        except OSError as error:
            self.close()
            raise Unavailable(_refusal(self.address, error)) from None

    def pause(self) -> None:
        """Accepts nobody until `resume`; clients wait."""
        self._wanted = False
        if self._server is not None:
            self._server.close()
            self._server = None

    async def resume(self) -> None:
        if self._closed or self._wanted or self._loop is None or self._factory is None:
            return
        self._wanted = True
        # The server closes its socket, so it gets a duplicate.
        create: Callable[..., Awaitable[asyncio.AbstractServer]] = self._loop.create_server
        if self.address.path:
            create = functools.partial(self._loop.create_unix_server, **_KEEPS_FILE)
        try:
            server = await create(self._factory, sock=self._socket.dup(), backlog=min(AT_ONCE, self._backlog))
            if not self._closed:
                self._socket.listen(self._backlog)  # what the server made of it is for its turns
        except BaseException:
            self._wanted = False  # so that it can be tried again
            raise
        if self._wanted and self._server is None:
            self._server = server
        else:  # paused or closed while it was being made; if it goes on again, another server does
            server.close()

    def close(self) -> None:
        self._closed = True
        self.pause()
        self._socket.close()
        if self._file is not None and self._file == _identity(self.address.path):  # it may be somebody else's by now
            with contextlib.suppress(OSError):
                os.unlink(self.address.path)


def _identity(path: str) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return found.st_dev, found.st_ino
    return None


def _bound(address: Address) -> socket.socket:
    if address.path:
        return _bound_unix(address.path)
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    if address.host == "::" and not _has_ipv6():
        family, address = socket.AF_INET, Address("0.0.0.0", address.port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address.host != "::"))
        keep_alive(sock)
        keep_urgent_data_in_line(sock)
        sock.bind((address.host, address.port))
    except OSError:
        sock.close()
        raise
    return sock


def _bound_unix(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        _remove_stale(path)
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_stale(path: str) -> None:
    """Removes a socket file that a process which was killed left behind; one that answers is in use."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(path)
            except BlockingIOError:
                return  # its queue is full
            except ConnectionRefusedError:
                os.unlink(path)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _name(sock: socket.socket) -> Address:
    host, port = sock.getsockname()[:2]
    return Address("::" if host == "0.0.0.0" else str(host), int(port))


def _refusal(address: Address, error: OSError) -> str:
    network = "unix" if address.path else "tcp"
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return f"listen {network} {address.path or address}: bind: {reason}"
