"""Who may use the control API: the decision, from a request's headers alone.

With a token, whoever knows it. Without one, anybody who reaches the port, except a web page in some
browser there: it is turned away by the browser's User-Agent (Toxiproxy's rule), by a foreign Origin,
and by a Host that is not ours, which is what a page on a name that its owner points at our address
would send (DNS rebinding). That works off loopback as well, so the rule does not ask where the port
is bound. Names that nobody can own in the public DNS are fine: those without a dot, as containers
and Services have them, and those that a cluster, Docker or the resolver keeps for itself.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from brownout_core.address import is_ip

_SINGLE_LABEL: Final = re.compile(r"[a-z0-9_-]+")
_PRIVATE_NAMES: Final = frozenset(("host.docker.internal",))
_PRIVATE_SUFFIXES: Final = (".localhost", ".svc", ".svc.cluster.local")  # RFC 6761; Kubernetes


_NO_BROWSERS: Final = (
    "User agent not allowed: a browser's (Mozilla/...) needs the token; send another one, such as curl/8"
)
_SHELL: Final = re.compile(r"\b(Windows)?PowerShell/")
_OF_PAGES: Final = ("Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest")


class Refusal(NamedTuple):
    """Why a request is turned away. `plain` texts are bodies of their own, not errors in JSON."""

    status: int
    reason: str
    plain: bool = False


def known_hosts(bound: str, more: Iterable[str] = ()) -> frozenset[str]:
    """The names that may stand in Host when the server is bound to the host `bound`.

    `more` are names that the operator adds. IP addresses, localhost and other private names are
    always fine and need not be listed.
    """
    return frozenset(_bare(name) for name in (bound, *more) if name)


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules in force: the token to ask for or, without one, the public names that Host may have."""

    token: str | None = None
    hosts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.token is not None and not self.token.strip():
            raise ValueError("the token is empty")

    def refusal(self, headers: Mapping[str, str], *, public: bool = False) -> Refusal | None:
        """Why a request with these headers is refused; None if it is not.

        A `public` one needs no token."""
        admitted = self._admits(headers.get("Authorization", ""))
        if _is_browser(headers) and not (self.token is not None and admitted):
            return Refusal(403, _NO_BROWSERS, plain=True)
        host = headers.get("Host", "")
        if not self._knows(host):
            return Refusal(
                403,
                f"host {host!r} not allowed without a token; use an IP address or localhost, or start the proxy with "
                f"--allow-host {_bare(_without_port(host)) or 'NAME'} (BROWNOUT_ALLOW_HOST)",
            )
        origin = headers.get("Origin")
        if origin is not None and not _same_site(origin, host):
            return Refusal(403, f"origin {origin!r} not allowed")
        if not public and not admitted:
            return Refusal(401, "unauthorized: send the header 'Authorization: Bearer TOKEN'")
        return None

    def _knows(self, host: str) -> bool:
        # Without Host it is an old client and no browser, which always sends one.
        if self.token is not None or not host:
            return True
        name = _bare(_without_port(host))
        return name in self.hosts or _is_private(name) or is_ip(name)

    def _admits(self, authorization: str) -> bool:
        if self.token is None:
            return True
        # In constant time, so that the delay of the answer reveals nothing.
        return hmac.compare_digest(_credential(authorization), self.token.encode())


def _is_browser(headers: Mapping[str, str]) -> bool:
    """Whether its headers are a browser's. PowerShell claims to be one, but lacks what a page's requests have."""
    agent = headers.get("User-Agent", "")
    if not agent.startswith("Mozilla/"):
        return False
    return _SHELL.search(agent) is None or any(name in headers for name in _OF_PAGES)


def _credential(authorization: str) -> bytes:
    """The token that is presented: after Bearer, or as the password of Basic.

    The latter is for clients of Toxiproxy, which take http://any:TOKEN@host:8474.
    """
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value.encode("utf-8", "surrogateescape")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except (ValueError, binascii.Error):
        return b""


def _bare(name: str) -> str:
    """The name as it is compared: without case, and without the dot of the root."""
    return name.lower().removeprefix("[").removesuffix("]").removesuffix(".")


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdigit() or not port) and not host.endswith("]") else host


def _is_private(name: str) -> bool:
    """Whether no stranger can make the name point here."""
    return _SINGLE_LABEL.fullmatch(name) is not None or name in _PRIVATE_NAMES or name.endswith(_PRIVATE_SUFFIXES)


def _same_site(origin: str, host: str) -> bool:
    """Whether the page that sent the request came from this very server."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
