"""The hypotheses of an experiment file: those that can be measured as they are, and those that somebody must fill in.

What only somebody who knows the system can write, such as a query for what was lost, is a commented example: an
invented query would pass for the wrong reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.generate.terms import (
    LONGEST,
    SLOWER_AFTER,
    STOP,
    Number,
    Source,
    errors_limit,
    longest_of,
    outlasting,
    p99_limit,
    percent,
)
from brownout_catalogue.importers.yaml.architecture_file import flow
from brownout_catalogue.scoring.modes import Claim, library
from brownout_catalogue.scoring.scenario import Scenario
from brownout_core.units import SECONDS

_SPEAKS_POSTGRES: Final = re.compile(r"postgres|\bpg\b|pgsql|pgbouncer|timescale|cockroach")
_NOT_POSTGRES: Final = re.compile(r"mysql|mariadb|mongo|cassandra|scylla|clickhouse|elastic|dynamo|mssql|oracle|influx")
_EVENTS: Final = 50
_EVENTS_SCRAPED: Final = 20


class Line(NamedTuple):
    """A key of a hypothesis, its value and the origin of the value."""

    key: str
    value: Any
    comment: str = ""


class Hypothesis(NamedTuple):
    """A hypothesis that can be measured."""

    lines: tuple[Line, ...]
    remark: str = ""
    """The comment above it."""


class Example(NamedTuple):
    """A hypothesis that a person must complete."""

    name: str
    because: str
    yours: str
    content: Mapping[str, Any]


def hypotheses(scenario: Scenario, source: Source) -> Iterator[Hypothesis]:
    if source.kind == "edge":
        yield from _of_edge(scenario)
        return
    assert source.stake is not None
    name = source.stake.name
    limit, errors = p99_limit(source), errors_limit(source)
    lines_of = (_by_load if source.kind == "traffic" else _by_server)(source)
    if (latency := lines_of("p99")) is not None and why_not(scenario, source, limit) is None:
        yield Hypothesis(
            (
                Line("name", f"{name} answers in time"),
                Line("because", library().claims["fast"].because),
                *latency,
                Line("expect", limit.expected, limit.comment),
                *_counted(source),
            ),
            _bucket_remark(source, limit),
        )
    if (failures := lines_of("errors")) is not None:
        stop = Line("stop", f"> {percent(max(STOP, min(0.9, 2 * errors.value)))}", "ends the fault at once")
        yield Hypothesis((
            Line("name", f"{name} does not fail"),
            Line("because", library().claims["works"].because),
            *failures,
            Line("expect", f"< {percent(errors.value)}", errors.comment),
            *([stop] if errors.value < STOP else []),
            *_counted(source),
        ))  # fmt: skip
    if (latency := lines_of("p99")) is not None:
        yield Hypothesis((
            Line("name", f"{name} is as fast as before once it is over"),
            Line("because", library().claims["as-before"].because),
            *latency,
            Line("expect", SLOWER_AFTER, "100ms, as a p99 of a few milliseconds doubles by chance"),
            Line("when", ["baseline", "recovery"]),
            *_counted(source, min_events=False),
        ))  # fmt: skip


def why_not(scenario: Scenario, source: Source, limit: Number) -> str | None:
    """The reason for making no claim about latency; None where the claim is made."""
    one, longest = source.baseline, longest_of(outlasting(scenario, limit.value))
    if "fast" not in scenario.mode.claims:
        return "the fault delays no answer; it fails or loses some"
    if limit.value > LONGEST / 2:
        return f"an answer may take {SECONDS.format(limit.value)}, longer than a fault on a laptop should last"
    if 0 < longest <= limit.value:
        waits = f"{SECONDS.format(longest)} at most, and an answer may take {SECONDS.format(limit.value)}"
        return f"the fault holds an answer up for {waits}: who only waits would keep it"
    if source.kind == "prometheus" and one is not None:
        if not one.family.unit:
            return f"{one.family.name} is a counter and has no times"
        if not one.is_p99_known:
            return f"the p99 of {one.service} is at its highest bucket already, so that its true value is unknown"
    return None


def examples(scenario: Scenario, architecture: Architecture) -> Iterator[Example]:
    """The claims that a person must complete, with data that must not be lost among them."""
    claims = {claim.name: claim for claim in scenario.claims if claim.yours}
    component = scenario.component
    if component is not None and architecture.is_stateful(component):
        lost = library().claims["nothing-lost"]
        claims.setdefault(lost.name, lost)
    for claim in claims.values():
        content = {"name": claim.name, **_example(claim, scenario, architecture), "expect": claim.expect}
        if len(claim.when) < 3:
            content["when"] = list(claim.when)
        yield Example(claim.name, claim.because, claim.yours, content)


def _example(claim: Claim, scenario: Scenario, architecture: Architecture) -> Mapping[str, Any]:
    if claim.probe == "prometheus":
        return {"prometheus": "sum(rabbitmq_queue_messages_ready)"}
    database = next((name for name in _databases(scenario, architecture)), None)
    if database is None or _is_postgres(database, architecture):
        lost = "select count(*) from orders where state = 'pending' and now() - created > interval '1 min'"
        twice = "select count(*) - count(distinct request_key) from orders"
        query = twice if "distinct" in claim.yours else lost
        return {"sql": {"dsn": "${POSTGRES_DSN}", "query": query}}
    return {"command": {"run": ["./count-what-is-lost.sh"], "measure": "number"}}


def _databases(scenario: Scenario, architecture: Architecture) -> Iterator[str]:
    if scenario.component is not None and architecture.kind(scenario.component) == "database":
        yield scenario.component
    yield from (name for name in architecture.components if architecture.kind(name) == "database")


def _is_postgres(name: str, architecture: Architecture) -> bool:
    known = f"{name} {architecture.components[name].where.image or ''}".lower()
    return bool(_SPEAKS_POSTGRES.search(known)) or not _NOT_POSTGRES.search(known)


def _by_load(source: Source) -> Any:
    return lambda measure: (Line("traffic", measure),)


def _by_server(source: Source) -> Any:
    one = source.baseline
    assert one is not None
    queries = {
        "p99": one.p99_query if one.family.unit and one.is_p99_known else None,
        "errors": one.errors_query if one.code is not None else None,
    }
    server = "${PROMETHEUS}" if source.has_password else source.server

    def lines_of(measure: str) -> tuple[Line, ...] | None:
        query = queries[measure]
        if query is None:
            return None
        return (Line("prometheus", {"query": query, "events": one.count_query, "server": server}),)

    return lines_of


def _counted(source: Source, *, min_events: bool = True) -> Iterator[Line]:
    if source.kind == "prometheus":
        yield Line(
            "window", SECONDS.format(source.window), f"at least four scrapes, one each {SECONDS.format(source.scrape)}"
        )
        yield Line("every", "5s")
    if min_events:
        events = _EVENTS if source.kind == "traffic" else _EVENTS_SCRAPED
        yield Line("min_events", events, "fewer requests in a window prove nothing")


def _bucket_remark(source: Source, limit: Number) -> str:
    """A quantile between two bounds is interpolated."""
    between = (
        source.baseline.around(limit.value) if source.kind == "prometheus" and source.baseline is not None else None
    )
    if between is None:
        return ""
    low, high = (SECONDS.format(bound) for bound in between)
    return f"The histogram has bounds at {low} and {high}: between them a p99 is interpolated."


def _of_edge(scenario: Scenario) -> Iterator[Hypothesis]:
    """What the proxy measures of the edge: little, but available everywhere."""
    fault = scenario.faults[0]
    way = "bytes_up" if fault.get("direction") == "upstream" else "bytes_down"
    when = Line("when", ["baseline", "recovery"])
    yield Hypothesis((
        Line("name", "as much goes over the edge as before once it is over"),
        Line("because", "whoever gave up during the fault must come back by itself"),
        Line("edge", way),
        Line("expect", ">= 0.5 * baseline", "half, as work comes unevenly"),
        when,
    ))  # fmt: skip
    yield Hypothesis((
        Line("name", "connections are not opened anew all the time once it is over"),
        Line("because", "a pool that does not refill, and retries that go on, outlive the fault"),
        Line("edge", "connections"),
        Line("expect", "<= 2 * baseline + 5/s"),
        when,
    ))  # fmt: skip
    yield Hypothesis((
        Line("name", "connections are not opened without end while it lasts"),
        Line("because", "a caller that tries again at once, and always, does more harm than the fault"),
        Line("edge", "connections"),
        Line("expect", "<= 5 * baseline + 20/s", "assumed: ten requests a second that open one each, twice"),
        Line("when", ["baseline", "during"]),
    ))  # fmt: skip


def yaml_lines(content: Mapping[str, Any]) -> Iterator[str]:
    """A hypothesis as the lines of a file, without a margin."""
    for number, (key, value) in enumerate(content.items()):
        yield f"{'- ' if not number else '  '}{key}: {flow(value)}"
