"""The normal day of services as a Prometheus measures it: p99, share of errors and rate.

The usual metric families and labels are tried one after another. A service without metrics is reported with the names
that the server does have; a name that is only similar is no match.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from brownout_catalogue.architecture import STORES, Architecture
from brownout_core.connection_failure import place, sentence
from brownout_core.errors import InvalidSpec, Unavailable
from brownout_core.formatting import percent
from brownout_core.promql import WINDOW, duration, scrape_interval
from brownout_core.units import SECONDS

HOUR: Final = 3600.0
TYPICAL_SCRAPE: Final = 15.0
"""Seconds between scrapes where the server does not list its targets."""
_TIMEOUT: Final = 20.0
_STEPS: Final = 240
"""Steps of a window, to find where its data begin."""
_FRESH: Final = (240.0, 12.0)
"""Shorter windows in seconds, for a service that is younger than a step."""
_NAMED: Final = 8


class Family(NamedTuple):
    """A metric of requests: a histogram, or a counter where there is no histogram."""

    name: str
    codes: tuple[str, ...]
    """The labels that may hold the status."""
    unit: float = 1.0
    """In seconds; a counter has 0."""
    only: str = ""
    """A matcher against what would be counted twice."""

    @property
    def counter(self) -> str:
        return f"{self.name}_count" if self.unit else self.name


_CODES: Final = ("code", "status", "status_code")
FAMILIES: Final = (
    Family("http_request_duration_seconds", _CODES),
    Family("http_server_request_duration_seconds", ("http_response_status_code",)),  # OpenTelemetry since 1.23
    Family("http_server_requests_seconds", ("status",)),  # Micrometer
    Family("http_server_duration_milliseconds", ("http_status_code",), 1e-3),  # OpenTelemetry before that
    Family("istio_request_duration_milliseconds", ("response_code",), 1e-3, 'reporter="destination"'),
    Family("http_requests_total", _CODES, 0.0),
    Family("istio_requests_total", ("response_code",), 0.0, 'reporter="destination"'),
)
"""The first that a service has is taken; both ends of a call count it for Istio."""
LABELS: Final = (
    "service", "service_name", "app", "app_kubernetes_io_name", "destination_workload", "destination_canonical_service",
    "container", "job", "exported_job",
)  # fmt: skip
"""The labels that may hold a service's name, the most exact first."""


@dataclass(frozen=True)
class Baseline:
    """The measurements of a service; None stands for one that could not be made."""

    service: str
    family: Family
    selector: str
    """The matchers of its series: `job="orders"`."""
    code: str | None
    """The label that holds the status."""
    looked: float
    """Seconds of data that the numbers cover."""
    rate: float | None = None
    p99: float | None = None
    errors: float | None = None
    highest: float | None = None
    """The highest finite bucket, in seconds: no quantile can be computed beyond it."""
    buckets: tuple[float, ...] = ()

    @property
    def is_p99_known(self) -> bool:
        """False at the highest bucket: the true p99 may be any higher value."""
        return self.p99 is not None and self.highest is not None and self.p99 < self.highest

    def of(self, metric: str, *matchers: str) -> str:
        selector = ",".join(part for part in (self.selector, self.family.only, *matchers) if part)
        return f"{metric}{{{selector}}}"

    @property
    def count_query(self) -> str:
        return f"sum(increase({self.of(self.family.counter)}[{WINDOW}]))"

    @property
    def rate_query(self) -> str:
        return f"sum(rate({self.of(self.family.counter)}[{WINDOW}]))"

    @property
    def p99_query(self) -> str:
        """In seconds."""
        buckets = self.of(f"{self.family.name}_bucket")
        query = f"histogram_quantile(0.99, sum by (le) (rate({buckets}[{WINDOW}])))"
        return query if self.family.unit == 1.0 else f"{query} * {self.family.unit:g}"

    @property
    def errors_query(self) -> str:
        """Computed from successes: a vector of errors is empty when there are none, which would count as no data."""
        good = self.of(self.family.counter, f'{self.code}!~"5.."')
        return f"1 - sum(rate({good}[{WINDOW}])) / {self.rate_query}"

    def around(self, limit: float) -> tuple[float, float] | None:
        """The bounds of the buckets that a limit in seconds lies between; None if it is one of them."""
        if any(math.isclose(limit, bound) for bound in self.buckets):
            return None
        below = [bound for bound in self.buckets if bound < limit]
        above = [bound for bound in self.buckets if bound > limit]
        return (max(below, default=0.0), min(above)) if above else None


class Baselines(NamedTuple):
    """The measurements of an architecture's services on one server."""

    server: str
    """Its URL without user and password."""
    found: Mapping[str, Baseline]
    missing: Mapping[str, str]
    """Services without metrics, and why."""
    scrape: float
    """Seconds between scrapes."""
    has_password: bool = False


def measure(
    server: str,
    architecture: Architecture,
    services: Sequence[str],
    window: float = HOUR,
    *,
    headers: Mapping[str, str] | None = None,
    trusted: ssl.SSLContext | None = None,
) -> Baselines:
    """`headers` go with each query, `trusted` has who signs the certificate. Raises InvalidSpec, Unavailable."""
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidSpec("--baseline", "is no URL of a Prometheus; write it like http://127.0.0.1:9090")
    return asyncio.run(_measured(server, architecture, services, window, dict(headers or {}), trusted))


async def _measured(
    server: str,
    architecture: Architecture,
    services: Sequence[str],
    window: float,
    headers: Mapping[str, str],
    trusted: ssl.SSLContext | None,
) -> Baselines:
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=_TIMEOUT), cookie_jar=aiohttp.DummyCookieJar(), headers=headers,
        connector=aiohttp.TCPConnector(ssl=True if trusted is None else trusted),
    ) as session:  # fmt: skip
        asked = _Asked(session, server)
        names = "|".join(re.escape(family.counter) for family in FAMILIES)
        series = await asked.series(f'{{__name__=~"{names}"}}', window)
        interval = scrape_interval(await asked.targets(), "") or TYPICAL_SCRAPE
        found, missing = {}, {}
        for service in services:
            if architecture.kind(service) in STORES:
                continue
            known = find(service, architecture.components[service].where.labels, series)
            if isinstance(known, str):
                missing[service] = known
            else:
                found[service] = await _numbers(asked, known, window)
    parts = urlsplit(server)
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return Baselines(plain.rstrip("/"), found, missing, interval, "@" in parts.netloc)


def find(service: str, labels: Mapping[str, str], series: Sequence[Mapping[str, str]]) -> Baseline | str:
    """The metrics of a service among all series, without numbers yet; or why there are none."""
    for family in FAMILIES:
        of_family = [one for one in series if one.get("__name__") == family.counter]
        for label, value in _places(service, labels, of_family):
            own = [one for one in of_family if one.get(label) == value]
            code = next((code for code in family.codes if any(code in one for one in own)), None)
            return Baseline(service, family, f"{label}={json.dumps(value, ensure_ascii=False)}", code, 0.0)
    families = sorted({one["__name__"] for one in series if "__name__" in one})
    if not families:
        return f"the server has none of {', '.join(family.counter for family in FAMILIES)}"
    names = sorted({one[label] for one in series for label in LABELS if label in one})
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(families)} know no {service!r}; they are of {', '.join(names[:_NAMED])}{more}"


def _places(service: str, labels: Mapping[str, str], series: Sequence[Mapping[str, str]]) -> Sequence[tuple[str, str]]:
    """Labels with the service's name, or of its pods, that some series has."""
    wanted = [(re.sub(r"\W", "_", label), value) for label, value in labels.items()]
    for label in LABELS:
        wanted.append((label, service))
        # OpenTelemetry's job is namespace/name, and so is that of a ServiceMonitor.
        wanted += [(label, one[label]) for one in series if one.get(label, "").rpartition("/")[2] == service]
    return [(label, value) for label, value in wanted if any(one.get(label) == value for one in series)]


async def _numbers(asked: _Asked, known: Baseline, window: float) -> Baseline:
    looked = window = await _there_is(asked, known.of(known.family.counter), window)
    measured: dict[str, Any] = {"looked": looked, "rate": await asked.number(known.rate_query, window)}
    if known.code is not None:
        errors = await asked.number(known.errors_query, window)
        measured["errors"] = None if errors is None else max(0.0, errors)  # -1e-17 is 0
    if known.family.unit:
        bounds = await asked.bounds(known.of(f"{known.family.name}_bucket"), window)
        buckets = tuple(sorted(bound * known.family.unit for bound in bounds if math.isfinite(bound)))
        measured |= {"buckets": buckets, "highest": max(buckets, default=None)}
        measured["p99"] = await asked.number(known.p99_query, window)
    return Baseline(**{**known.__dict__, **measured})


async def _there_is(asked: _Asked, counter: str, window: float) -> float:
    """How much of a window there are data of: a rate over more than that would be too low."""
    for span in (window, *_FRESH):  # steps are at even times: a coarse one misses what has just begun
        step = duration(span / _STEPS)
        age = await asked.number(f"time() - min(min_over_time(timestamp({counter})[{duration(span)}:{step}]))")
        if age is not None:
            return min(window, max(1.0, float(math.ceil(age))))
    return window


class _Asked:
    """One server."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session, self._server = session, server.rstrip("/")

    async def series(self, selector: str, window: float) -> Sequence[Mapping[str, str]]:
        now = await self.number("time()")
        if now is None:
            raise Unavailable(f"{place(self._server)}: answers without its time")
        form = {"match[]": selector, "start": f"{now - window:.3f}", "end": f"{now:.3f}"}
        data = await self._ask("series", form)
        if not isinstance(data, list):
            raise self._strange()
        return [one for one in data if isinstance(one, dict)]

    async def targets(self) -> Any:
        """The server's list of scraped targets; None if it has none."""
        try:
            async with self._session.get(f"{self._server}/api/v1/targets?state=active") as response:
                return json.loads(await response.read())
        except (aiohttp.ClientError, OSError, ValueError):
            return None

    async def number(self, query: str, window: float = HOUR) -> float | None:
        """None for an empty answer, and for NaN."""
        values = await self._vector(query, window)
        if len(values) != 1 or not math.isfinite(values[0][1]):
            return None
        return values[0][1]

    async def bounds(self, buckets: str, window: float) -> Sequence[float]:
        # Over the window: a service that had no request for five minutes has none at this moment.
        groups = await self._vector(f"group by (le) (last_over_time({buckets}[{WINDOW}]))", window)
        return [float(labels["le"]) for labels, _ in groups if "le" in labels]

    async def _vector(self, query: str, window: float) -> Sequence[tuple[Mapping[str, str], float]]:
        data = await self._ask("query", {"query": query.replace(WINDOW, duration(window))})
        try:
            if data["resultType"] == "scalar":
                return [({}, float(data["result"][1]))]
            return [(one["metric"], float(one["value"][1])) for one in data["result"]]
        except (LookupError, TypeError, ValueError):
            raise self._strange() from None

    async def _ask(self, path: str, form: Mapping[str, str]) -> Any:
        try:
            async with self._session.post(
                f"{self._server}/api/v1/{path}", data=form, allow_redirects=False
            ) as response:
                answer = json.loads(await response.read())
            if answer["status"] == "success":
                return answer["data"]
            why = str(answer.get("error", "")).splitlines()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"Prometheus at {place(self._server)} did not answer: {sentence(error)}") from None
        except (ValueError, LookupError, TypeError, AttributeError):
            raise self._strange() from None
        raise Unavailable(f"Prometheus at {place(self._server)} refused a query: {why[0] if why else 'no reason'}")

    def _strange(self) -> Unavailable:
        return Unavailable(f"{place(self._server)} does not answer as Prometheus does; check the URL")


def summary_lines(baselines: Baselines) -> Sequence[str]:
    """One line for each service: its numbers, or why there are none."""
    lines = []
    for service, one in baselines.found.items():
        parts = [
            f"p99 {SECONDS.format(_short(one.p99))}" if one.is_p99_known and one.p99 is not None
            else f"p99 beyond the highest bucket, {SECONDS.format(one.highest)}" if one.p99 and one.highest
            else "no p99: a counter has no times" if not one.family.unit else "no p99: nothing was counted",
            "errors unknown: no label has the status" if one.code is None
            else "errors unknown: nothing was counted" if one.errors is None else f"errors {percent(one.errors, 2)}",
            "no rate" if one.rate is None else f"{_short(one.rate):g} requests a second",
        ]  # fmt: skip
        where = f"{one.of(one.family.counter)} over {SECONDS.format(one.looked)}"
        lines.append(f"{service}: {', '.join(parts)} ({where})")
    lines += [f"{service}: not found: {why}" for service, why in baselines.missing.items()]
    return lines


def _short(value: float) -> float:
    """To three digits; a quantile is interpolated and no more exact than that."""
    return float(f"{value:.3g}")
