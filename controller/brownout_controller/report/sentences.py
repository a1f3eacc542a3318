"""Sentences for the reasons of a verdict: the one place where typed reasons become text. Nothing reads it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from brownout_controller.model.accounting import Counts
from brownout_controller.model.journal import Judged
from brownout_controller.model.reasons import TEXT, Reason, read_reason
from brownout_controller.report.run.evidence_text import SENTENCES as EVIDENCE
from brownout_controller.report.run.load_table import rate_sentence
from brownout_core.formatting import line, quantity
from brownout_core.quantity import UNITS
from brownout_core.units import COUNT
from brownout_core.verdict import Verdict

_KINDS: Final[Mapping[str, str]] = {
    "refused": "refused", "reset": "reset", "closed": "closed", "unreachable": "unreachable", "malformed": "malformed",
    "timeout": "timed out", "failed": "failed",
}  # fmt: skip
"""How a service did not answer, behind a number."""


def sentence(reason: Reason) -> str:
    """A reason in words, on one line; of a code that this version does not know, all that it holds."""
    made = _SENTENCES.get(reason.code)
    return line(made(reason) if made is not None else _unknown(reason))


def accounted(reason: Reason) -> str:
    """What the measurements of a phase came to: `12 good, 7 refused, of 19`."""
    kinds = {
        name.removeprefix("kind "): int(number.value)
        for name, number in reason.numbers.items()
        if name.startswith("kind ")
    }
    found = Counts(*(int(reason.value(name)) for name in Counts._fields))
    return counted(found, kinds, int(reason.value("accepted")))


def counted(counts: Counts, kinds: Mapping[str, int], accepted: int = 0, missing: str = "missing") -> str:
    """The counts in words. `kinds` counts how the service failed to answer; those replace `bad` and `unanswered`."""
    if not counts.total:
        return "none"
    bad, unanswered = counts.bad, counts.unanswered
    parts = [f"{counts.good} good"] if counts.good else []
    for kind, count in kinds.items():
        named = min(count, bad + unanswered)
        from_bad = min(named, bad)
        bad, unanswered = bad - from_bad, unanswered - (named - from_bad)
        parts += [f"{named} {_KINDS.get(kind, 'not answered')}"] if named else []
    accepted = min(accepted, unanswered)
    rest = (
        (bad, "bad"), (accepted, "accepted"), (unanswered - accepted, "unanswered"),
        (counts.missing, missing),
    )  # fmt: skip
    parts += [f"{count} {word}" for count, word in rest if count]
    return f"{', '.join(parts)}, of {counts.total}"


def valued(reason: Reason, name: str) -> str:
    """One of its numbers in its unit."""
    number = reason.numbers.get(name)
    return "unknown" if number is None else quantity(number.value, UNITS.get(number.unit, COUNT))


def _unknown(reason: Reason) -> str:
    parts = [reason.code, *([reason.subject] if reason.subject else []), *reason.words.values()]
    parts += [f"{name} {valued(reason, name)}" for name in reason.numbers]
    return f"{_about(reason)}{'; '.join(parts)}"


def _about(reason: Reason) -> str:
    if not reason.hypothesis:
        return ""
    return f"{reason.hypothesis} ({reason.phase}): " if reason.phase else f"{reason.hypothesis}: "


def _text(reason: Reason) -> str:
    return reason.words.get("text", "")


def _expect(reason: Reason) -> str:
    baseline = f" (baseline {valued(reason, 'baseline')})" if "baseline" in reason.numbers else ""
    return f"{reason.words.get('expect', '')}{baseline}"


def _why(reason: Reason) -> str:
    return f": {reason.words['why']}" if reason.words.get("why") else ""


def _worst(reason: Reason) -> str:
    """The value furthest from what was expected; of a service that never answered, how long nobody answered."""
    if "worst" in reason.numbers:
        return f"{valued(reason, 'worst')} at worst, expected {_expect(reason)}"
    waited = f"no answer for {valued(reason, 'waited')}" if "waited" in reason.numbers else "no answer"
    return f"{waited}, expected {_expect(reason)}"


def _held(reason: Reason) -> str:
    return f"{_about(reason)}{_expect(reason)}: {accounted(reason)}"


def _broke(reason: Reason) -> str:
    return f"{_about(reason)}{_worst(reason)}: {accounted(reason)}"


def _not_recovered(reason: Reason) -> str:
    return f"{_broke(reason)}; it did not hold again within {valued(reason, 'within')} of the revert"


def _not_for_good(reason: Reason) -> str:
    last, needed = int(reason.value("last")), int(reason.value("needed"))
    times = "time" if needed == 1 else "times"
    return (
        f"{_about(reason)}it held only {last} of the {needed} {times} at the end that it has to after a bad one: "
        f"{accounted(reason)}; lengthen recovery"
    )


def _false_before(reason: Reason) -> str:
    return f"{reason.hypothesis} did not hold before the fault either"


def _holes(reason: Reason) -> str:
    row = int(reason.value("in a row"))
    return (
        f"{_about(reason)}{row} measurements in a row were neither good nor bad, more than in the baseline"
        f"{_why(reason)} ({accounted(reason)})"
    )


def _no_data(reason: Reason) -> str:
    return f"{_about(reason)}{accounted(reason)}{_why(reason)}"


def _missing(reason: Reason) -> str:
    missing = int(reason.value("missing"))
    were = "measurement that was due was" if missing == 1 else "measurements that were due were"
    return f"{_about(reason)}{missing} {were} not taken: {accounted(reason)}"


def _too_few_events(reason: Reason) -> str:
    return f"{_about(reason)}{valued(reason, 'events')} events, and min_events asks for {valued(reason, 'wanted')}"


def _accepted(reason: Reason) -> str:
    return f"{_about(reason)}accepted without data: {reason.words.get('accepted', '')}"


def _zero_baseline(reason: Reason) -> str:
    return f"{_about(reason)}the baseline was 0, so {reason.words.get('expect', '')} compares with nothing"


def _stop_met(reason: Reason) -> str:
    value = f"was {valued(reason, 'value')}" if "value" in reason.numbers else "had no answer"
    return f"{reason.hypothesis} {value}, which is {reason.words.get('stop') or 'not ' + _expect(reason)}"


def _blind(reason: Reason) -> str:
    why = f" ({reason.words['why']})" if reason.words.get("why") else ""
    return f"{reason.hypothesis} could not be seen for {valued(reason, 'seconds')}{why}"


def _load_shortfall(reason: Reason) -> str:
    phase = {"during": "under the fault", "baseline": "in the baseline", "recovery": "in the recovery"}
    where = f"{phase[reason.phase]}, " if reason.phase is not None else ""
    return where + rate_sentence(reason.value("sent"), reason.value("due"))


def _baseline_not_met(reason: Reason) -> str:
    return f"the baseline was not met{', so nothing was injected' if reason.words.get('injected') == 'no' else ''}"


_SENTENCES: Final[Mapping[str, Callable[[Reason], str]]] = {
    TEXT: _text,
    "passed": lambda _: Verdict.PASSED.meaning,
    "done": lambda _: Verdict.DONE.meaning,
    "refused": lambda it: f"{it.words.get('why', '')} ({it.subject}); {it.words.get('remedy', '')}",
    "not-reverted": lambda it: f"the revert on {it.subject} is not verified",
    "bug": _text,
    "signal": lambda it: f"{it.subject} ended the run",
    "stop-met": _stop_met,
    "blind": _blind,
    "not-injected": lambda _: "the fault was not in place",
    "injection-failed": _text,
    "baseline-not-met": _baseline_not_met,
    "cut-off": lambda it: f"the run was cut off; {it.subject} made sure that nothing of it is left",
    "vanished": lambda it: f"the fault vanished half-way{_why(it)}",
    "no-traffic": lambda it: f"no traffic met the fault {it.subject}: nothing was tested",
    "no-run": lambda _: "the journal does not name what was run",
    "unreadable-terms": lambda _: "the hypotheses in the journal cannot be read",
    "no-end": lambda _: "the run did not come to its end",
    "held": _held,
    "broke": _broke,
    "not-recovered": _not_recovered,
    "not-for-good": _not_for_good,
    "false-before": _false_before,
    "holes": _holes,
    "no-data": _no_data,
    "missing": _missing,
    "unmeasured": lambda it: f"{_about(it)}never measured",
    "accepted": _accepted,
    "too-few-events": _too_few_events,
    "zero-baseline": _zero_baseline,
    "no-baseline": lambda it: f"{_about(it)}{_expect(it)} compares with a baseline that was not measured",
    "failed-baseline": lambda it: f"{_about(it)}every request of the baseline failed, so it is nothing to compare with",
    "load-shortfall": _load_shortfall,
    **EVIDENCE,
    "several": lambda it: (
        f"{_about(it)}each measurement gave several values{_why(it)}; choose with series which of them count"
    ),
}


CODES: Final = frozenset(_SENTENCES)
"""The codes that have a sentence."""


def recorded(judged: Judged) -> Sequence[str]:
    """The sentences of a verdict as a journal has it; of an older one those that it has."""
    found = []
    for content in judged.reasons:
        try:
            found.append(sentence(read_reason(content)))
        except ValueError:
            found.append(line(content))
    return found
