"""Rules about what stands in when something is gone: replicas, fallbacks, new certificates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from brownout_catalogue.architecture import Edge
from brownout_catalogue.findings.rule import Change, Fix, Found, Missing, rule
from brownout_catalogue.findings.rule_context import RuleContext, listed
from brownout_core.units import SECONDS

_SOON: Final = 30
"""Days before its end from which on a certificate that a person must replace is an error."""


@rule("single-replica", "warning", "A revenue path goes through a single replica", "replicas")
def single(ground: RuleContext) -> Iterator[Found | Missing]:
    """With one replica every restart, every deployment and every lost node is an outage of all that goes over it: 1
    of 1 is 100 %; with two it is half of the requests until the next retry. Only where the file states `replicas: 1`
    and a flow with revenue cannot do without it; on other flows, and in a file without flows, it is a note. For what
    keeps data there is single-store.
    """
    for name, service in ground.architecture.services.items():
        flows = ground.on(name)
        if service.replicas is None or service.replicas > 1 or keeps_data(ground, name):
            continue
        paying, callers = ground.paying(flows), ground.architecture.callers(name)
        if flows:
            lost = f"all of {ground.told(paying or flows)} fails"
        elif callers and not ground.architecture.flows:
            lost = f"all calls of it fail, those of {listed(sorted(edge.source for edge in callers))}"
        else:
            continue
        sentence = f"{name} has {replicas(service.replicas)}: while it restarts, {lost}"
        fix = Fix((Change(ground.at(name, "replicas"), 2, at_most=False),))
        yield Found(ground.at(name, "replicas"), sentence, (fix,), None if paying else "note")


@rule("single-store", "warning", "Data is kept by a single replica", "replicas")
def single_store(ground: RuleContext) -> Iterator[Found | Missing]:
    """A database, a queue or another service with `stateful: true` and `replicas: 1` has its data in one place: when
    it is gone, so is what was written since the last backup, and nobody takes over. Two are the least, one of them a
    standby that has been seen to take over; where a majority decides (queues mostly), three.
    """
    for name, service in ground.architecture.services.items():
        if service.replicas is None or service.replicas > 1 or not keeps_data(ground, name):
            continue
        flows = ground.on(name)
        meant = f", and stops {ground.told(flows)}" if flows else ""
        sentence = (
            f"{name} keeps its data in {replicas(service.replicas)}: losing it loses what was written since the last "
            f"backup{meant}"
        )
        enough = 3 if ground.architecture.kind(name) == "queue" else 2
        fix = Fix((Change(ground.at(name, "replicas"), enough, at_most=False),), "with a takeover that has been tried")
        yield Found(ground.at(name, "replicas"), sentence, (fix,))


def keeps_data(ground: RuleContext, name: str) -> bool:
    return ground.architecture.is_stateful(name)


def replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"


@rule("readiness-missing", "warning", "Replicas get requests before they are ready", "probes")
def readiness(ground: RuleContext) -> Iterator[Found | Missing]:
    """Kubernetes sends requests to a container as soon as it runs, unless a readiness probe says when it is ready:
    each deployment fails requests for as long as a start takes, times the replicas. Only where the file names other
    probes and not this one; with none named, they may just not be known. Workers and what nobody calls need none.
    """
    for name, service in ground.architecture.services.items():
        called = ground.architecture.callers(name) or ground.architecture.kind(name) == "gateway"
        if called and service.probes and "readiness" not in service.probes:
            sentence = (
                f"{name} has probes ({', '.join(service.probes)}) but none for readiness: "
                "each start gets requests too soon"
            )
            fix = Fix((Change(ground.at(name, "probes"), (*service.probes, "readiness")),))
            yield Found(ground.at(name, "probes"), sentence, (fix,))


@rule("cache-without-fallback", "warning", "Nothing stands in for a cache", "caches")
def cache(ground: RuleContext) -> Iterator[Found | Missing]:
    """A cache makes things faster and may be gone at any time; a caller that has no fallback makes an outage of that:
    it fails as often as it asks. Told for each call of a cache that says no fallback and is not `required: false`. A
    cache that holds what is nowhere else is a store: say `kind: database` or `stateful: true`, and it is told by
    single-store.
    """
    for edge in ground.architecture.edges:
        stateful = ground.architecture.components[edge.sink].stateful
        if ground.architecture.kind(edge.sink) == "cache" and not edge.call.has_fallback and not stateful:
            sentence = f"{edge.source} {_none(edge)} for the cache {edge.sink}: {_without(edge)}{_lost(ground, edge)}"
            yield Found(
                ground.line(edge), sentence, _stands_in(ground, edge, "what it can do without, or from where else")
            )


@rule(
    "external-without-fallback",
    "warning",
    "A revenue path hangs on somebody else's service",
    "external services",
    "flows",
)
def external(ground: RuleContext) -> Iterator[Found | Missing]:
    """What others run fails when they say so: 99.9 % are 43 minutes a month, and they are subtracted from yours. On a
    call that a flow with revenue is sure to go over there has to be something else to offer: a second provider, the
    last answer, or work that is queued and done later.
    """
    for edge in ground.architecture.edges:
        flows = ground.paying(ground.over(edge))
        if edge.sink in ground.architecture.external and not edge.call.has_fallback and flows:
            sentence = (
                f"{edge.source} {_none(edge)} for {edge.sink}, which others run: {_without(edge)}, and with it "
                f"{ground.told(flows)}"
            )
            yield Found(
                ground.line(edge), sentence, _stands_in(ground, edge, "queued, the last answer, a second provider")
            )


def _none(edge: Edge) -> str:
    return "says no fallback" if edge.call.fallback is None else "has no fallback"


def _without(edge: Edge) -> str:
    timeout = edge.call.timeout
    if timeout is None:
        return "when it is gone, 100% of these calls fail"
    return (
        f"when it is gone, 100% of these calls fail, each after {SECONDS.format(edge.call.attempts * timeout)} at most"
    )


def _lost(ground: RuleContext, edge: Edge) -> str:
    flows = ground.over(edge)
    return f", and with them {ground.told(flows)}" if flows else ""


def _stands_in(ground: RuleContext, edge: Edge, what: str) -> tuple[Fix, ...]:
    return (
        Fix((Change(ground.line(edge, "fallback"), f"<{what}>"),)),
        Fix((Change(ground.line(edge, "required"), False),), "once the answer is good without"),
    )


@rule("certificate-without-rotation", "warning", "A certificate must be replaced by hand", "certificates")
def certificate(ground: RuleContext) -> Iterator[Found | Missing]:
    """A certificate ends on a day that has been known for a year, and with mutual TLS every call fails at that
    moment, in all replicas at once. What a person has to remember is forgotten. An error from 30 days before the end
    on, and whenever it has ended. Named are the missing lines: `certificate` where a call uses mutual TLS,
    `rotation`, and `expires` where it is manual.
    """
    for name, service in ground.architecture.components.items():
        paper = service.certificate
        secured = [edge for edge in ground.architecture.callers(name) if edge.call.mtls]
        if paper is None and secured:
            yield Missing(ground.at(name, "certificate"))
        if paper is None:
            continue
        left = days_left(paper.expires, ground.today)
        if paper.rotation is None:
            yield Missing(ground.at(name, "certificate", "rotation"))
        if paper.rotation == "manual" and paper.expires is None:
            yield Missing(ground.at(name, "certificate", "expires"))
        if paper.rotation == "manual" or (left is not None and left < 0):
            path = ground.at(name, "certificate", "rotation")
            sentence = f"the certificate of {name} {_ends(paper.expires, left)}{_secured(len(secured))}"
            grave = left is not None and left <= _SOON
            changes = [Change(path, "automatic")]
            if left is not None and left < 0:
                changes.append(Change(ground.at(name, "certificate", "expires"), "<the day on which a new one ends>"))
            yield Found(path, sentence, (Fix(tuple(changes)),), "error" if grave else None)


def days_left(expires: str | None, today: date | None) -> int | None:
    """None where it is not known."""
    try:
        return None if expires is None or today is None else (date.fromisoformat(expires) - today).days
    except ValueError:
        return None


def _ends(expires: str | None, left: int | None) -> str:
    if left is not None and left < 0:
        return f"ended on {expires}, {-left} days ago"
    if left is not None:
        return f"is replaced by hand, and ends on {expires}, in {left} days"
    return "is replaced by hand" + (f", and ends on {expires}" if expires else "")


def _secured(count: int) -> str:
    """What depends on it."""
    return (
        f"; {count} mutual TLS call{'' if count == 1 else 's'} to it will fail in all replicas at once" if count else ""
    )


@rule("probes-missing", "warning", "A workload has no health probe", "workloads")
def unprobed(ground: RuleContext) -> Iterator[Found | Missing]:
    """Without a probe Kubernetes takes a container for well as long as its process runs: one that hangs gets its share
    of the requests until a person restarts it. Only for workloads of a cluster that are called and name no probe.
    """
    for name, service in ground.architecture.services.items():
        called = ground.architecture.callers(name) or ground.architecture.kind(name) == "gateway"
        if called and service.where.workload and not service.probes:
            sentence = f"{name} ({service.where.workload}) has no health probe: when it hangs, it keeps its requests"
            fix = Fix((Change(ground.at(name, "probes"), ("readiness", "liveness")),))
            yield Found(ground.at(name, "probes"), sentence, (fix,))


@rule("memory-unlimited", "note", "A workload has no memory limit", "workloads")
def unlimited(ground: RuleContext) -> Iterator[Found | Missing]:
    """Without a limit a leak takes the memory of the whole node, and the kernel chooses which process dies: mostly
    another one. Only for workloads of a cluster, where the manifest has the limit.
    """
    for name, service in ground.architecture.services.items():
        if service.where.workload and service.memory is None:
            sentence = f"{name} ({service.where.workload}) has no memory limit: a leak also ends what runs beside it"
            fix = Fix((Change(ground.at(name, "memory"), "<its peak, and a quarter more>"),))
            yield Found(ground.at(name, "memory"), sentence, (fix,))


@rule("storage-lost", "warning", "A store loses its data with its container", "storage")
def storage(ground: RuleContext) -> Iterator[Found | Missing]:
    """An emptyDir, or the container's own file system, ends with the pod: the first restart on another node empties the
    store. A cache that may be empty is none of these; what is `stateful`, a database or a queue is.
    """
    for name, service in ground.architecture.services.items():
        if service.storage == "lost" and keeps_data(ground, name):
            sentence = f"{name} keeps its data where they are lost with the container"
            fix = Fix((Change(ground.at(name, "storage"), "lasting"),), "a volume that outlives the pod")
            yield Found(ground.at(name, "storage"), sentence, (fix,))


@rule("replication-one", "warning", "A store has one copy of its data", "replication factors")
def one_copy(ground: RuleContext) -> Iterator[Found | Missing]:
    """With a replication factor of 1 each part of the data is on one node only: the loss of any node takes a part of
    the data with it, so that more nodes make it more likely. Three copies stand the loss of one and still have a
    majority.
    """
    for name, service in ground.architecture.services.items():
        if service.replication == 1 and keeps_data(ground, name):
            sentence = f"{name} has a replication factor of 1: the loss of one node loses the data on it"
            fix = Fix((Change(ground.at(name, "replication"), 3, at_most=False),))
            yield Found(ground.at(name, "replication"), sentence, (fix,))
