"""Rules about how much fits through: connection pools."""

from __future__ import annotations

import math
from collections.abc import Iterator

from brownout_catalogue.architecture import Edge
from brownout_catalogue.findings.rule import Change, Fix, Found, Missing, rule
from brownout_catalogue.findings.rule_context import RuleContext, attempts, down, exceeds
from brownout_core.units import SECONDS


@rule("pool-too-small", "warning", "A pool is smaller than rate x timeout", "pools")
def too_small(ground: RuleContext) -> Iterator[Found | Missing]:
    """Little's law: connections in use = rate x time that each is held, on average. One replica makes `rate / replicas`
    calls a second, and when the callee hangs each holds its connection for `attempts x timeout`. A pool that is smaller
    than the product runs out before the timeouts give anything back: everybody waits for a connection, also those whose
    calls would succeed. Without a timeout no pool is large enough: told is how slow the callee may get.

    Replicas matter only where the pool would be too small for one that takes all. What is needed on a good day is not
    told: that would take the mean time of an answer, and `answers_in` is the p99.
    """
    for edge in ground.architecture.edges:
        if edge.call.pool is not None:
            yield from _pool(ground, edge, edge.call.pool)


def _pool(ground: RuleContext, edge: Edge, pool: int) -> Iterator[Found | Missing]:
    call, replicas = edge.call, ground.architecture.components[edge.source].replicas
    held = None if call.timeout is None else call.attempts * call.timeout
    if call.rate is None:
        yield Missing(ground.line(edge, "rate"))
    elif held is None or exceeds(call.rate * held, pool):
        if replicas is None:
            yield Missing(ground.at(edge.source, "replicas"))
        elif replicas:
            yield from _use(ground, edge, pool, replicas, call.rate, held)


def _use(
    ground: RuleContext, edge: Edge, pool: int, replicas: int, together: float, held: float | None
) -> Iterator[Found | Missing]:
    """`held` is for how long a call has its connection at the most; None if nothing limits it."""
    path, rate = ground.line(edge, "pool"), together / replicas
    share = f"{together:g}/s" + (f" over {replicas} replicas" if replicas > 1 else "")
    has = f"{edge.source} has {connections(pool)} to {edge.sink} in each replica"
    if held is None:
        lasts = SECONDS.format(float(f"{pool / rate:.3g}"))  # nobody sets it: three digits will do
        slow = f"at {share} the pool is used up as soon as {edge.sink} takes longer than {lasts}"
        fixes = (*_shorter(ground, edge, pool / rate), *_both(ground, edge, rate))
        yield Found(path, f"{has} and says no timeout: {slow}", fixes or (_open(edge),))
    elif exceeds(rate * held, pool):
        by = attempts(edge.call.attempts, held / edge.call.attempts)
        needs = f"when {edge.sink} hangs, {share}, each held for {by}, need {_needed(rate * held)}"
        larger = Fix((Change(path, _needed(rate * held), at_most=False),))
        yield Found(path, f"{has}; {needs}", (larger, *_shorter(ground, edge, pool / rate)))


def _open(edge: Edge) -> Fix:
    """Where the file does not say how long a call may take, and no timeout fits the pool that is there."""
    return Fix((), f"a timeout for {edge.sink}, and a pool of rate x timeout")


def _shorter(ground: RuleContext, edge: Edge, lasts: float) -> Iterator[Fix]:
    """A timeout that the pool does for; none below the callee's p99, which would fail on a good day."""
    value = down(lasts / edge.call.attempts)
    answers = ground.architecture.components[edge.sink].answers_in or 0.0
    if value is not None and not exceeds(answers, value):
        yield Fix((Change(ground.line(edge, "timeout"), value, at_most=True),))


def _both(ground: RuleContext, edge: Edge, rate: float) -> Iterator[Fix]:
    """The timeout that whoever waits allows, and a pool for it."""
    allowed = ground.allowed(edge)
    value = None if allowed is None else down(allowed[0] / edge.call.attempts)
    answers = ground.architecture.components[edge.sink].answers_in or 0.0
    needed = 0 if value is None or exceeds(answers, value) else _needed(rate * edge.call.attempts * value)
    if value is not None and needed > (edge.call.pool or 0):
        pool = Change(ground.line(edge, "pool"), needed, at_most=False)
        yield Fix((Change(ground.line(edge, "timeout"), value, at_most=True), pool))


def connections(count: int) -> str:
    return "1 connection" if count == 1 else f"{count} connections"


def _needed(connections: float) -> int:
    return max(1, math.ceil(round(connections, 8)))
