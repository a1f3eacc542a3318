"""Rules about how much fits through: connection pools."""

from __future__ import annotations

import math
from collections.abc import Iterator

from brownout_controller.catalogue.architecture import Edge
from brownout_controller.catalogue.findings.ground import Ground, down, exceeds
from brownout_controller.catalogue.findings.rule import Change, Fix, Found, Missing, rule
from brownout_proxy.units import SECONDS


@rule("pool-too-small", "warning", "A pool is smaller than rate x timeout")
def too_small(ground: Ground) -> Iterator[Found | Missing]:
    """Little's law: connections in use = rate x time that each is held. One replica makes `rate / replicas` calls a second, and
    when the callee hangs each holds its connection for `attempts x timeout`. A pool that is smaller than the product runs out
    before the timeouts give anything back: everybody waits for a connection, also those whose calls would succeed. Without a
    timeout no pool is large enough: told is how slow the callee may get.

    An error where the pool does not even do for the callee's p99 on a good day (`answers_in`). Replicas matter only where the
    pool would be too small for one that takes all.
    """
    for edge in ground.architecture.edges:
        if edge.call.pool is not None:
            yield from _pool(ground, edge, edge.call.pool)


def _pool(ground: Ground, edge: Edge, pool: int) -> Iterator[Found | Missing]:
    call = edge.call
    replicas = ground.architecture.components[edge.source].replicas
    answers = ground.architecture.components[edge.sink].answers_in
    held = None if call.timeout is None else call.attempts * call.timeout
    if call.rate is None:
        yield Missing(ground.line(edge, "rate"))
        return
    if held is not None and not exceeds(call.rate * max(held, answers or 0.0), pool):
        return
    if not replicas:
        yield Missing(ground.at(edge.source, "replicas"))
        return
    rate = call.rate / replicas
    path = ground.line(edge, "pool")
    share = f"{call.rate:g}/s" + (f" over {replicas} replicas" if replicas > 1 else "")
    lasts = pool / rate
    if answers is not None and exceeds(rate * answers, pool):
        sentence = (
            f"{edge.source} has {connections(pool)} to {edge.sink} in each replica; {share} x {SECONDS.format(answers)}, "
            f"its p99 on a good day, needs {_needed(rate * answers)}"
        )
        least = max(rate * answers, 0.0 if held is None else rate * held)
        yield Found(path, sentence, (Fix((Change(path, _needed(least), at_most=False),)),), "error")
    elif held is None:
        sentence = (
            f"{edge.source} has {connections(pool)} to {edge.sink} in each replica and no timeout: at {share} the pool is used "
            f"up as soon as {edge.sink} takes longer than {_rounded(lasts)}"
        )
        yield Found(path, sentence, tuple(_bounded(ground, edge, rate, pool)))
    elif exceeds(rate * held, pool):
        by = f"{call.attempts} x {SECONDS.format(call.timeout or 0)}" if call.retries else SECONDS.format(held)
        sentence = (
            f"{edge.source} has {connections(pool)} to {edge.sink} in each replica; when {edge.sink} hangs, {share} x {by} "
            f"needs {_needed(rate * held)}"
        )
        shorter = _shorter(ground, edge, lasts)
        yield Found(path, sentence, (Fix((Change(path, _needed(rate * held), at_most=False),)), *shorter))


def _shorter(ground: Ground, edge: Edge, lasts: float) -> Iterator[Fix]:
    """A timeout that the pool does for; none below the callee's p99, which would fail on a good day."""
    value = down(lasts / edge.call.attempts)
    answers = ground.architecture.components[edge.sink].answers_in or 0.0
    if value is not None and not exceeds(answers, value):
        yield Fix((Change(ground.line(edge, "timeout"), value, at_most=True),))


def _bounded(ground: Ground, edge: Edge, rate: float, pool: int) -> Iterator[Fix]:
    yield from _shorter(ground, edge, pool / rate)
    allowed = ground.allowed(edge)
    value = None if allowed is None else down(allowed[0] / edge.call.attempts)
    if value is not None and exceeds(rate * edge.call.attempts * value, pool):
        needed = _needed(rate * edge.call.attempts * value)
        changes = (Change(ground.line(edge, "timeout"), value, at_most=True),
                   Change(ground.line(edge, "pool"), needed, at_most=False))  # fmt: skip
        yield Fix(changes)


def connections(count: int) -> str:
    return "1 connection" if count == 1 else f"{count} connections"


def _needed(connections: float) -> int:
    return max(1, math.ceil(round(connections, 8)))


def _rounded(seconds: float) -> str:
    """Three digits will do for a time that nobody sets."""
    return SECONDS.format(float(f"{seconds:.3g}"))
