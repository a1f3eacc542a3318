"""The verdicts on an experiment and how a process ends with them: one table, never renumbered."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final


class Verdict(enum.StrEnum):
    """Worst last is not their order of severity; that is `SEVERITY`."""

    PASSED = "passed"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    REFUSED = "refused"
    STOPPED = "stopped"
    NOT_REVERTED = "not-reverted"
    INTERNAL = "internal"
    DONE = "done"
    """Of faults without a hypothesis: nothing was claimed, so nothing passed."""

    @property
    def exit(self) -> int:
        return _EXITS[self]

    @property
    def meaning(self) -> str:
        """The verdict in a sentence."""
        return _MEANINGS[self]


_EXITS: Final = {
    Verdict.PASSED: 0,
    Verdict.REFUTED: 1,
    Verdict.INCONCLUSIVE: 3,
    Verdict.REFUSED: 4,
    Verdict.STOPPED: 5,
    Verdict.NOT_REVERTED: 6,
    Verdict.INTERNAL: 7,
    Verdict.DONE: 0,
}
USAGE: Final = 2
"""The exit status for a file or a flag that is wrong: then nothing was run."""
SIGNALS: Final = {"SIGINT": 130, "SIGTERM": 143}
"""Exit statuses of a run that a signal ended, once the revert is verified."""
_MEANINGS: Final = {
    Verdict.PASSED: "the fault met traffic, every hypothesis held, and the revert is verified",
    Verdict.REFUTED: "the fault was in place and a hypothesis did not hold",
    Verdict.INCONCLUSIVE: "nothing may be concluded from this run",
    Verdict.REFUSED: "a safety rule refused it before anything was injected",
    Verdict.STOPPED: "the run was ended early, and the revert is verified",
    Verdict.NOT_REVERTED: "the system may still be under a fault; a person must look",
    Verdict.INTERNAL: "brownout itself failed; please report it",
    Verdict.DONE: "the faults were in place for their time, and the revert is verified; nothing was claimed",
}
SEVERITY: Final = (
    Verdict.DONE,
    Verdict.PASSED,
    Verdict.INCONCLUSIVE,
    Verdict.REFUTED,
    Verdict.STOPPED,
    Verdict.REFUSED,
    Verdict.INTERNAL,
    Verdict.NOT_REVERTED,
)
"""From the best to the worst: of several runs the worst counts."""


def status_of(signal: str) -> int:
    """How a process ends that a signal has ended with nothing left behind."""
    return SIGNALS.get(signal, Verdict.STOPPED.exit)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Raises ValueError for none."""
    return max(verdicts, key=SEVERITY.index)
