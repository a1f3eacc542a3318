"""A small synchronous client of the control API, ours or Toxiproxy's. Knows routes, not commands."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from brownout_core import __version__
from brownout_core.errors import BrownoutError, InvalidSpec, Unavailable
from brownout_proxy.settings import PORT

DEFAULT_URL: Final = f"http://localhost:{PORT}"
_TIMEOUT: Final = 30.0  # as long as Toxiproxy takes to answer at most
_SCHEMES: Final[Mapping[str, type[http.client.HTTPConnection]]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}

Json = Any


class Refused(BrownoutError):
    """The server's answer was an error; `status` is its HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"HTTP {status}: {reason}")
        self.status = status


class Client:
    """Asks one server, a new connection for each request: commands ask once or twice."""

    def __init__(self, url: str, token: str | None = None, *, timeout: float = _TIMEOUT) -> None:
        """`url` may lack the scheme and may carry user:TOKEN@; `timeout` is in seconds. Raises InvalidSpec."""
        parts = _split(url)
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self._parts = parts
        self._timeout = timeout
        self._headers = {"User-Agent": f"brownout/{__version__}", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {_plain(token)}"
        elif parts.password is not None:
            pair = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()

    def ask(self, method: str, *path: str, body: Json = None, force: bool = False, status: bool = False) -> Json:
        """The answer to one request, None if it is empty; names in `path` may have any characters. With `force` it is
        done to what is under somebody's lease, too; `status` asks for counters and errors beside what is set.

        Raises Refused when the server answers with an error, Unavailable when it does not answer.
        """
        target = "".join(f"/{quote(part, safe='')}" for part in path) + query(force=force, status=status)
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers if data is None else {**self._headers, "Content-Type": "application/json"}
        connection = self._connection()
        try:
            # As bytes, for http.client would write them in Latin-1.
            sent = {name: value.encode() for name, value in headers.items()}
            connection.request(method, self._parts.path.rstrip("/") + target, data, sent)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"no answer from {self.url} ({_cause(error)}); {_REMEDY}") from None
        finally:
            connection.close()
        return _value(answer.status, text, self.url)

    def _connection(self) -> http.client.HTTPConnection:
        make = _SCHEMES[self._parts.scheme]
        return make(self._parts.hostname or "", self._parts.port, timeout=self._timeout)


def query(**switches: bool) -> str:
    """The switches that are on, as they follow a path."""
    parts = [f"{name}=true" for name, on in switches.items() if on]
    return f"?{'&'.join(parts)}" if parts else ""


_REMEDY: Final = "start it with `brownout proxy`, or name its address with --host URL or BROWNOUT_URL"


def _plain(token: str) -> str:
    if not token.isprintable():
        raise InvalidSpec("--token", "the token is not plain text; is there a line break in it?")
    return token


def _split(url: str) -> SplitResult:
    try:
        if not (url.isascii() and url.isprintable()) or " " in url:
            raise ValueError(url)
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if "://" not in url and parts.port is None and not parts.netloc.endswith(":"):
            parts = parts._replace(netloc=f"{parts.netloc}:{PORT}")  # as it has no scheme, it is no web address either
        if parts.scheme in _SCHEMES and parts.hostname and not parts.netloc.endswith(":") and parts.port != 0:
            return parts
    except ValueError:  # brackets or a port that are none, letters that cannot be sent
        pass
    raise InvalidSpec("--host", f"{url!r} is not an address of a server; write it like {DEFAULT_URL}")


def _cause(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return text.lower()


def _value(status: int, text: bytes, url: str) -> Json:
    try:
        value = json.loads(text) if text.strip() else None
    except ValueError:
        value = text.decode("utf-8", "replace").strip()
    if status >= 400:
        reason = value.get("error") if isinstance(value, dict) else value
        raise Refused(status, str(reason or http.client.responses.get(status, "no reason")))
    if isinstance(value, str):
        raise Unavailable(f"{url} does not speak the control API; {_REMEDY}")
    return value
