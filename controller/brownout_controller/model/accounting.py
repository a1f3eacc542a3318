"""The account of a phase: how many measurements were due, what each of them came to, and what follows. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from brownout_controller.model.hypothesis import Tolerate

FOR_GOOD: Final = 3
"""Good samples at the end of a recovery that had bad ones: fewer may be chance."""
_ROUNDING: Final = 1e-6
"""A phase of 0.3 s has three tenths of a second, which binary fractions do not know."""


class Counts(NamedTuple):
    """What the measurements that were due came to: each is exactly one of these."""

    good: int = 0
    bad: int = 0
    unanswered: int = 0
    """Taken, and neither good nor bad: no data, no answer, or nothing to compare with."""
    missing: int = 0
    """Due, and never taken."""

    @property
    def total(self) -> int:
        return self.good + self.bad + self.unanswered + self.missing


def due(seconds: float, settle: float, every: float) -> int:
    """How many measurements a phase of so many seconds has: one each `every` from the end of `settle` on. Each has at
    least `every` until the phase ends."""
    return max(0, math.floor((seconds - settle) / every + _ROUNDING))


def counts(outcomes: Sequence[bool | None], expected: int = 0) -> Counts:
    """Of samples that are good (True), bad (False) or unknown (None), of which so many were due."""
    good, bad = sum(item is True for item in outcomes), sum(item is False for item in outcomes)
    return Counts(good, bad, len(outcomes) - good - bad, max(0, expected - len(outcomes)))


def longest(of: bool | None, outcomes: Sequence[bool | None]) -> int:
    """The longest run of neighbours that are `of`."""
    most = run = 0
    for outcome in outcomes:
        run = run + 1 if outcome is of else 0
        most = max(most, run)
    return most


def tolerated(goods: Sequence[bool], tolerate: Tolerate | None) -> bool:
    """Whether the bad ones are forgiven. Where there are fewer samples than `failures` are counted among, so many fewer
    are forgiven, rounded down; where none is good, nothing is: a short phase must not hold because it is short."""
    if tolerate is None:
        return all(goods)
    if not any(goods):
        return False
    if tolerate.consecutive is not None:
        return longest(False, goods) < tolerate.consecutive
    failures, window = tolerate.failures or 0, tolerate.of or 1
    if len(goods) < window:
        return goods.count(False) <= failures * len(goods) // window
    # The number of bad ones among the last `window`, from one sample to the next: linear, however long the phase is.
    bad = goods[:window].count(False)
    worst = bad
    for leaving, coming in zip(goods, goods[window:], strict=False):
        bad += leaving - coming
        worst = max(worst, bad)
    return worst <= failures


class Held(NamedTuple):
    """From where on it holds again: the position among the samples, and whether enough follow for it to be for good."""

    first: int
    for_good: bool


def needed_for_good(total: int) -> int:
    """How many good samples must follow a bad one in a recovery: three, or half of those due if that is fewer."""
    return min(FOR_GOOD, math.ceil(total / 2))


def held_again(outcomes: Sequence[bool | None], tolerate: Tolerate | None, total: int) -> Held | None:
    """The first good sample from which on no more are bad than `tolerate` forgives; None if there is none.

    After a bad one, it holds for good when `needed_for_good` of the `total` that were due are good from there on.
    """
    known = [(number, outcome) for number, outcome in enumerate(outcomes) if outcome is not None]
    goods = [outcome for _, outcome in known]
    for position, (number, good) in enumerate(known):
        if good and tolerated(goods[position:], tolerate):
            enough = sum(goods[position:]) >= needed_for_good(total)
            return Held(number, enough or all(goods[:position]))
    return None
