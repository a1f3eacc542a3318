"""Rules about where things are: what only the environment and the proxies of its file can show."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from brownout_controller.lint.rule import Found, rule
from brownout_controller.lint.subject import Path, Subject
from brownout_controller.model.endpoint import Endpoint, endpoints_of, reaches
from brownout_controller.model.safety import OUTSIDE
from brownout_controller.probes.prometheus import PrometheusProbe
from brownout_core.spelling import unknown


@rule(
    "asks-the-proxy",
    "error",
    "The proxy itself is asked, and not the service",
    "ask the caller of the edge",
    bad="""
    edge: checkout -> payment
    traffic: {url: "http://127.0.0.1:18080/pay", rate: 20/s}
    """,
    good="""
    edge: checkout -> payment
    traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s}
    """,
)
def own_address(subject: Subject) -> Iterator[Found]:
    """Where a probe or the load talks to the address on which the proxy of the edge listens, it is the one that meets
    the fault: what is measured is the fault, and not how a service copes with it. Seen with `--env`, where the file has
    the proxies. An edge from `outside` is the exception, as its load stands for the clients, and so is an experiment
    that switches the net `own-traffic` off.
    """
    conditions = subject.conditions
    if conditions.edge.partition("->")[0].strip() == OUTSIDE or "own-traffic" in conditions.nets:
        return
    for name in subject.carriers:
        listen, upstream = subject.listeners.get(name, ("", ""))
        for path, asked, who in _asked(subject):
            if any(reaches(asked, there) for there in endpoints_of(listen)):
                yield Found(
                    path,
                    f"{who} asks {asked}, where the proxy {name!r} listens",
                    f"ask the caller of the edge; to measure what is behind the proxy, ask {upstream}",
                )


def _asked(subject: Subject) -> Iterator[tuple[Path, Endpoint, str]]:
    load = subject.conditions.traffic
    for asked in () if load is None else endpoints_of(load.url):
        yield ("traffic", "url"), asked, "the load"
    for checked in subject.hypotheses:
        for asked in checked.probe.endpoints():
            yield checked.inside(), asked, repr(checked.name)


@rule(
    "edge-without-proxy",
    "warning",
    "No proxy carries the edge",
    "name the proxy under edges of the environment, or add one under proxies",
    bad="edge: checkout -> paymet",
    good="edge: checkout -> payment",
)
def uncarried(subject: Subject) -> Iterator[Found]:
    """An edge runs through the proxy that the environment names for it under `edges`, else through the one that is
    called like the edge, or like its end. Seen with `--env`, where the file has the proxies.
    """
    if not subject.listeners or subject.environment is None or subject.environment.backend != "proxy":
        return
    wanted = subject.carriers
    if not any(name in subject.listeners for name in wanted):
        yield Found(("edge",), unknown(f"proxy {wanted[-1]!r}", wanted[-1], subject.listeners))


@rule(
    "no-prometheus",
    "warning",
    "The environment has no Prometheus",
    "write prometheus: http://HOST:9090 into the environment, or server into the hypothesis",
    bad="""
    hypotheses:
      - {name: few wait, prometheus: sum(queue_length), expect: < 100}
    """,
    good="""
    hypotheses:
      - {name: few wait, prometheus: {query: sum(queue_length), server: "http://127.0.0.1:9090"}, expect: < 100}
    """,
)
def no_server(subject: Subject) -> Iterator[Found]:
    """Without a server there is no data, and the run is inconclusive. Seen with `--env`."""
    if subject.environment is None or subject.environment.prometheus is not None:
        return
    for checked in subject.hypotheses:
        if isinstance(checked.probe, PrometheusProbe) and checked.probe.server is None:
            yield Found(checked.inside(), f"{checked.name!r} asks Prometheus, whose address is not configured")


@rule(
    "unknown-code",
    "warning",
    "Something is accepted that is no finding",
    "write a code that `brownout lint` prints in brackets, or take the line away",
    bad="lint: {fault-fit-claim: two round trips take as long}",
    good="lint: {fault-fits-claim: two round trips take as long}",
)
def unknown_code(subject: Subject) -> Iterator[Found]:
    """The experiment's `lint` has findings that it lives with, by their codes, each with the reason. One that is
    misspelt hides nothing.
    """
    for code in subject.accepted:
        if code not in subject.codes:
            near = difflib.get_close_matches(code, subject.codes, n=1, cutoff=0.6)
            yield Found(
                ("lint", code), f"there is no finding {code!r}" + (f"; did you mean {near[0]}?" if near else "")
            )
