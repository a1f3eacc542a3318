"""Host names to addresses, such that a name server which does not answer holds up nobody else.

The loop's own look-ups share four threads with everything else that it does beside itself: four names that hang would
stop all others. Here each name has a thread of its own while it is asked, and only one, however many want to know.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, Final

_MOST: Final = 64
"""Names that are asked at the same time: the others wait their turn, as long as whoever wants to know does."""
_LOCALHOST: Final = ("127.0.0.1", "::1")  # RFC 6761, section 6.3

Addresses = Sequence[str]
"""IP addresses, IPv4 first."""


class Lookups:
    """All look-ups of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked: dict[str, asyncio.Future[Addresses]] = {}
        self._waiting: deque[str] = deque()
        """Names whose turn has not come."""
        self._wanted: Counter[str] = Counter()
        """How many want to know each."""

    async def find(self, host: str) -> Addresses:
        """At least one address. Raises OSError."""
        if host.lower() == "localhost":
            return _LOCALHOST
        answer = self._asked.get(host)
        if answer is None:
            answer = self._asked[host] = self._loop.create_future()
            answer.add_done_callback(lambda done: self._done(host, done))
            self._waiting.append(host)
        self._wanted[host] += 1
        try:
            self._begin()
            return await asyncio.shield(answer)
        finally:
            self._wanted[host] -= 1
            if not self._wanted[host]:
                del self._wanted[host]

    def _done(self, host: str, answer: asyncio.Future[Addresses]) -> None:
        del self._asked[host]
        answer.exception()  # whoever asked may have left
        self._begin()

    def _begin(self) -> None:
        """Asks for those whose turn it is; one that nobody waits for any more is forgotten."""
        while self._waiting and len(self._asked) - len(self._waiting) < _MOST:
            host = self._waiting.popleft()
            if host not in self._wanted:
                del self._asked[host]
                continue
            answer = self._asked[host]
            # A daemon: the process ends although the name server has not answered.
            threading.Thread(target=self._ask, args=(host, answer), name=f"lookup {host}", daemon=True).start()

    def _ask(self, host: str, answer: asyncio.Future[Addresses]) -> None:
        try:
            found = _addresses(host)
        except (OSError, UnicodeError) as error:
            failure = error if isinstance(error, OSError) else OSError(errno.EINVAL, f"{host!r} is no host name")
            self._from_thread(answer.set_exception, failure)
        else:
            self._from_thread(answer.set_result, found)

    def _from_thread(self, callback: Callable[[Any], None], outcome: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(callback, outcome)


def _addresses(host: str) -> Addresses:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    return list(dict.fromkeys(str(info[4][0]) for info in found))
