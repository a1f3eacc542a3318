"""Rules about the claims together: that they are about the fault, and that a system that does not cope misses one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from brownout_controller.lint.rule import Found, rule
from brownout_controller.lint.subject import CheckedHypothesis, Subject
from brownout_controller.model.hypothesis import Accepted
from brownout_controller.probes.http import HttpProbe
from brownout_controller.probes.redis import RedisProbe
from brownout_controller.probes.tcp import TcpProbe, host_and_port
from brownout_controller.probes.traffic import TrafficProbe, overdue_after
from brownout_core.fault_strength import LARGE, strength
from brownout_core.units import BYTES, SECONDS

_HEALTH: Final = re.compile(
    r"/(?:[\w-]+/)*(?:health(?:z|check)?|live(?:z|ness)?|readyz?|readiness|ping|status|metrics|alive)/?"
)


@rule(
    "fault-fits-claim",
    "warning",
    "Waiting for the fault to pass meets the claim",
    "claim less than the fault delays, or make the fault longer than the limit",
    bad="""
    fault: {latency: 1s}
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
      - {name: p99 stays under 2 s, traffic: p99, expect: < 2s}
    """,
    good="""
    fault: {latency: 3s}
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
      - {name: p99 stays under 2 s, traffic: p99, expect: < 2s}
    """,
)
def fits(subject: Subject) -> Iterator[Found]:
    """Where answers are delayed by 1 s and may take 2 s, a system that does nothing but wait passes: no timeout, no
    fallback and no pool was tested. The delays of all faults are added; jitter counts with the value that one segment
    in 10,000 exceeds, and `bandwidth` and `slicer` with the time that an answer of 10 MB takes. A fault that may hold
    an answer back for good, or end its connection, fits into no limit. An `ok` of `http` is looked at where `within`
    is all that it asks for.
    """
    faults, longest = list(subject.faults), _longest_delay(subject)
    if longest is None:
        return
    for checked in subject.during:
        allowed = _allowed(checked)
        if allowed is None or allowed <= longest:
            continue
        kinds = " and ".join(dict.fromkeys(spec.kind for _, spec in faults))
        size = (
            f" an answer of {BYTES.format(LARGE)}"
            if {"bandwidth", "slicer"} & {spec.kind for _, spec in faults}
            else ""
        )
        yield Found(
            checked.at("expect"),
            f"{kinds} delays{size} by {SECONDS.format(float(f'{longest:.3g}'))} at most, and {checked.name!r} allows "
            f"{SECONDS.format(allowed)}: a service that only waits passes",
        )


def _longest_delay(subject: Subject) -> float | None:
    """Seconds by which all faults together hold up an answer at most; None where one of them does nothing, or may hold
    it back for good."""
    strengths = [strength(spec.fault) for _, spec in subject.faults]
    longest = math.fsum(one.longest for one in strengths)
    return longest if 0 < longest < math.inf and not any(one.idle or one.faint for one in strengths) else None


def _allowed(checked: CheckedHypothesis) -> float | None:
    """How long an answer may take; None where that is not what is claimed."""
    probe = checked.probe
    if isinstance(probe, HttpProbe) and probe.measure == "ok":
        asks_more = probe.status is not None or probe.body_contains is not None or probe.json_ is not None
        return None if asks_more else probe.within
    return checked.allowed if checked.is_latency else None


@rule(
    "latency-without-errors",
    "warning",
    "Latencies are claimed, and errors are not",
    "claim something about errors as well, like {name: errors stay below 1 %, traffic: errors, expect: < 1%}",
    bad="""
    hypotheses:
      - {name: p99 stays under 2 s, traffic: p99, expect: < 2s}
    """,
    good="""
    hypotheses:
      - {name: p99 stays under 2 s, traffic: p99, expect: < 2s}
      - {name: errors stay below 1 %, traffic: errors, expect: < 1%}
    """,
)
def only_latency(subject: Subject) -> Iterator[Found]:
    """An error is often answered faster than a page: a service that answers 500 to everybody has a fine p99."""
    slow = [checked for checked in subject.during if checked.is_latency]
    if slow and not any(checked.is_success for checked in subject.during):
        yield Found(
            slow[0].path, f"{slow[0].name!r} is about time, and nothing is claimed about errors under the fault"
        )


@rule(
    "late-is-unanswered",
    "warning",
    "A late answer counts as none, and nothing says what is late",
    "say how long an answer may take",
    bad="""
    fault: {latency: 6s}
    traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s, timeout: 20s}
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%, window: 5s}
    """,
    good="""
    fault: {latency: 6s}
    traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s, timeout: 20s}
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%, window: 5s}
      - {name: p99 stays under 2 s, traffic: p99, expect: < 2s}
    """,
)
def implicit_limit(subject: Subject) -> Iterator[Found]:
    """`errors` counts a request that still waits as unanswered from the strictest limit of a latency on, or, without
    such a limit, from the shortest `window` on. Where the fault delays by as much, a service that answers every request
    well, but late, misses the claim. The same is true of a `status` or `ok` of `http` whose answer takes longer than a
    `timeout` that the file does not have. Claim a latency as well, and the limit is the one that you mean.
    """
    longest, load = _longest_delay(subject), subject.conditions.traffic
    if longest is None:
        return
    if any(checked.is_latency for checked in subject.hypotheses):
        return
    for checked in subject.during:
        probe, limit, remedy = checked.probe, math.inf, ""
        if isinstance(probe, TrafficProbe) and probe.measure == "errors" and load is not None:
            limit = overdue_after(subject.experiment.hypotheses, load.timeout)
            limit = limit if limit < load.timeout else math.inf
            remedy = "claim a p99 as well, with the time that an answer may take, or lengthen window beyond the delay"
        elif isinstance(probe, HttpProbe) and probe.measure != "latency" and probe.within is None:
            limit = math.inf if "timeout" in checked.terms.model_fields_set else checked.terms.timeout
            remedy = "give the hypothesis a timeout, or measure: ok with within"
        if limit <= longest:
            yield Found(
                checked.path,
                f"an answer that takes {SECONDS.format(limit)} counts as none, and the fault may delay by "
                f"{SECONDS.format(float(f'{longest:.3g}'))}",
                remedy,
            )


@rule(
    "nothing-claimed-under-fault",
    "warning",
    "Nothing is claimed for the time of the fault",
    "add a hypothesis with during among its phases, or leave when out",
    bad="""
    hypotheses:
      - {name: errors are gone afterwards, traffic: errors, expect: < 1%, when: [recovery]}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
    """,
)
def only_after(subject: Subject) -> Iterator[Found]:
    """With `when: [recovery]` alone the system may be down for as long as the fault lasts: what is shown is that it
    comes back.
    """
    if subject.hypotheses and not subject.during:
        yield Found(("hypotheses",), "no hypothesis is measured while the fault is there")


@rule(
    "asks-the-callee",
    "warning",
    "What is measured under the fault goes around the edge",
    "measure what the caller does: ask the caller, or send it traffic",
    bad="""
    edge: checkout -> payment
    hypotheses:
      - {name: payment answers, http: {url: "http://payment:8080/pay", measure: ok}, expect: == 1}
    """,
    good="""
    edge: checkout -> payment
    hypotheses:
      - {name: checkout answers, http: {url: "http://checkout:8080/pay", measure: ok}, expect: == 1}
    """,
)
def callee(subject: Subject) -> Iterator[Found]:
    """The fault is between caller and callee. Who asks the callee itself, past the proxy, meets no fault, and every
    claim holds. Seen by the host's name: that of the edge's end, or the one that the environment has for it under
    `services`.
    """
    hosts = [_host(checked) for checked in subject.during]
    if hosts and all(host is not None and _is_sink(subject, host) for host in hosts):
        yield Found(
            subject.during[0].path,
            f"all that is measured under the fault asks {hosts[0]}, which the edge leads to, and not its caller",
        )


def _host(checked: CheckedHypothesis) -> str | None:
    """Whom a probe asks, where it asks a service."""
    probe = checked.probe
    if isinstance(probe, HttpProbe):
        return urlsplit(probe.url).hostname
    if isinstance(probe, TcpProbe):
        return host_and_port(probe.address)[0]
    return urlsplit(probe.url).hostname if isinstance(probe, RedisProbe) else None


def _is_sink(subject: Subject, host: str) -> bool:
    sink = subject.sink.lower()
    place = subject.environment.services.get(subject.sink) if subject.environment is not None else None
    known = {sink} if place is None or place.host is None else {sink, place.host.lower()}
    return host.lower() in known or host.lower().startswith(f"{sink}.")


@rule(
    "health-page-only",
    "warning",
    "Only a health page is asked under the fault",
    "ask for a page that needs the edge",
    bad="""
    hypotheses:
      - {name: the shop works, http: {url: "http://127.0.0.1:8080/healthz", measure: ok}, expect: == 1}
    """,
    good="""
    hypotheses:
      - {name: the shop works, http: {url: "http://127.0.0.1:8080/cart", measure: ok}, expect: == 1}
    """,
)
def health(subject: Subject) -> Iterator[Found]:
    """A health page answers by design without what the service depends on, so that it goes on answering under the
    fault: what is shown is that the process lives.
    """
    asked = [_page(subject, checked) for checked in subject.during]
    if asked and all(page is not None and _HEALTH.fullmatch(page) for page in asked):
        yield Found(
            subject.during[0].path, f"all that is asked for under the fault is {asked[0]}, which may not need the edge"
        )


def _page(subject: Subject, checked: CheckedHypothesis) -> str | None:
    load = subject.conditions.traffic
    if isinstance(checked.probe, TrafficProbe) and load is not None:
        return urlsplit(load.url).path
    return urlsplit(checked.probe.url).path if isinstance(checked.probe, HttpProbe) else None


@rule(
    "nothing-needs-data",
    "warning",
    "Nothing has to be measured under the fault",
    "leave no_data out of at least one hypothesis",
    bad="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%, no_data: {pass: nobody pays at night}}
    """,
    good="""
    hypotheses:
      - {name: errors stay low, traffic: errors, expect: < 1%}
    """,
)
def no_data(subject: Subject) -> Iterator[Found]:
    """With `no_data: {pass: ...}` for all that is claimed under the fault, a run passes that has measured nothing."""
    if subject.during and all(isinstance(checked.terms.no_data, Accepted) for checked in subject.during):
        yield Found(subject.during[0].at("no_data"), "each hypothesis under the fault holds without data as well")
