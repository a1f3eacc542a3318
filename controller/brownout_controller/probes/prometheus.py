"""prometheus: what a PromQL query gives, at an instant or over the window."""

from __future__ import annotations

import json
import math
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

import aiohttp
from pydantic import BaseModel, ConfigDict, Field

from brownout_controller.model.probe import Probe, ProbeContext, ProbeError, ProbeSpec, Reading
from brownout_controller.model.prometheus_server import PrometheusServer, server_of
from brownout_controller.model.secrets import Masker
from brownout_core.connection_failure import failure_reason, place, sentence
from brownout_core.promql import WINDOW, duration, scrape_interval
from brownout_core.strict_model import SomeTime
from brownout_core.units import SECONDS

if TYPE_CHECKING:
    from brownout_controller.model.hypothesis import Terms

_DATE_GRAIN: Final = 1.0
"""A Date header has whole seconds (RFC 9110, section 5.6.7): the true time is up to this much later."""
_SCRAPES: Final = 4
"""A rate needs two samples in its window; with four scrapes it survives one that fails or comes late."""
_BUCKETS: Final = re.compile(r"(?<![\w:])[a-zA-Z_:][\w:]*_bucket\b\s*(?:\{[^}]*\})?")
_LONGEST: Final = 4 << 20
"""Bytes of an answer: parsing holds up everything else in the process, the renewal of leases as well."""
_NAMED: Final = 3
"""So many of several series are named in a sentence."""
_REMEDIES: Final = {
    "matrix": "a range of points for each series; put rate(), increase() or the like around it",
    "string": "text; ask for numbers",
}
"""What an instant query may give and we cannot judge."""

_SIGNED: Final = "; name who signed it as `ca` of the environment's prometheus"
_KEPT_OUT: Final = {
    401: "asks who we are (401): give basic_auth or token in the environment's prometheus, and see that it is right",
    403: "does not let us ask (403): the user or token of the environment's prometheus needs the right to query",
}

_TAKES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "max": max,
    "min": min,
    "mean": lambda values: math.fsum(values) / len(values),
    "last": lambda values: values[-1],
}

_Series = Sequence[tuple[Mapping[str, str], Sequence[tuple[float, float]]]]
"""Labels, and (time, value) pairs."""


class Range(BaseModel):
    """How the window is looked at: a point each `step`, and which of a series's points is meant."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    step: SomeTime = Field(examples=["5s"])
    """From one point to the next."""
    take: Literal["max", "min", "mean", "last"] | None = None
    """Without it each point is a value of its own, and the series rule decides over all of them."""


class PrometheusProbe(ProbeSpec):
    """A number from Prometheus, or from anything that answers its query API.

    `${window}` in a query becomes the hypothesis's window. An empty answer and NaN are no data. `events` is a second
    query, for how many events the first rests on; there an empty answer is 0.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "prometheus"
    scalar: ClassVar[str] = "query"
    looks_back: ClassVar[bool] = True

    example: ClassVar[str] = (
        '{name: checkout answers, prometheus: \'sum(rate(http_requests_total{code!~"5.."}[${window}])) '
        '/ sum(rate(http_requests_total[${window}]))\', expect: ">= 99.5%", window: 60s}'
    )

    query: str = Field(min_length=1, examples=["sum(rate(errors_total[${window}]))"])
    """PromQL; `${window}` in it is the hypothesis's window."""
    events: str | None = Field(default=None, examples=["sum(increase(http_requests_total[${window}]))"])
    """A second query, for how many events the first rests on: what `min_events` looks at."""
    range: Range | None = Field(default=None, examples=["{step: 5s, take: max}"])
    """Asks for all points of the window instead of its end."""
    server: str | None = Field(default=None, repr=False, examples=["http://127.0.0.1:9090"])
    """The environment's by default."""
    headers: dict[str, str] = Field(default_factory=dict, repr=False, examples=["{X-Scope-OrgID: shop}"])
    """Sent with each query, for servers that ask for a tenant or a token."""
    scrape_interval: SomeTime | None = Field(default=None, examples=["15s"])
    """How often the server scrapes what is asked for; by default it is asked. A window needs four scrapes."""
    max_skew: SomeTime = Field(default=5.0, examples=["5s"])
    """By how much the server's clock may differ from ours."""

    def judged_by(self, terms: Terms) -> Self:
        if self.scrape_interval is not None and (flaw := self.too_short(terms.window, self.scrape_interval)):
            raise ValueError(flaw)
        return super().judged_by(terms)

    def too_short(self, window: float, interval: float) -> str:
        """Why the window is too short for a rate; empty if it is not."""
        if WINDOW not in self.query or window >= _SCRAPES * interval:
            return ""
        needed = SECONDS.format(_SCRAPES * interval)
        return (
            f"a window of {SECONDS.format(window)} has fewer than {_SCRAPES} scrapes, one each "
            f"{SECONDS.format(interval)}; write window: {needed}"
        )

    def open(self, context: ProbeContext) -> Probe:
        # What the environment's server asks for is for nobody else: not for one that the hypothesis names itself.
        server = server_of(self.server or context.prometheus)
        if server is None:
            raise ProbeError("there is no Prometheus: name one in the environment, or as `server` of the hypothesis")
        return _OpenPrometheus(self, server, context)


class _OpenPrometheus:
    def __init__(self, spec: PrometheusProbe, server: PrometheusServer, context: ProbeContext) -> None:
        """Raises ProbeError for a CA that cannot be read."""
        self._spec, self._server = spec, server.url.rstrip("/")
        self._where = f"Prometheus at {place(server.url)}"
        own = {name.lower() for name in spec.headers}
        inherited = {name: value for name, value in server.all_headers().items() if name.lower() not in own}
        self._headers = {**inherited, **spec.headers}
        self._ssl = _trusting(server.ca)
        secrets = [*context.secrets.values(), *spec.headers.values(), *server.secrets]
        self._masker = Masker(secrets, urls=[server.url])
        self._session: aiohttp.ClientSession | None = None
        self._interval = spec.scrape_interval
        self._checked = {"interval": WINDOW not in spec.query or spec.scrape_interval is not None, "buckets": False}

    async def measure(self, window: float) -> Reading:
        now = _wall()
        await self._check_window(window)
        await self._check_buckets(window, now)
        span = self._spec.range
        if span is None:
            series = await self._instant(self._spec.query, window, now)
            reading = _reading([(_labels_text(labels), value) for labels, points in series for _, value in points])
        else:
            form = {"start": _moment(now - window), "end": _moment(now), "step": f"{span.step:.3f}"}
            _, series = await self._ask("query_range", self._spec.query, window, form)
            reading = _reading([point for labels, points in series for point in _taken(labels, points, span.take)])
        if self._spec.events is None:
            return reading
        counted = [value for _, points in await self._instant(self._spec.events, window, now) for _, value in points]
        return reading._replace(events=math.fsum(value for value in counted if not math.isnan(value)))

    async def _instant(self, query: str, window: float, now: float) -> _Series:
        what, series = await self._ask("query", query, window, {"time": _moment(now)})
        if what in _REMEDIES:
            raise ProbeError(f"the query gives {_REMEDIES[what]}")
        return series

    async def _check_window(self, window: float) -> None:
        """Raises ProbeError for one that is too short for the scrapes of what is asked for, if the server reports
        them."""
        if not self._checked["interval"]:
            self._interval = scrape_interval(await self._get("targets?state=active"), self._spec.query)
            self._checked["interval"] = True
        if self._interval is not None and (flaw := self._spec.too_short(window, self._interval)):
            raise ProbeError(flaw)

    async def _check_buckets(self, window: float, now: float) -> None:
        """Raises ProbeError for limits beyond the finite buckets of the query's histogram."""
        selector = histogram(self._spec.query)
        if selector is None or not self._spec.limits or self._checked["buckets"]:
            return
        bounds = [
            float(labels["le"])
            for labels, _ in await self._instant(f"group by (le) ({selector})", window, now)
            if "le" in labels
        ]
        highest = max((bound for bound in bounds if math.isfinite(bound)), default=None)
        if highest is None:
            return  # there is nothing yet, which the query itself reports
        beyond = [limit for limit in self._spec.limits if limit > highest]
        if beyond:
            raise ProbeError(
                f"{beyond[0]:g} is above the highest finite bucket, {highest:g}, the end of what a quantile can be"
            )
        self._checked["buckets"] = True

    async def _get(self, path: str) -> Any:
        """The server's own figures; None from servers that have none."""
        try:
            async with self._opened().get(
                f"{self._server}/api/v1/{path}", headers=self._headers, allow_redirects=False
            ) as response:
                return json.loads(await self._body(response))
        except (aiohttp.ClientError, OSError, ValueError, RecursionError, ProbeError):
            return None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """Raises ProbeError for one that is too long."""
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > _LONGEST:
                raise ProbeError(
                    f"{self._where} gave more than {_LONGEST >> 20} MiB; put sum() or the like around the query"
                )
        return bytes(body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            patient = aiohttp.ClientTimeout(total=None)
            connector = aiohttp.TCPConnector(ssl=self._ssl)
            self._session = aiohttp.ClientSession(
                timeout=patient, cookie_jar=aiohttp.DummyCookieJar(), connector=connector
            )
        return self._session

    async def _ask(self, path: str, query: str, window: float, form: Mapping[str, str]) -> tuple[str, _Series]:
        """The result's type and its series."""
        url, sent = f"{self._server}/api/v1/{path}", _wall()
        form = {"query": query.replace(WINDOW, duration(window)), **form}
        try:
            # Not redirected: a POST would arrive as a GET without its form, and the headers at somebody else's.
            async with self._opened().post(url, data=form, headers=self._headers, allow_redirects=False) as response:
                body = await self._body(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            remedy = _SIGNED if failure_reason(error) == "certificate" else ""
            raise ProbeError(f"{self._where} could not be asked: {sentence(error)}{remedy}") from None
        off = skew(response.headers.get("Date"), sent, _wall())
        if abs(off) > self._spec.max_skew:
            side = "ahead of" if off > 0 else "behind"
            raise ProbeError(f"the clock of {self._where} is {abs(off):.0f} s {side} ours; set both by NTP")
        return self._parsed(response.status, body)

    def _parsed(self, status: int, body: bytes) -> tuple[str, _Series]:
        try:
            answer: dict[str, Any] = json.loads(body)
            if answer["status"] != "success":
                raise ProbeError(f"{self._where} refused the query: {self._masker.line(str(answer['error']))}")
            if answer.get("warnings"):  # so Thanos reports a store that was away, and half an answer is none
                raise ProbeError(f"{self._where} warns: {self._masker.line('; '.join(map(str, answer['warnings'])))}")
            data = answer["data"]
            return data["resultType"], _series(data["resultType"], data["result"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            strange = f"gave status {status} and not what its query API answers"
            if 300 <= status < 400:
                strange += "; it leads elsewhere: write the URL that it leads to"
            elif status in (200, 404, 405):
                strange += "; write its URL without what comes after the place of /api/v1"
            raise ProbeError(f"{self._where} {_KEPT_OUT.get(status, strange)}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _trusting(ca: str | None) -> ssl.SSLContext | bool:
    """Raises ProbeError."""
    if ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ValueError):  # of which ssl.SSLError is one
        raise ProbeError(f"the environment's prometheus.ca, {ca}, is no file in PEM that can be read") from None


def histogram(query: str) -> str | None:
    """The buckets that a query's `histogram_quantile` reads; None where it has none, or another kind of histogram."""
    match = _BUCKETS.search(query) if "histogram_quantile" in query else None
    return match[0] if match is not None else None


def skew(date: str | None, sent: float, received: float) -> float:
    """By how many seconds, at least, the clock that wrote `date` is ahead of ours, or behind where it is negative."""
    try:
        there = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return 0.0
    return max(0.0, there - received) or min(0.0, there + _DATE_GRAIN - sent)


def _wall() -> float:
    return datetime.now(UTC).timestamp()


def _moment(at: float) -> str:
    return f"{at:.3f}"


def _series(what: str, result: Any) -> _Series:
    """Values arrive as text, `NaN` and `+Inf` among them."""
    if what == "string":
        return []
    if what == "scalar":
        return [({}, [(float(result[0]), float(result[1]))])]
    return [
        (dict(one["metric"]), [(float(at), float(value)) for at, value in one.get("values") or [one["value"]]])
        for one in result
    ]


def _taken(
    labels: Mapping[str, str], points: Sequence[tuple[float, float]], take: str | None
) -> list[tuple[str, float]]:
    name, values = _labels_text(labels), [value for _, value in points]
    if take is None:
        return [(f"{name} at {datetime.fromtimestamp(at, UTC):%H:%M:%SZ}".strip(), value) for at, value in points]
    if any(map(math.isnan, values)):  # which max() would pass over or not, by its place
        return [(name, math.nan)]
    return [(name, _TAKES[take](values))]


def _labels_text(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "__name__")
    name = labels.get("__name__", "")
    return f"{name}{{{inner}}}" if inner else name


def _reading(values: Sequence[tuple[str, float]]) -> Reading:
    if not values:
        return Reading(None, "the query gave no series")
    unknown = [label for label, value in values if math.isnan(value)]
    if unknown:  # one good series beside it must not stand for both
        of = f" for {unknown[0]}" if unknown[0] else ""
        return Reading(None, f"the query gave NaN{of}: 0/0, most likely, because nothing was counted")
    if len(values) == 1:
        return Reading(values[0][1])
    some = ", ".join(label for label, _ in values[:_NAMED]) + (", ..." if len(values) > _NAMED else "")
    return Reading(None, f"the query gave {len(values)} values: {some}", series=tuple(values))
