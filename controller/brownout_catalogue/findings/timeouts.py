"""Rules about who waits how long for whom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from brownout_catalogue.architecture import Edge, Flow, dotted
from brownout_catalogue.findings.rule import Change, Fix, Found, Missing, rule
from brownout_catalogue.findings.rule_context import RuleContext, ServiceBudget, attempts, down, exceeds, up
from brownout_core.units import SECONDS


@rule("timeout-inversion", "error", "A caller gives up before what it calls does", "timeouts")
def inversion(ground: RuleContext) -> Iterator[Found | Missing]:
    """A caller that waits `timeout` for one attempt, while the callee may be busy longer, has left when the answer
    comes: the work is for nothing, the callee's last attempts can never help, and if the caller repeats the call, the
    callee does everything twice at the moment when it is slow already.

    The callee's time is its own `timeout`, or else the longest of its calls, each `attempts x timeout`, where
    `attempts = 1 + retries`. That is the least which it may be: calls that are made one after the other take longer.
    Timeouts have to shrink on the way down.
    """
    for edge in ground.architecture.edges:
        work, waits = ground.work(edge.sink), edge.call.timeout
        if waits is None or work is None or not exceeds(work.seconds, waits):
            continue
        path = ground.line(edge, "timeout")
        sentence = (
            f"{edge.source} waits {SECONDS.format(waits)} for {edge.sink}, which may be busy for {work.words}: "
            "it works on when nobody waits any more"
        )
        yield Found(path, sentence, tuple(_either(ground, edge, work, waits)))


def _either(ground: RuleContext, edge: Edge, work: ServiceBudget, waits: float) -> Iterator[Fix]:
    """Less below, or a longer wait; which is no remedy where whoever waits for the caller does not, or in a circle of
    calls, where it comes round."""
    lower = _lowered(ground, edge.sink, work, waits)
    if lower is not None:
        yield lower
    longer, allowed = up(work.seconds), ground.allowed(edge)
    fits = allowed is None or not exceeds(longer * edge.call.attempts, allowed[0])
    if ground.in_circle(edge):
        if lower is None:
            yield Fix(
                (), f"{edge.sink} calls {edge.source} again: end the circle, or give each call in it fewer attempts"
            )
    elif fits or lower is None:
        yield Fix((Change(ground.line(edge, "timeout"), longer, at_most=False),))


def _lowered(ground: RuleContext, name: str, work: ServiceBudget, limit: float) -> Fix | None:
    """All that the callee waits for, made to end in time; None where it would be less than a millisecond."""
    if work.edge is None:
        least = down(limit)
        return None if least is None else Fix((Change(ground.at(name, "timeout"), least, at_most=True),))
    changes = []
    for edge in ground.architecture.callees(name):
        waits = ground.waits(edge)
        if waits is not None and exceeds(waits.seconds, limit):
            least = down(limit / edge.call.attempts)
            if least is None:
                return None
            changes.append(Change(ground.line(edge, "timeout"), least, at_most=True))
    return Fix(tuple(sorted(changes, key=lambda change: change.path)))


@rule("timeout-missing", "warning", "A call on a revenue path has no timeout", "flows")
def missing(ground: RuleContext) -> Iterator[Found | Missing]:
    """Without a timeout a call lasts as long as the callee likes, and so does all that waits for the caller: one slow
    dependency holds threads, connections and users on the whole path, and neither retries nor a breaker ever see a
    failure.

    Only calls that a flow with revenue is sure to go over: those on its path, and those from there that are
    `required: true`. That the file says none may mean that the code has one: then the line is missing. The value that
    is proposed fits what waits above: the caller's callers, its own timeout, and the flow's tolerance, divided by the
    attempts.
    """
    for edge in ground.architecture.edges:
        flows = ground.paying(ground.over(edge))
        if edge.call.timeout is not None or not flows:
            continue
        path = ground.line(edge, "timeout")
        sentence = f"{edge.source} says no timeout for {edge.sink}, on the way of {ground.told(flows)}"
        yield Found(path, sentence, tuple(_fitting(ground, edge)))


def _fitting(ground: RuleContext, edge: Edge) -> Iterator[Fix]:
    allowed = ground.allowed(edge)
    value = None if allowed is None else down(allowed[0] / edge.call.attempts)
    if allowed is None or value is None:
        why = "nothing in the file says how long its caller is waited for" if allowed is None else "fewer attempts"
        yield Fix((), f"{dotted(ground.line(edge, 'timeout'))}: a time of your choice; {why}")
        return
    shared = "" if edge.call.attempts == 1 else f"for each of {edge.call.attempts} attempts: "
    yield Fix((Change(ground.line(edge, "timeout"), value, at_most=True),), f"{shared}{allowed[1]}")


@rule(
    "timeout-over-tolerance", "warning", "A flow may keep people waiting for longer than they stay", "timeouts", "flows"
)
def over_tolerance(ground: RuleContext) -> Iterator[Found | Missing]:
    """People leave after `tolerance`. What counts is the first call on the flow's path that has a timeout, as it ends
    everything below: `attempts x timeout`, times the attempts of the calls before it. An answer that comes later, be it
    an error, is work for nobody; one that fails sooner can still be told to them. Where several flows go over a call,
    the one that leaves least for it is told.
    """
    strictest: dict[str, tuple[float, str, Edge, int]] = {}
    for name, flow in sorted(ground.architecture.flows.items()):
        edge, before = _first_timeout(ground, flow)
        if edge is None:
            continue
        if flow.tolerance is None:
            yield Missing(("flows", name, "tolerance"))
            continue
        here = (flow.tolerance / before, name, edge, before)
        strictest[edge.name] = min(here, strictest.get(edge.name, here), key=lambda one: one[:2])
    for left, name, edge, before in strictest.values():
        timeout, count = edge.call.timeout or 0.0, before * edge.call.attempts
        if exceeds(edge.call.attempts * timeout, left):
            tolerance = ground.architecture.flows[name].tolerance or 0.0
            sentence = (
                f"{edge.source} may wait {attempts(count, timeout)} for {edge.sink}, and people leave {name} "
                f"after {SECONDS.format(tolerance)}"
            )
            yield Found(ground.line(edge, "timeout"), sentence, tuple(_within(ground, edge, count, left)))


def _first_timeout(ground: RuleContext, flow: Flow) -> tuple[Edge | None, int]:
    """The first call on the path that has one, and how many times its caller may be called for one request."""
    before = 1
    for source, sink in pairwise(flow.path):
        edge = ground.architecture.edge(source, sink)
        if edge.call.timeout is not None:
            return edge, before
        before *= edge.call.attempts
    return None, before


def _within(ground: RuleContext, edge: Edge, count: int, left: float) -> Iterator[Fix]:
    value = down(left / edge.call.attempts)
    if value is not None:
        yield Fix((Change(ground.line(edge, "timeout"), value, at_most=True),))
    fitting = int(left / (edge.call.timeout or left))
    if 0 < fitting < edge.call.attempts:
        yield Fix((Change(ground.line(edge, "retries"), fitting - 1, at_most=True),))
    elif value is None:
        yield Fix((), f"fewer attempts: one request may make {count} on the way to {edge.sink}")


@rule(
    "timeout-below-answer",
    "error",
    "A timeout is shorter than the answer takes on a good day",
    "timeouts",
    "answer times",
)
def below_answer(ground: RuleContext) -> Iterator[Found | Missing]:
    """`answers_in` is the callee's p99 on a good day: if the caller's timeout is shorter, more than one call in a
    hundred fails with nothing wrong. The least that helps is the p99 itself; twice as much leaves room for a bad day.
    """
    for edge in ground.architecture.edges:
        answers, waits = ground.architecture.components[edge.sink].answers_in, edge.call.timeout
        if answers is not None and waits is not None and exceeds(answers, waits):
            path = ground.line(edge, "timeout")
            sentence = (
                f"{edge.source} waits {SECONDS.format(waits)} for {edge.sink}, whose p99 is {SECONDS.format(answers)}: "
                "more than 1% of the calls fail on a good day"
            )
            yield Found(path, sentence, (Fix((Change(path, up(answers), at_most=False),)),))


@rule("breaker-without-timeout", "warning", "A circuit breaker cannot see that a call hangs", "breakers")
def blind_breaker(ground: RuleContext) -> Iterator[Found | Missing]:
    """A breaker counts failures, and a call without a timeout does not fail when its callee hangs: it is counted when
    it ends, which may be never. The breaker stays closed through the outage that it was made for.
    """
    for edge in ground.architecture.edges:
        if edge.call.breaker and edge.call.timeout is None:
            sentence = (
                f"{edge.source} has a breaker for {edge.sink} but says no timeout: 0 of the calls that hang are counted"
            )
            yield Found(ground.line(edge, "breaker"), sentence, tuple(_fitting(ground, edge)))
