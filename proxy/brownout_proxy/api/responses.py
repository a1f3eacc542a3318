"""The forms that answers of the HTTP API take, to the header."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from aiohttp import web

from brownout_proxy.api.codec import encode
from brownout_proxy.api.guard import Refusal

_SHORT: Final = 1 << 20
"""Bytes up to which an answer has a length, and above which it goes out as it is made."""
_NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}


def ok(value: object, status: int = 200) -> web.Response:
    """`value` as JSON."""
    return web.Response(status=status, body=encode(value), content_type="application/json")


async def streamed(request: web.Request, pieces: AsyncIterable[bytes], content_type: str) -> web.StreamResponse:
    """The pieces one after the other: as one answer while they are short, and as far as the client takes them."""
    short = bytearray()
    answer: web.StreamResponse | None = None
    async for piece in pieces:
        if answer is None:
            short += piece
            if len(short) <= _SHORT:
                continue
            answer = web.StreamResponse(headers={"Content-Type": content_type})
            await answer.prepare(request)
            piece = bytes(short)
        await answer.write(piece)
    if answer is None:
        return web.Response(body=bytes(short), headers={"Content-Type": content_type})
    await answer.write_eof()
    return answer


async def listed(opening: bytes, pieces: AsyncIterable[bytes], closing: bytes) -> AsyncIterator[bytes]:
    """A list or an object in JSON, from its entries."""
    yield opening
    first = True
    async for piece in pieces:
        yield piece if first else b"," + piece
        first = False
    yield closing


def nothing() -> web.Response:
    """Done, and no more to say."""
    return web.Response(status=204)


def failed(status: int, reason: str) -> web.Response:
    """An error: JSON that calls itself text, because clients know it so."""
    return text(status, encode({"error": reason, "status": status}) + b"\n")


def text(status: int, body: bytes) -> web.Response:
    """Plain text that no browser may take for anything else."""
    return web.Response(
        status=status,
        body=body,
        headers={"Content-Type": "text/plain; charset=utf-8", **_NO_SNIFFING},
    )


def not_routed(error: web.HTTPException) -> web.Response:
    """What the router itself says: no such path, or not with this method."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return web.Response(status=405, headers={"Allow": allowed})
    return text(404, b"404 page not found\n")


def refused(refusal: Refusal) -> web.Response:
    """What somebody gets who may not do this."""
    if refusal.plain:
        return text(refusal.status, f"{refusal.reason}\n".encode())
    answer = failed(refusal.status, refusal.reason)
    if refusal.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 11.6.1
    return answer
