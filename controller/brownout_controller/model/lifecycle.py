"""The life of a run: one table of legal moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from brownout_core.experiment_terms import Phase

State = Literal["planned", "baseline", "injecting", "observing", "reverting", "recovering", "judged"]
PHASE_OF: Final[Mapping[State, Phase]] = {"baseline": "baseline", "observing": "during", "recovering": "recovery"}

MOVES: Final[Mapping[State, Mapping[State, str]]] = {
    "planned": {
        "baseline": "nothing speaks against it",
        "injecting": "nothing speaks against it, and without hypotheses there is no steady state to be met",
        "judged": "refused, or stopped before anything was done",
    },
    "baseline": {
        "injecting": "the steady state holds",
        "judged": "it does not hold, or the run was stopped: nothing was injected, so nothing is undone",
    },
    "injecting": {
        "observing": "the fault is in place everywhere",
        "reverting": "it could not be put in place, or the run was stopped",
    },
    "observing": {
        "reverting": "the time is over, a stop condition was met, the fault vanished, or the run was stopped",
    },
    "reverting": {
        "recovering": "the revert is verified",
        "judged": "it is not verified, the run was stopped, or there is no hypothesis that has to hold again",
    },
    "recovering": {
        "judged": "the time is over, or the run was stopped",
    },
    "judged": {},
}
"""From each state to those that may follow, and why."""


def check(before: State, after: State) -> None:
    """Raises ValueError for a move that the table does not have."""
    if after not in MOVES[before]:
        raise ValueError(f"a run cannot go from {before} to {after}")
