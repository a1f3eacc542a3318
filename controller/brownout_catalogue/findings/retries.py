"""Rules about calls that are made again."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter
from math import prod
from typing import Final

from brownout_catalogue.architecture import Edge
from brownout_catalogue.findings.rule import Change, Fix, Found, Missing, rule
from brownout_catalogue.findings.rule_context import RuleContext, listed

_BUDGET: Final = 0.1
"""What is proposed: one extra call in ten. Budgets of client libraries are 10 % to 20 %."""
_SHOWN: Final = 6
"""Calls of a chain that are named; of a longer one the first and the last."""
_COUNTABLE: Final = 1e15
"""What is more is told as that."""


@rule("retries-without-budget", "warning", "Retries have no budget", "retries")
def no_budget(ground: RuleContext) -> Iterator[Found | Missing]:
    """When all calls fail, each becomes `1 + retries`: a callee that is down because it has too much to do gets that
    many times as much, and stays down. A budget, the largest share of extra calls that retries may make, keeps the
    load at `1 + budget`, and changes nothing while few calls fail. Where a breaker stands before the callee the
    finding is a note: it ends the storm once it opens, which it need not when only half of the calls fail.
    """
    for edge in ground.architecture.edges:
        call = edge.call
        if call.retries and call.retry_budget is None:
            path = ground.line(edge, "retries")
            fixes = (
                Fix((Change(ground.line(edge, "retry_budget"), _BUDGET, at_most=True),), f"{1 + _BUDGET:g}x the load"),
                Fix((Change(path, 0),)),
            )
            sentence = (
                f"{edge.source} tries {edge.sink} {call.attempts} times and says no budget: when it fails, it gets "
                f"{call.attempts}x the load{_load(edge, call.attempts)}"
            )
            yield Found(path, sentence, fixes, "note" if call.breaker else None)


def _load(edge: Edge, factor: float) -> str:
    rate = edge.call.rate
    return "" if rate is None else f", {rate * factor:g}/s instead of {rate:g}/s"


@rule("retry-storm", "error", "Retries multiply along a path", "retries")
def storm(ground: RuleContext) -> Iterator[Found | Missing]:
    """Attempts multiply: where three services in a row each make 4 attempts, the last is called 4 x 4 x 4 = 64 times
    for one request. Only one service on a path should repeat calls, the one next to what fails.

    The load when everything fails is the product of `1 + retries`, or of `1 + retry_budget` where that is less, over
    the calls of a path. A call with a breaker does not count and ends the path, as the breaker opens when everything
    fails; nor do calls that go round in a circle. Told where two calls or more at least double the load each, once,
    at the last of them.
    """
    chains = _Chains(ground)
    for edge in ground.architecture.edges:
        chain = chains.best(edge)
        if len(chain) < 2 or chains.goes_on(edge.sink):
            continue
        through = [one.name for one in chain]
        if len(through) > _SHOWN:
            through = [through[0], f"{len(through) - 2} more", through[-1]]
        sentence = (
            f"when {edge.sink} fails, one request becomes {_product(ground, chain)} calls of it, by the retries of "
            f"{listed(through)}"
        )
        outer = chains.above(edge.source)
        fixes = (
            Fix(tuple(Change(ground.line(one, "retries"), 0) for one in outer), "only the last one repeats calls"),
            Fix(tuple(Change(ground.line(one, "retry_budget"), _BUDGET, at_most=True) for one in (*outer, edge))),
        )
        yield Found(ground.line(edge, "retries"), sentence, fixes)


def _product(ground: RuleContext, chain: tuple[Edge, ...]) -> str:
    factors = [float(ground.factor(one)) for one in chain]
    times = prod(factors)
    if times > _COUNTABLE:
        return f"more than {_COUNTABLE:g}"
    return f"{times:g}" if len(chain) > _SHOWN else f"{' x '.join(f'{factor:g}' for factor in factors)} = {times:g}"


class _Chains:
    """The calls that multiply, one after the other; computed from the callers on."""

    def __init__(self, ground: RuleContext) -> None:
        self._ground = ground
        architecture = ground.architecture
        self._callers = {
            name: tuple(filter(self._counts, architecture.callers(name))) for name in architecture.components
        }
        callees = {name: tuple(filter(self._counts, architecture.callees(name))) for name in architecture.components}
        order = tuple(
            TopologicalSorter(
                {name: [edge.source for edge in calls] for name, calls in self._callers.items()}
            ).static_order()
        )
        self._best: dict[str, tuple[Edge, ...]] = {}
        for name in order:
            chains = [self._with(edge) for edge in self._callers[name]]
            self._best[name] = max(chains, key=self._weight, default=())
        self._goes_on: dict[str, bool] = {}
        for name in reversed(order):
            self._goes_on[name] = any(self._multiplies(edge) or self._goes_on[edge.sink] for edge in callees[name])

    def best(self, edge: Edge) -> tuple[Edge, ...]:
        """The chain that ends with this call and multiplies most; none if the call itself does not multiply."""
        return self._with(edge) if self._multiplies(edge) else ()

    def goes_on(self, name: str) -> bool:
        """Whether there is a call further down that multiplies, too."""
        return self._goes_on[name]

    def above(self, name: str) -> tuple[Edge, ...]:
        """All calls on the ways to a service that multiply, on whichever way."""
        found: dict[str, Edge] = {}
        seen, waiting = {name}, [name]
        while waiting:
            for edge in self._callers[waiting.pop()]:
                if self._multiplies(edge):
                    found[edge.name] = edge
                if edge.source not in seen:
                    seen.add(edge.source)
                    waiting.append(edge.source)
        return tuple(found[one] for one in sorted(found))

    def _with(self, edge: Edge) -> tuple[Edge, ...]:
        before = self._best[edge.source]
        return (*before, edge) if self._multiplies(edge) else before

    def _weight(self, chain: tuple[Edge, ...]) -> tuple[float, int, list[str]]:
        return prod(float(self._ground.factor(edge)) for edge in chain), -len(chain), [edge.name for edge in chain]

    def _multiplies(self, edge: Edge) -> bool:
        return self._counts(edge) and self._ground.factor(edge) >= 2

    def _counts(self, edge: Edge) -> bool:
        return not edge.call.breaker and not self._ground.in_circle(edge)


@rule("retries-not-idempotent", "error", "A call that must not be made twice is repeated", "retries")
def not_idempotent(ground: RuleContext) -> Iterator[Found | Missing]:
    """An attempt that got no answer in time may have done its work all the same: repeating it does it twice. The call
    says `idempotent: false`, and has retries. Either it does not repeat, or each request has a key by which the
    callee knows the second one. For a call that writes to a database or a queue and does not say whether it is
    idempotent, the missing line is named.
    """
    for edge in ground.architecture.edges:
        call = edge.call
        if call.retries and call.idempotent is None and edge in ground.architecture.writes(edge.source):
            yield Missing(ground.line(edge, "idempotent"))
        if call.retries and call.idempotent is False:
            path = ground.line(edge, "retries")
            sentence = f"{edge.source} may do its call of {edge.sink} up to {call.attempts} times, and twice does harm"
            fixes = (
                Fix((Change(path, 0),)),
                Fix((Change(ground.line(edge, "idempotent"), True),), "once its requests have a key"),
            )
            yield Found(path, sentence, fixes)
