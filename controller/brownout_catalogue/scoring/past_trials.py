"""What past runs have taught: which failures of which edges have been tried, how strongly, when, and how that went.

A run that passed counts for a scenario as far as its fault covers the scenario's. What was refuted stays broken until a
later run passes in the same environment, under a fault that covers the one that broke it, or the scenario's own: a
mild fault takes no strong one back, and a laptop does not mend what broke in staging. Apart from that environments are
names here, of which nobody knows how much they are like production: they weigh the same, and reasons name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from brownout_catalogue.scoring.fault_coverage import comparable, covered
from brownout_core.faults.spec import FaultSpec

EXPIRES: Final = 90.0
"""Days after which a passed run says nothing any more: about a quarter, in which most code has changed."""
KNOWN: Final = 0.1
"""The ignorance that a run leaves which passed today: it tried one fault, at one strength, under one load."""


class PastTrial(NamedTuple):
    """A run that came to a conclusion, with one of its faults."""

    edge: str
    """`payment-service -> postgresql`."""
    kind: str
    """Of the fault."""
    fault: FaultSpec | None
    """None if its journal does not tell how strong it was."""
    verdict: Literal["passed", "refuted"]
    days: float
    """How long ago it was."""
    run: str = ""
    """Its id."""
    environment: str = ""


class Evidence(NamedTuple):
    """The run that tells most about an edge and a fault."""

    tried: PastTrial
    covered: float
    """How much of the fault that is asked for it had."""

    @property
    def broken(self) -> bool:
        return self.tried.verdict == "refuted"


class PastTrials:
    """The conclusive runs by edge and kind of fault. Immutable."""

    def __init__(self, runs: Iterable[PastTrial] = (), expires: float = EXPIRES) -> None:
        self.expires = expires
        found: dict[tuple[str, str], list[PastTrial]] = {}
        for run in sorted(runs, key=lambda run: (run.days, run.run)):
            found.setdefault((run.edge, run.kind), []).append(run)
        self._runs: Mapping[tuple[str, str], Sequence[PastTrial]] = found

    @property
    def is_empty(self) -> bool:
        return not self._runs

    def about(self, edge: str, fault: FaultSpec) -> Evidence | None:
        """What is known of the edge under this fault: that it is broken, or else the pass that says most."""
        runs = [
            run for run in self._runs.get((edge, fault.kind), ()) if run.fault is None or comparable(run.fault, fault)
        ]
        passed = [run for run in runs if run.verdict == "passed"]
        for run in runs:
            if run.verdict == "refuted" and not any(_outweighs(other, run, fault) for other in passed):
                return Evidence(run, _covered(run.fault, fault))
        said = [Evidence(run, _covered(run.fault, fault)) for run in passed]
        return min(said, key=self.ignorance, default=None)  # the newest of equals

    def ignorance(self, known: Evidence | None) -> float:
        """1 where nothing was tried, or what was tried is known to be broken; a passed run's expires day by day."""
        if known is None or known.broken:
            return 1.0
        fresh = 1.0 - min(1.0, max(0.0, known.tried.days) / self.expires)
        return 1.0 - (1.0 - KNOWN) * known.covered * fresh


def _covered(played: FaultSpec | None, asked: FaultSpec | None) -> float:
    """What cannot be told covers nothing, and nothing covers it."""
    return 0.0 if played is None or asked is None else covered(played, asked)


def _outweighs(passed: PastTrial, refuted: PastTrial, asked: FaultSpec) -> bool:
    """Whether the one that passed takes back the one that was refuted, for the fault that is asked for."""
    if passed.environment != refuted.environment:
        return False
    later = (passed.days, passed.run) < (refuted.days, refuted.run)
    if _covered(passed.fault, asked) >= 1:
        # What broke under more than is asked for says nothing against a pass under what is.
        return later or (refuted.fault is not None and _covered(asked, refuted.fault) < 1)
    return later and _covered(passed.fault, refuted.fault) >= 1
