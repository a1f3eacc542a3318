"""What past runs have taught: which failures of which edges have been tried, when, and how that went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

EXPIRES: Final = 90.0
"""Days after which a passed run says nothing any more: about a quarter, in which most code has changed."""
KNOWN: Final = 0.1
"""The ignorance that a run leaves which passed today: it tried one fault, at one strength, under one load."""


class Tried(NamedTuple):
    """A run that came to a conclusion."""

    edge: str
    """`payment-service -> postgresql`."""
    fault: str
    """The kind of the fault."""
    verdict: Literal["passed", "refuted"]
    days: float
    """How long ago it was."""
    run: str = ""
    """Its id."""


class Past:
    """The last conclusive run for each edge and kind of fault. Immutable."""

    def __init__(self, runs: Iterable[Tried] = (), expires: float = EXPIRES) -> None:
        self.expires = expires
        self._last: Mapping[tuple[str, str], Tried] = {
            (run.edge, run.fault): run for run in sorted(runs, key=lambda run: (-run.days, run.run))
        }

    def last(self, edge: str, faults: Iterable[str]) -> Tried | None:
        """The latest run on the edge with one of these kinds of fault."""
        found = [self._last[edge, fault] for fault in faults if (edge, fault) in self._last]
        return min(found, key=lambda run: run.days, default=None)

    def ignorance(self, run: Tried | None) -> float:
        """1 where nothing was tried, or what was tried is known to be broken; a passed run's expires day by day."""
        if run is None or run.verdict != "passed":
            return 1.0
        return KNOWN + (1 - KNOWN) * min(1.0, max(0.0, run.days) / self.expires)
