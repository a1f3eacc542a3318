"""The forms that answers of the HTTP API take, to the header."""

from __future__ import annotations

from aiohttp import web

from brownout_proxy.api.codec import encode
from brownout_proxy.api.guard import Refusal

_NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}


def ok(value: object, status: int = 200) -> web.Response:
    """`value` as JSON."""
    return web.Response(status=status, body=encode(value), content_type="application/json")


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
