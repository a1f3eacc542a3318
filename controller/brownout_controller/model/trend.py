"""Trends over many runs: regressions, recovery times by quarter, results that expire.

Pure: rows in, rows out. Runs under way, cut off, or without a conclusion are counted and never compared.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from statistics import median
from typing import Final, Literal, NamedTuple

from brownout_controller.model.run_summary import Identity, RunSummary

LASTING: Final = timedelta(days=90)
"""How long a result is worth something."""
_LONGEST_GAP: Final = 8
"""Quarters without a run that are listed as empty."""

Kind = Literal["regression", "fixed", "changed"]


class Quarter(NamedTuple):
    """Of a calendar year, in UTC."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"

    @property
    def next(self) -> Quarter:
        return Quarter(self.year, self.number + 1) if self.number < 4 else Quarter(self.year + 1, 1)


class Transition(NamedTuple):
    """Two conclusive runs of which the second found the opposite of the first.

    A regression: the same test had held the time before, and broke. Fixed: the other way round. Changed: it broke the
    first time that the experiment was run in its new form, so that it may be the system or the experiment.
    """

    kind: Kind
    before: RunSummary
    now: RunSummary
    ended: RunSummary | None
    """The first run of the same test after a regression that held again."""


class QuarterStats(NamedTuple):
    """What happened in a quarter; `states` counts verdicts, running and unfinished runs."""

    quarter: Quarter
    states: Mapping[str, int]
    held: int
    broke: int
    regressions: int
    fixed: int

    @property
    def runs(self) -> int:
        return sum(self.states.values())

    @property
    def pass_rate(self) -> float | None:
        """The share of the conclusive runs in which everything held."""
        return self.held / (self.held + self.broke) if self.held + self.broke else None


class Recovery(NamedTuple):
    """How long an experiment's recoveries took in a quarter.

    A run that did not recover while it was watched counts as longer than any, else the median would get better by
    getting worse. It is infinite if that happened in most runs.
    """

    quarter: Quarter
    median: float
    runs: int
    unrecovered: int


class RecoveryTrend(NamedTuple):
    """The recovery times of one experiment in one environment, by quarter; and run by run."""

    experiment: str
    environment: str
    quarters: Sequence[Recovery]
    runs: Sequence[RunSummary]

    @property
    def change(self) -> float | None:
        """From the last quarter but one to the last: seconds, more is worse."""
        if len(self.quarters) < 2:
            return None
        before, now = self.quarters[-2].median, self.quarters[-1].median
        return 0.0 if before == now else now - before


def quarter_of(moment: datetime) -> Quarter:
    return Quarter(moment.year, (moment.month + 2) // 3)


def in_order(runs: Iterable[RunSummary]) -> list[RunSummary]:
    """Oldest first."""
    return sorted(runs, key=lambda run: (run.started, run.run))


def transitions(runs: Iterable[RunSummary]) -> list[Transition]:
    """Every turn, oldest first. A test that goes on failing is one regression."""
    found: list[Transition] = []
    last: dict[Identity, RunSummary] = {}
    last_of_place: dict[tuple[str, str], RunSummary] = {}
    open_at: dict[Identity, int] = {}
    for run in in_order(runs):
        if not run.conclusive:
            continue
        before, of_place = last.get(run.identity), last_of_place.get(run.place)
        if before is not None and before.finding != run.finding:
            kind: Kind = "fixed" if run.finding == "held" else "regression"
            found.append(Transition(kind, before, run, None))
        elif before is None and of_place is not None and of_place.finding == "held" and run.finding == "broke":
            found.append(Transition("changed", of_place, run, None))
        if run.finding == "held" and run.identity in open_at:
            at = open_at.pop(run.identity)
            found[at] = found[at]._replace(ended=run)
        if found and found[-1].now is run and found[-1].kind == "regression":
            open_at[run.identity] = len(found) - 1
        last[run.identity] = last_of_place[run.place] = run
    return found


def quarter_stats(runs: Iterable[RunSummary], found: Iterable[Transition]) -> list[QuarterStats]:
    """Quarter by quarter, oldest first, with those in between in which nobody ran anything."""
    by_quarter: dict[Quarter, list[RunSummary]] = {}
    for run in in_order(runs):
        by_quarter.setdefault(quarter_of(run.started), []).append(run)
    kinds = Counter((quarter_of(transition.now.started), transition.kind) for transition in found)
    return [
        QuarterStats(
            quarter,
            dict(Counter(run.state for run in by_quarter.get(quarter, ()))),
            _count(by_quarter.get(quarter, ()), "held"),
            _count(by_quarter.get(quarter, ()), "broke"),
            kinds[quarter, "regression"],
            kinds[quarter, "fixed"],
        )
        for quarter in without_gaps(sorted(by_quarter))
    ]


def _count(runs: Iterable[RunSummary], finding: str) -> int:
    return sum(run.conclusive and run.finding == finding for run in runs)


def without_gaps(quarters: Sequence[Quarter]) -> Iterator[Quarter]:
    """`quarters`, which are in order, and those in between; a gap of years stays one: then a clock was wrong."""
    if quarters:
        yield quarters[0]
    for before, after in pairwise(quarters):
        between = (after.year - before.year) * 4 + after.number - before.number - 1
        if between <= _LONGEST_GAP:
            for _ in range(between):
                before = before.next
                yield before
        yield after


def recovery_trends(runs: Iterable[RunSummary]) -> list[RecoveryTrend]:
    """Of each experiment whose recovery was measured in a conclusive run; by name."""
    measured = [run for run in runs if run.conclusive and (run.recovery is not None or run.unrecovered)]
    measured.sort(key=lambda run: (run.place, run.started, run.run))
    found = []
    for (experiment, environment), group in groupby(measured, key=lambda run: run.place):
        mine = list(group)
        quarters = [_recovery(quarter, list(some)) for quarter, some in groupby(mine, lambda r: quarter_of(r.started))]
        found.append(RecoveryTrend(experiment, environment, quarters, mine))
    return found


def _recovery(quarter: Quarter, runs: Sequence[RunSummary]) -> Recovery:
    times = [math.inf if run.recovery is None else run.recovery for run in runs]
    return Recovery(quarter, median(times), len(runs), sum(run.unrecovered for run in runs))


def expired(runs: Iterable[RunSummary], now: datetime, lasting: timedelta = LASTING) -> list[tuple[RunSummary, bool]]:
    """The last run of each experiment in each environment that has had no conclusive run for so long; and whether it
    ever had one: then that is the run, else it is the last of those that concluded nothing."""
    latest: dict[tuple[str, str], RunSummary] = {}
    for run in (run for run in in_order(runs) if run.claims):
        known = latest.get(run.place)
        if run.conclusive or known is None or not known.conclusive:
            latest[run.place] = run
    return [
        (run, run.conclusive) for _, run in sorted(latest.items()) if not run.conclusive or run.started < now - lasting
    ]


class Review(NamedTuple):
    """The runs of a period with their trends. Runs and transitions are in order, the oldest first."""

    runs: Sequence[RunSummary]
    transitions: Sequence[Transition]
    quarter_stats: Sequence[QuarterStats]
    recovery_trends: Sequence[RecoveryTrend]
    expired: Sequence[tuple[RunSummary, bool]]
    lasting: timedelta

    def of_kind(self, kind: Kind) -> list[Transition]:
        return [transition for transition in self.transitions if transition.kind == kind]


def review(runs: Iterable[RunSummary], since: datetime | None, now: datetime, lasting: timedelta = LASTING) -> Review:
    """Of the runs since then. What they are compared with, and what has expired, may be older."""
    every = in_order(runs)
    some = [run for run in every if since is None or run.started >= since]
    found = [transition for transition in transitions(every) if since is None or transition.now.started >= since]
    return Review(some, found, quarter_stats(some, found), recovery_trends(some), expired(every, now, lasting), lasting)
