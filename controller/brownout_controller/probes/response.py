"""One HTTP exchange as a probe or the load makes it: no redirect, no cookie, no second try, and a bounded memory."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import NamedTuple

import aiohttp

from brownout_controller.model.answer_conditions import KEPT


class Room:
    """The bytes that several answers may take together."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> None:
        """Raises OSError, which says that it is this machine that has no more."""
        if size > self.left:
            raise OSError(errno.ENOMEM, "no room left for bodies")
        self.left -= size


class Response(NamedTuple):
    """A status, and the first MiB of the body where it is wanted."""

    status: int
    body: bytes


def make_session(
    headers: Mapping[str, str], *, decode: bool, limit: int = 100, fresh: bool = False, again: bool = True
) -> aiohttp.ClientSession:
    """With up to `limit` connections, 0 for any number. Without `decode` a compressed body stays as it came: a few
    kilobytes may stand for gigabytes, which cost time though nobody keeps them. Without `again` a request whose kept
    connection breaks has failed, where aiohttp would send a GET once more."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, force_close=fresh),
        timeout=aiohttp.ClientTimeout(total=None),  # ours is exact; aiohttp's own rounds up to whole seconds
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=decode,
        headers=headers,
    )
    session._retry_connection = again
    return session


async def exchange(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    body: str | bytes | None,
    *,
    keep: int = KEPT,
    room: Room | None = None,
) -> Response:
    """Until the last byte of the answer; `keep` bytes of it are kept, as far as there is room. Raises OSError, and what
    aiohttp raises."""
    kept = bytearray()
    try:
        async with session.request(method.upper(), url, data=body, allow_redirects=False) as response:
            async for piece in response.content.iter_any():
                if wanted := piece[: keep - len(kept)]:
                    if room is not None:
                        room.take(len(wanted))
                    kept += wanted
        return Response(response.status, bytes(kept))
    finally:
        if room is not None:
            room.left += len(kept)
