"""The search for a margin: how bad a fault may get until the hypotheses do not hold any more.

Pure: `next` names the next value to try, `add` takes its result, and `finding` is what is known so far. It brackets,
halves the bracket until it is fine enough, and knows beforehand how many runs that takes at most.

Nothing is made up: a run that was inconclusive counts neither as held nor as broken, what holds beyond a value at
which it broke does not widen the margin, and a value that gave both answers is neither end of the bracket.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from brownout_core.faults.spec import Worse

Answer = Literal["held", "broke", "unknown"]
Kind = Literal["found", "more", "less", "unknown"]
"""Between two values; never broken; broken from the mildest value on; or not known."""

_ASKS: Final = 2
"""So often a value is tried that gives no answer: what was left of the run before may be over by then."""
_MOST_STEPS: Final = 10_000
_ROUNDED: Final = 0.05
"""The share of a bracket by which its middle may be moved, so that it is a number that a person would have chosen."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """When a bracket is fine enough: its ends differ by that factor, or by that step, at most."""

    factor: float | None = None
    step: float | None = None

    def fine(self, one: float, other: float) -> bool:
        low, high = sorted((one, other))
        if self.step is not None:
            return high - low <= self.step * (1 + 1e-9)
        return self.factor is not None and high <= low * self.factor * (1 + 1e-9)

    def middle(self, one: float, other: float) -> float:
        """A value between them, and as round as can be."""
        low, high = sorted((one, other))
        exact = (low + high) / 2 if self.step is not None else math.sqrt(low * high)
        for digits in range(1, 7):
            rounded = float(f"{exact:.{digits}g}")
            if abs(rounded - exact) <= _ROUNDED * (high - low):
                return rounded
        return exact

    def steps(self, one: float, other: float) -> float:
        """How many brackets that are just fine enough lie between them."""
        low, high = sorted((one, other))
        if self.step is not None:
            return (high - low) / self.step
        assert self.factor is not None
        return math.log(high / low) / math.log(self.factor)


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What is searched: from the mildest to the most severe value, both positive.

    `own`, the value that the experiment has, comes first. `sweep` is how many values between the ends are tried before
    any bracket is halved, for systems that break in the middle and not at the end. With `confirm` both ends of the
    bracket are tried once more.
    """

    mild: float
    severe: float
    resolution: Resolution
    own: float | None = None
    sweep: int = 0
    confirm: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be searched."""
        if not (0 < self.mild < math.inf and 0 < self.severe < math.inf) or self.mild == self.severe:
            raise ValueError("a search needs two different values above 0")
        step, factor = self.resolution.step, self.resolution.factor
        if (step is None) == (factor is None) or (step is not None and not step > 0):
            raise ValueError("the resolution is a step above 0, or a factor")
        if factor is not None and not factor > 1:
            raise ValueError("the resolution must be above 0 %")
        if self.resolution.steps(self.mild, self.severe) > _MOST_STEPS:
            raise ValueError(f"the resolution is too fine: more than {_MOST_STEPS} of it lie between the two ends")

    @property
    def worse(self) -> Worse:
        return "more" if self.severe > self.mild else "less"

    def badness(self, value: float) -> float:
        """Larger for a value that is worse."""
        return value if self.worse == "more" else -value

    def first(self) -> Sequence[float]:
        """What is tried whatever comes of it."""
        own = [self.own] if self.own is not None and self._within(self.own) else []
        found = list(dict.fromkeys((*own, *self._swept())))
        return found or [self.mild]

    def _within(self, value: float) -> bool:
        low, high = sorted((self.mild, self.severe))
        return low <= value <= high

    def _swept(self) -> Iterator[float]:
        parts = self.sweep + 1
        for number in range(1, parts):
            if self.resolution.step is not None:
                yield float(f"{self.mild + (self.severe - self.mild) * number / parts:.3g}")
            else:
                yield float(f"{self.mild * (self.severe / self.mild) ** (number / parts):.3g}")

    @property
    def most(self) -> int:
        """How many runs it takes at most, those apart that have to be repeated because they are inconclusive."""
        first = sorted(self.first(), key=self.badness)
        mildest, worst = first[0], first[-1]
        ways = [self._halvings(one, other) for one, other in pairwise(first)]
        ways += [] if worst == self.severe else [1 + self._halvings(worst, self.severe)]
        ways += [] if mildest == self.mild else [1 + self._halvings(self.mild, mildest)]
        return len(first) + max(ways, default=0) + (2 if self.confirm else 0)

    def _halvings(self, one: float, other: float) -> int:
        """In the worse half each time."""

        @cache
        def deep(low: float, high: float) -> int:
            if self.resolution.fine(low, high):
                return 0
            middle = self.resolution.middle(low, high)
            return 1 + max(deep(low, middle), deep(middle, high))

        return deep(*sorted((one, other)))


class Trial(NamedTuple):
    """A value, and what came of it."""

    value: float
    answer: Answer


class Margin(NamedTuple):
    """What is known: the worst value at which it held, and the mildest at which it broke. The margin is between them.

    `again` are values beyond the mildest broken one at which it held, `unsteady` those that gave both answers,
    `unanswered` one that gave none, which is where the search ended. `complete`: nothing is left to be tried.
    """

    kind: Kind
    held: float | None
    broke: float | None
    again: tuple[float, ...] = ()
    unsteady: tuple[float, ...] = ()
    unanswered: float | None = None
    complete: bool = False


class MarginSearch:
    """One search. Call `next` and `add` in turn until `next` returns None."""

    def __init__(self, plan: SearchPlan) -> None:
        self.plan = plan
        self.trials: list[Trial] = []

    def add(self, value: float, answer: Answer) -> None:
        self.trials.append(Trial(value, answer))

    def next(self) -> float | None:
        """The value to be tried; None when all is known that can be."""
        if self.trials and self.trials[-1].answer == "unknown":
            value = self.trials[-1].value
            return None if self._unanswered() is not None else value
        for value in self.plan.first():
            if not self._answers(value):
                return value
        held, broke = self._bracket()
        if self._values("unsteady"):
            return None
        if broke is None:
            return self._unless_known(self.plan.severe, held, broke)
        if held is None:
            return self._unless_known(self.plan.mild, held, broke)
        if not self.plan.resolution.fine(held, broke):
            return self.plan.resolution.middle(held, broke)
        return self._to_confirm(held, broke)

    def finding(self) -> Margin:
        """What is known so far."""
        held, broke = self._bracket()
        unsteady, unanswered = tuple(self._values("unsteady")), self._unanswered()
        bad = [self.plan.badness(value) for value in (*self._values("broke"), *unsteady)]
        again = tuple(value for value in self._values("held") if bad and self.plan.badness(value) > min(bad))
        complete = unanswered is None and self.next() is None
        kind: Kind = "unknown"
        if held is not None and broke is not None:
            kind = "found"
        elif complete and not unsteady:
            kind = "less" if held is None else "more"
        return Margin(kind, held, broke, again, unsteady, unanswered, complete)

    def holds_at(self, value: float) -> bool | None:
        """Whether the hypotheses hold there, as far as it is known; None where it is not."""
        finding = self.finding()
        if finding.held is not None and self.plan.badness(value) <= self.plan.badness(finding.held):
            return True
        if finding.broke is not None and self.plan.badness(value) >= self.plan.badness(finding.broke):
            return value in finding.again
        return None

    def _answers(self, value: float) -> list[Answer]:
        return [trial.answer for trial in self.trials if trial.value == value and trial.answer != "unknown"]

    def _values(self, wanted: Literal["held", "broke", "unsteady"]) -> list[float]:
        """Those that gave that answer and no other, or both; the mildest first."""
        found = []
        for value in sorted({trial.value for trial in self.trials}, key=self.plan.badness):
            answers = set(self._answers(value))
            if answers == ({"held", "broke"} if wanted == "unsteady" else {wanted}):
                found.append(value)
        return found

    def _bracket(self) -> tuple[float | None, float | None]:
        """The worst value that held while no milder one failed, and the mildest that always broke."""
        failed = [*self._values("broke"), *self._values("unsteady")]
        mildest = min(failed, key=self.plan.badness, default=None)
        held = [
            value
            for value in self._values("held")
            if mildest is None or self.plan.badness(value) < self.plan.badness(mildest)
        ]
        return max(held, key=self.plan.badness, default=None), next(iter(self._values("broke")), None)

    def _unanswered(self) -> float | None:
        """A value that gave no answer as often as it is asked."""
        for value in dict.fromkeys(trial.value for trial in self.trials if trial.answer == "unknown"):
            if [trial.answer for trial in self.trials if trial.value == value][-_ASKS:] == ["unknown"] * _ASKS:
                return value
        return None

    def _unless_known(self, end: float, held: float | None, broke: float | None) -> float | None:
        return end if not self._answers(end) else self._to_confirm(held, broke)

    def _to_confirm(self, *ends: float | None) -> float | None:
        if not self.plan.confirm:
            return None
        return next((end for end in ends if end is not None and len(self._answers(end)) == 1), None)
