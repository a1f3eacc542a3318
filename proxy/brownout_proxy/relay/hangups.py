"""Sockets that nobody reads, watched for what the kernel still reports of them: the peer has reset, or is gone.

A transport does not poll its socket after FIN, nor while it is paused. An RST, or a keep-alive probe without an answer,
would pass unnoticed, and the connection would hold two descriptors for as long as the other end lives. An epoll set of
our own reports errors and hang-ups alone, which costs nothing per byte. Linux only.
"""

from __future__ import annotations

import asyncio
import select
from typing import Final, Protocol

_SOON: Final = 0.02  # seconds; most connections end within one of the first FIN
_BATCH: Final = 64  # events taken before other callbacks of the loop get their turn

AVAILABLE: Final = hasattr(select, "epoll")
_ONCE: Final = getattr(select, "EPOLLET", 0)
"""Nothing is asked for: EPOLLERR and EPOLLHUP are always reported (epoll_ctl(2)), here once for each change."""


class Watched(Protocol):
    """A socket, as it is watched."""

    watched: int
    """Its descriptor while it is watched, else -1."""

    @property
    def lost(self) -> bool:
        """It is closed, or about to be."""

    def fileno(self) -> int: ...

    def hung_up(self) -> None:
        """The kernel reports an error of the socket, or that both directions are closed."""


class Hangups:
    """The watched sockets of one event loop. Whoever closes a socket forgets it here first or at once afterwards."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._watched: dict[int, Watched] = {}
        self._soon: list[Watched] = []
        self._timed = False
        loop.add_reader(self._epoll.fileno(), self._ready)

    def watch_soon(self, socket: Watched) -> None:
        """Like `watch`, for a socket that is most likely closed in a moment, and then costs nothing."""
        self._soon.append(socket)
        if not self._timed:
            self._timed = True
            self._loop.call_later(_SOON, self._watch_rest)

    def _watch_rest(self) -> None:
        self._timed = False
        soon, self._soon = self._soon, []
        for socket in soon:
            if not socket.lost and not self._epoll.closed:
                self.watch(socket)

    def __len__(self) -> int:
        return len(self._watched)

    def watch(self, socket: Watched) -> None:
        """From now on; what is already so is reported as well, each time that it is watched anew."""
        if socket.watched >= 0:
            self._epoll.modify(socket.watched, _ONCE)
            return
        socket.watched = fd = socket.fileno()
        self._watched[fd] = socket
        self._epoll.register(fd, _ONCE)

    def forget(self, socket: Watched) -> None:
        """The socket is closed, or about to be: the kernel drops it from the set by itself."""
        if self._watched.get(socket.watched) is socket:
            del self._watched[socket.watched]
        socket.watched = -1

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _ready(self) -> None:
        for fd, _ in self._epoll.poll(0, _BATCH):
            socket = self._watched.get(fd)
            if socket is not None:
                socket.hung_up()
