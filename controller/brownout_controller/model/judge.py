"""The verdict on a run, from its journal alone: pure, and the same whoever asks and whenever.

`passed` has to be proved: the baseline held, the fault was in place and met traffic, every hypothesis had data and
held in every phase that it names, the revert is verified, and the system recovered. Whatever is missing makes another
verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from brownout_controller.model.disturbances import disturbances
from brownout_controller.model.evidence import Evidence, evidence
from brownout_controller.model.journal import Entry, Judged
from brownout_controller.model.journal_index import JournalIndex, stop_reason, terms_of
from brownout_controller.model.load_summary import load_shortfall
from brownout_controller.model.reasons import TEXT, Reason
from brownout_controller.model.results import HypothesisEvaluator, Result
from brownout_core.verdict import SIGNALS, Verdict

__all__ = ["Judgement", "Result", "judge", "terms_of"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, why, and what it rests on. Times are in seconds."""

    verdict: Verdict
    exit: int
    reasons: tuple[Reason, ...]
    results: tuple[Result, ...] = ()
    hits: Mapping[str, int] = field(default_factory=dict)
    recovery: float | None = None
    """From the verified revert until every hypothesis held again."""
    stopping: float | None = None
    """From the first bad sample of a stop condition until the revert was verified."""
    evidence: Evidence = field(default_factory=Evidence)
    disturbances: tuple[Reason, ...] = ()
    """What others did to the targets."""

    def record(self) -> Judged:
        """As a journal keeps it."""
        return Judged(self.verdict.value, self.exit, [reason.plain() for reason in self.reasons])


def judge(entries: Iterable[Entry]) -> Judgement:
    """The verdict on a journal, whole or not. Never raises for a journal that `journal.read` has read."""
    journal = JournalIndex(entries)
    if journal.run is None:
        return Judgement(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE.exit, (Reason("no-run"),))
    claims = [(terms, HypothesisEvaluator(journal, terms, journal.run.recovery)) for terms in terms_of(journal.run)]
    results = tuple(claim.result(phase) for terms, claim in claims for phase in terms.when)
    seen, disturbed = evidence(journal.entries), disturbances(journal.entries)
    false = [terms.name for terms, claim in claims if claim.was_false]
    verdict, reasons = _verdict(journal, results, false, seen, disturbed)
    code = verdict.exit
    if journal.signal in SIGNALS and verdict is Verdict.STOPPED:
        code = SIGNALS[journal.signal]
    again = [claim for terms, claim in claims if "recovery" in terms.when]
    return Judgement(
        verdict, code, tuple(reasons), results, dict(journal.hits), _recovery(journal, again), _stopping(journal),
        seen, tuple(disturbed),
    )  # fmt: skip


def _verdict(
    journal: JournalIndex, results: Sequence[Result], false: Sequence[str], seen: Evidence, disturbed: Sequence[Reason]
) -> tuple[Verdict, list[Reason]]:
    """The first of the questions, from the gravest on, whose answer is bad. `false` are the hypotheses on the recovery
    that did not hold before the fault either."""
    if (grave := _grave(journal)) is not None:
        verdict, reasons = grave
        return verdict, [*reasons, *(disturbed if verdict is Verdict.STOPPED else [])]
    if results and disturbed:  # nobody is blamed for what others did, nor praised
        return Verdict.INCONCLUSIVE, [*disturbed, *_doubts(journal, seen)]
    failed = [failure.what for failure in journal.failures if failure.where == "injection"]
    if failed:
        failures = [Reason("injection-failed", words={"text": what}) for what in failed]
        return Verdict.INCONCLUSIVE, [Reason("not-injected"), *failures]
    baseline = [result.reason for result in results if result.phase == "baseline" and not result.accounted]
    if baseline:
        untouched = {} if journal.undos else {"injected": "no"}
        return Verdict.INCONCLUSIVE, [Reason("baseline-not-met", words=untouched), *baseline]
    doubts = _doubts(journal, seen)
    if doubts:
        return Verdict.INCONCLUSIVE, doubts
    if not results:
        return _done(journal, disturbed)
    broken = [result for result in results if result.outcome == "broke"]
    guilty = [result.reason for result in broken if result.name not in false]
    if guilty:
        return Verdict.REFUTED, guilty
    unknown = [result.reason for result in results if not result.accounted and result not in broken]
    already = [Reason("false-before", result.name, result.phase) for result in broken]
    if already or unknown:
        return Verdict.INCONCLUSIVE, [*already, *unknown]
    if not any(state.state == "judged" and state.before == "recovering" for state in journal.states):
        return Verdict.INCONCLUSIVE, [Reason("no-end")]
    accepted = [result.reason for result in results if result.outcome == "accepted"]
    return Verdict.PASSED, [_passed(seen), *accepted]


def _passed(seen: Evidence) -> Reason:
    """How it passed, for the first sentence: what nobody claimed and what changed nothing proves less."""
    if not seen.claimed:
        return Reason("passed-unclaimed")
    return Reason("passed-unmoved", numbers=seen.done) if seen.unmoved else Reason("passed")


def _grave(journal: JournalIndex) -> tuple[Verdict, list[Reason]] | None:
    """What ended the run, or is left of it, whatever was measured."""
    if journal.unverified:
        left = [Reason("not-reverted", subject=target) for target in journal.unverified]
        return Verdict.NOT_REVERTED, left + [
            Reason(TEXT, words={"text": record.why})
            for _, record in journal.reverted.values()
            if not record.verified and record.why
        ]
    lost = [
        Reason("lost-journal", words={"text": failure.what})
        for failure in journal.failures
        if failure.where == "journal"
    ]
    if lost:  # a later start, which finds a journal without an end, comes to the same
        return Verdict.INCONCLUSIVE, lost
    if journal.refusals:
        return Verdict.REFUSED, [
            Reason("refused", subject=item.net, words={"why": item.reason, "remedy": item.remedy})
            for item in journal.refusals
        ]
    bugs = [Reason("bug", words={"text": failure.what}) for failure in journal.failures if failure.where == "runner"]
    if bugs:
        return Verdict.INTERNAL, bugs
    if journal.signal is not None:
        return Verdict.STOPPED, [Reason("signal", subject=journal.signal)]
    if journal.stop is not None and journal.stop.cause != "lapsed":
        return Verdict.STOPPED, [stop_reason(journal.stop)]
    return None


def _done(journal: JournalIndex, disturbed: Sequence[Reason]) -> tuple[Verdict, list[Reason]]:
    """Of faults without a hypothesis. That nobody met them is named, and no flaw of the run."""
    if journal.run is not None and journal.run.terms:
        return Verdict.INCONCLUSIVE, [Reason("unreadable-terms")]
    if not any(state.state == "judged" and state.before == "reverting" for state in journal.states):
        return Verdict.INCONCLUSIVE, [Reason("no-end")]
    return Verdict.DONE, [Reason("done"), *_idle(journal), *disturbed]


def _idle(journal: JournalIndex) -> list[Reason]:
    """The faults that met no traffic."""
    idle = [fault for fault in journal.planned if not journal.hits.get(fault)]
    return [Reason("no-traffic", subject=", ".join(idle))] if idle else []


def _doubts(journal: JournalIndex, seen: Evidence) -> list[Reason]:
    """Reasons why the fault may not have been what the hypotheses met."""
    if journal.closed is not None:
        return [Reason("cut-off", subject=journal.closed.by)]
    if not journal.injected or len(journal.injected) < len(journal.undos):
        return [Reason("not-injected")]
    if journal.stop is not None:
        return [Reason("vanished", words={"why": journal.stop.why})]
    if journal.run is None or not journal.run.terms:
        return []
    return [*load_shortfall(journal.entries), *seen.doubts()]


def _recovery(journal: JournalIndex, claims: Sequence[HypothesisEvaluator]) -> float | None:
    """From the verified revert until all of them held again, the samples that do not count among them."""
    began = journal.reverted_at
    if began is None or not claims:
        return None
    again = [claim.held_again(settling=True) for claim in claims]
    times = [held[0] - began for held in again if held is not None]
    return max(0.0, *times) if len(times) == len(again) else None


def _stopping(journal: JournalIndex) -> float | None:
    if journal.stop is None or journal.stop.breached_at is None or journal.reverted_at is None:
        return None
    return journal.reverted_at - journal.stop.breached_at
