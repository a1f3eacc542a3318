"""Gives memory back to the system once a crowd of connections has left.

The C library keeps what was freed, which is what makes busy times cheap (see runtime.keep_freed_memory); after them a
sidecar would hold on to hundreds of megabytes for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
from collections.abc import Callable
from typing import Final

_EVERY: Final = 15.0
"""Seconds between two looks."""
_CROWD: Final = 200
"""Open files of connections that are worth it."""
_LEFT: Final = 4
"""It is over when so many times fewer are left."""


class MemoryTrimmer:
    """Watches how many files are in use."""

    def __init__(self, trim: Callable[[], object] | None = None) -> None:
        self._most = 0
        self._trim = _malloc_trim if trim is None else trim

    def look(self, used: int) -> bool:
        """Whether it has given memory back, now that so many files are in use."""
        self._most = max(self._most, used)
        if self._most < _CROWD or used * _LEFT > self._most:
            return False
        self._most = used
        self._trim()
        return True


async def watch(used: Callable[[], int], thrift: MemoryTrimmer | None = None) -> None:
    """Looks again and again; to be cancelled."""
    thrift = MemoryTrimmer() if thrift is None else thrift
    while True:
        await asyncio.sleep(_EVERY)
        thrift.look(used())


def _malloc_trim() -> None:
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # no glibc: musl, macOS
        ctypes.CDLL(None).malloc_trim(0)
