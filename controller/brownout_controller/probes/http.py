"""http: one request, and how long it took, its status, or whether it was as wished."""

from __future__ import annotations

import asyncio
import json
import math
from typing import ClassVar, Final, Literal

import aiohttp
from pydantic import ConfigDict, Field, JsonValue, model_validator

from brownout_controller import clock
from brownout_controller.model.answer_conditions import GOOD, KEPT, AnswerConditions
from brownout_controller.model.endpoint import Endpoint, endpoint_of
from brownout_controller.model.probe import TIME, NoAnswerError, Probe, ProbeContext, ProbeSpec, Reading, Scale, Waits
from brownout_controller.probes.failure_reason import failure_of, late, unmeasured
from brownout_controller.probes.response import Response, exchange, make_session
from brownout_core.connection_failure import place, sentence
from brownout_core.strict_model import SomeTime
from brownout_core.units import COUNT

_FAILED: Final = 500
"""From this status on the server itself reports a failure (RFC 9110, section 15.6): it was fast at nothing."""


class HttpProbe(AnswerConditions, ProbeSpec):
    """The latency in seconds of a request until its last byte, its status, or 1 or 0 for whether all is as wished.

    With `measure: ok`, an answer is as wished when it fits `status` (default: 200 to 299), `body_contains`, `json`
    (paths with dots to values) and `within`; no answer is 0 then. Otherwise no answer is bad if the service answered
    before the fault; one that is waited for is bad once that takes longer than a `latency` may.

    Only good answers have a latency, as an error page is fast and serves nobody. For `measure: latency` an answer below
    500 is good, or one that fits `status` where that is set; another one is no answer, and bad if the service
    answered before the fault. Redirects are not followed. The connection is kept for the next request, unless with
    `fresh`.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "http"
    scalar: ClassVar[str] = "url"
    at_once: ClassVar[int] = 8
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
    within: SomeTime | None = Field(default=None, examples=["1s"])
    """The longest that the answer may take."""
    fresh: bool = False
    """A new connection for each request."""

    @model_validator(mode="after")
    def _conditions_have_a_use(self) -> HttpProbe:
        conditions = {"body_contains", "json_", "within"} & self.model_fields_set
        if "status" in self.model_fields_set and self.measure == "status":
            raise ValueError("status is a condition of `measure: ok` and of `latency`, not of `status`")
        if conditions and self.measure != "ok":
            raise ValueError(f"{min(conditions).rstrip('_')} is a condition of `measure: ok`, not of `{self.measure}`")
        return self

    def scale(self) -> Scale:
        return {"latency": TIME, "status": Scale(COUNT, 100, 599)}.get(self.measure, Scale(COUNT, 0, 1))

    @property
    def asks_service(self) -> bool:
        return True

    @property
    def waits(self) -> Waits:
        return "value" if self.measure == "latency" else "bad"

    def endpoint(self) -> Endpoint | None:
        return endpoint_of(self.url)

    def open(self, context: ProbeContext) -> Probe:
        return _OpenHttp(self)


class _OpenHttp:
    def __init__(self, spec: HttpProbe) -> None:
        self._spec = spec
        self._session: aiohttp.ClientSession | None = None
        self._headers = dict(spec.headers)
        self._body = spec.body if isinstance(spec.body, str | None) else json.dumps(spec.body)
        if not isinstance(spec.body, str | None) and "content-type" not in {name.lower() for name in spec.headers}:
            self._headers["Content-Type"] = "application/json"

    async def measure(self, window: float) -> Reading:
        spec, began = self._spec, clock.now()
        within = min(spec.within or math.inf, spec.patience)
        try:
            async with asyncio.timeout(within if math.isfinite(within) else None):
                response = await self._request()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            waited, failure = clock.now() - began, failure_of(error)
            # That the service does not answer is what `ok` asks for; that we cannot ask is not.
            if spec.measure == "ok" and failure:
                return Reading(0.0, sentence(error), events=1, failure=failure)
            if spec.measure == "latency" and failure == "timeout":
                return late(spec, waited, place(spec.url))
            raise unmeasured(error, f"{place(spec.url)} could not be measured: {sentence(error)}", waited) from None
        if spec.measure == "latency":
            wished = spec.judged(response.status, response.body) == GOOD
            if not (wished if spec.status is not None else response.status < _FAILED):
                raise NoAnswerError("failed", f"{place(spec.url)} answered {response.status}")
            return Reading(clock.now() - began, events=1)
        if spec.measure == "status":
            return Reading(float(response.status), events=1)
        return Reading(float(spec.judged(response.status, response.body) == GOOD), events=1)

    async def _request(self) -> Response:
        spec = self._spec
        if self._session is None:
            self._session = make_session(self._headers, decode=spec.needs_body, fresh=spec.fresh)
        return await exchange(self._session, spec.method, spec.url, self._body, keep=KEPT if spec.needs_body else 0)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
