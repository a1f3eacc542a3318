"""Why a run ended as it did: typed values. Sentences are made of them in `report/`, and nothing parses those back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from brownout_core.experiment_terms import PHASES, Phase

TEXT: Final = "text"
"""The code of a reason that an older journal has as a sentence: it stands in `words["text"]`."""

CODES: Final = frozenset({
    TEXT, "passed", "done", "refused", "not-reverted", "bug", "signal", "stop-met", "blind", "not-injected",
    "injection-failed", "baseline-not-met", "cut-off", "vanished", "no-traffic", "no-run", "unreadable-terms", "no-end",
    "held", "broke", "not-recovered", "not-for-good", "false-before", "holes", "no-data", "missing", "unmeasured",
    "accepted", "too-few-events", "zero-baseline", "no-baseline", "failed-baseline", "several", "load-shortfall",
    "passed-unmoved", "passed-unclaimed", "lost-journal", "no-hits", "small-share", "foreign-fault", "fault-changed",
    "upstream-changed", "proxy-disabled", "proxy-enabled", "proxy-restarted", "proxy-frozen", "proxy-unreachable",
    "proxy-missing",
})  # fmt: skip
"""Every code that this version writes; `report/sentences.py` has a sentence for each."""


class Number(NamedTuple):
    """A number with its unit: `s`, `share`, `B`, `B/s`, `/s`, or nothing for a count."""

    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. `code` names its kind and never changes its meaning; what the other fields hold depends on it."""

    code: str
    hypothesis: str = ""
    phase: Phase | None = None
    subject: str = ""
    """The target, fault, file or address that it is about."""
    numbers: Mapping[str, Number] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    """Texts that are not ours: what a server answered, an expectation as it was written."""

    def value(self, name: str) -> float:
        """A number without its unit; 0 for one that is not there."""
        return self.numbers[name].value if name in self.numbers else 0.0

    def plain(self) -> dict[str, Any]:
        """What JSON can hold, without what is empty."""
        content: dict[str, Any] = {"code": self.code, "hypothesis": self.hypothesis, "phase": self.phase,
                                   "subject": self.subject, "words": dict(self.words)}  # fmt: skip
        content["numbers"] = {name: list(number) for name, number in self.numbers.items()}
        return {name: value for name, value in content.items() if value}


def read_reason(content: object) -> Reason:
    """The reason that `plain` has written, or a sentence of an older journal. Raises ValueError for anything else."""
    if isinstance(content, str):
        return Reason(TEXT, words={"text": content})
    if not isinstance(content, Mapping) or not isinstance(content.get("code"), str):
        raise ValueError("a reason must be a mapping with a code")
    phase = content.get("phase")
    numbers, words = content.get("numbers", {}), content.get("words", {})
    if phase not in (None, *PHASES) or not isinstance(numbers, Mapping) or not isinstance(words, Mapping):
        raise ValueError("a reason has an unknown phase, or numbers or words that are no mapping")
    try:
        read = {str(name): Number(float(value), str(unit)) for name, (value, unit) in numbers.items()}
    except (TypeError, ValueError):
        raise ValueError("a number of a reason must be [value, unit]") from None
    return Reason(
        content["code"],
        str(content.get("hypothesis", "")),
        phase,
        str(content.get("subject", "")),
        read,
        {str(name): str(text) for name, text in words.items()},
    )
