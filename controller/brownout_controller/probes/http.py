"""http: one request, and how long it took, its status, or whether it was as wished."""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Any, ClassVar, Final, Literal

import aiohttp
from pydantic import ConfigDict, Field, JsonValue, model_validator

from brownout_controller.model.endpoint import Endpoint, endpoint_of
from brownout_controller.model.part import SomeTime
from brownout_controller.model.probe import TIME, Probe, ProbeError, ProbeSpec, Reading, Scale, Surroundings
from brownout_controller.probes.trouble import late, place, sentence, trouble
from brownout_proxy.units import COUNT

_KEPT: Final = 1 << 20
"""So many bytes of a body are looked at; the rest is read, because the latency is that of the whole answer."""
_MISSING: Final = object()


class Http(ProbeSpec):
    """The latency in seconds of a request until its last byte, its status, or 1 or 0 for whether all is as wished.

    With `measure: ok`, an answer is as wished when it fits `status` (default: below 400), `body_contains`, `json`
    (paths with dots to values) and `within`; no answer is 0 then. Otherwise it is no data, but for a `latency` that is
    already longer than what is expected: that is as long as was waited. Redirects are not followed. The connection is
    kept for the next request, unless with `fresh`.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "http"
    scalar: ClassVar[str] = "url"
    example: ClassVar[str] = (
        '{name: the outbox is empty, http: {url: "http://127.0.0.1:8083/outbox", measure: ok, json: {waiting: 0}}, '
        "expect: == 1}"
    )

    url: str = Field(pattern=r"^https?://[^/]", repr=False, examples=["http://127.0.0.1:8080/health"])
    """What is asked for."""
    measure: Literal["latency", "status", "ok"] = "latency"
    """Seconds until the last byte of the answer, its status, or 1 or 0 for whether all is as wished."""
    method: str = Field(default="GET", pattern=r"^[A-Za-z]+$", examples=["POST"])
    """The HTTP method."""
    headers: dict[str, str] = Field(default_factory=dict, repr=False, examples=["{Authorization: Bearer ${TOKEN}}"])
    """Sent with the request."""
    body: str | dict[str, JsonValue] | list[JsonValue] | None = Field(
        default=None, repr=False, examples=["{amount: 1}"]
    )
    """Text as it is; anything else as JSON."""
    status: int | list[int] | None = Field(default=None, examples=["[200, 204]"])
    """The wished status, or several; below 400 if nothing is said."""
    body_contains: str | None = Field(default=None, examples=["healthy"])
    """A text that the first MiB of the body has to have."""
    json_: dict[str, JsonValue] | None = Field(default=None, alias="json", examples=["{orders.0.state: paid}"])
    """Paths with dots into the body, and the values that have to be there."""
    within: SomeTime | None = Field(default=None, examples=["1s"])
    """The longest that the answer may take."""
    fresh: bool = False
    """A new connection for each request."""

    @model_validator(mode="after")
    def _conditions_have_a_use(self) -> Http:
        given = {"status", "body_contains", "json_", "within"} & self.model_fields_set
        if given and self.measure != "ok":
            raise ValueError(f"{min(given).rstrip('_')} is a condition of `measure: ok`, not of `{self.measure}`")
        return self

    def scale(self) -> Scale:
        return {"latency": TIME, "status": Scale(COUNT, 100, 599)}.get(self.measure, Scale(COUNT, 0, 1))

    def endpoint(self) -> Endpoint | None:
        return endpoint_of(self.url)

    def open(self, surroundings: Surroundings) -> Probe:
        return _Http(self)


class _Http:
    def __init__(self, spec: Http) -> None:
        self._spec = spec
        self._session: aiohttp.ClientSession | None = None
        self._headers = dict(spec.headers)
        self._body = spec.body if isinstance(spec.body, str | None) else json.dumps(spec.body)
        if not isinstance(spec.body, str | None) and "content-type" not in {name.lower() for name in spec.headers}:
            self._headers["Content-Type"] = "application/json"

    async def measure(self, window: float) -> Reading:
        spec, began = self._spec, time.monotonic()
        within = min(spec.within or math.inf, spec.patience)
        try:
            async with asyncio.timeout(within if math.isfinite(within) else None):
                status, body = await self._request()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # That the service does not answer is what `ok` asks for; that we cannot ask is not.
            if spec.measure == "ok" and trouble(error) in {"timeout", "refused", "reset"}:
                return Reading(0.0, events=1)
            if spec.measure == "latency" and trouble(error) == "timeout":
                return late(spec, time.monotonic() - began, place(spec.url))
            raise ProbeError(f"{place(spec.url)} could not be measured: {sentence(error)}") from None
        if spec.measure == "latency":
            return Reading(time.monotonic() - began, events=1)
        return Reading(float(status if spec.measure == "status" else self._is_as_wished(status, body)), events=1)

    async def _request(self) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=self._spec.fresh),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        kept = bytearray()
        async with self._session.request(
            self._spec.method.upper(), self._spec.url, headers=self._headers, data=self._body, allow_redirects=False
        ) as response:
            async for piece in response.content.iter_any():
                kept += piece[: _KEPT - len(kept)]
        return response.status, bytes(kept)

    def _is_as_wished(self, status: int, body: bytes) -> bool:
        spec = self._spec
        if not (status < 400 if spec.status is None else status in _listed(spec.status)):
            return False
        if spec.body_contains is not None and spec.body_contains.encode() not in body:
            return False
        if spec.json_ is None:
            return True
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return False
        return all(_same(_found(document, path), wanted) for path, wanted in spec.json_.items())

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _listed(status: int | list[int]) -> list[int]:
    return [status] if isinstance(status, int) else status


def _found(document: Any, path: str) -> Any:
    """What is at `orders.0.state`."""
    for part in path.split("."):
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return _MISSING
    return document


def _same(found: Any, wanted: JsonValue) -> bool:
    """As JSON has it, where true is not 1."""
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)
