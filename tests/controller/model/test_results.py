"""What comes of a hypothesis in a phase: nothing that was due is lost, and nothing that is in doubt is held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from brownout_controller.model.accounting import Counts
from brownout_controller.model.hypothesis import RecordedTerms
from brownout_controller.model.journal import Entered, Entry, Record, Reverted, Sample
from brownout_controller.model.journal_index import JournalIndex
from brownout_controller.model.results import HypothesisEvaluator, Result
from brownout_core.experiment_terms import Phase

GONE = {"value": None, "why": "the connection was refused", "failure": "refused"}
HOLE = {"value": None, "why": "the query gave no series"}


def evaluator(
    samples: dict[Phase, Sequence[float | dict[str, Any] | None]], seconds: float = 5.0, **terms: Any
) -> HypothesisEvaluator:
    """Each phase lasts so many seconds; its samples are one second apart."""
    claim = RecordedTerms.model_validate({"name": "h", "expect": "< 10", "waits": "", **terms})
    entries: list[tuple[float, Record]] = []
    states: Sequence[tuple[Phase, Entered]] = (
        ("baseline", Entered("baseline", "planned")), ("during", Entered("observing", "injecting")),
        ("recovery", Entered("recovering", "reverting")),
    )  # fmt: skip
    for number, (phase, entered) in enumerate(states):
        begin = number * seconds
        if phase == "recovery":
            entries.append((begin, Reverted("u0", "db", verified=True)))
        entries.append((begin, entered))
        for offset, given in enumerate(samples.get(phase, [1.0] * int(seconds))):
            content = given if isinstance(given, dict) else {"value": given}
            entries.append((begin + offset + 0.01, Sample("h", phase, **content)))
    entries.append((3 * seconds, Entered("judged", "recovering")))
    index = JournalIndex(Entry(number, at, record) for number, (at, record) in enumerate(entries))
    return HypothesisEvaluator(index, claim, recovery=seconds)


def during(*given: float | dict[str, Any] | None, **terms: Any) -> Result:
    return evaluator({"during": given}, float(len(given)), **terms).result("during")


def test_a_service_that_refuses_is_bad_and_the_kind_is_kept() -> None:
    result = during(1.0, GONE, GONE, 1.0, 1.0)
    assert (result.outcome, result.counts, result.kinds) == ("broke", Counts(3, 2), {"refused": 2})


def test_a_service_that_never_answered_refuses_nothing_that_is_known() -> None:
    found = evaluator({"baseline": [], "during": [GONE] * 5}, when=["during"]).result("during")
    assert (found.outcome, found.counts) == ("no-data", Counts(unanswered=5))


def test_a_measurement_that_was_due_and_is_not_there_is_a_doubt() -> None:
    found = evaluator({"during": [1.0, 1.0, 1.0]}).result("during")
    assert (found.outcome, found.counts) == ("missing", Counts(3, missing=2))
    assert evaluator({"during": []}).result("during").counts == Counts(missing=5)
    assert evaluator({"during": [99.0, 1.0]}).result("during").outcome == "broke", "which is proved all the same"


def test_what_a_busy_machine_loses_at_the_end_of_a_phase_is_named_and_no_doubt() -> None:
    short: Any = {"every": "0.02s"}
    lost = evaluator({"during": [1.0] * 240}, **short).result("during")
    assert (lost.outcome, lost.counts.missing) == ("held", 10)
    assert evaluator({"during": [1.0] * 230}, **short).result("during").outcome == "missing"


def test_an_older_journal_cannot_say_what_was_due() -> None:
    assert evaluator({"during": [1.0, 1.0, 1.0]}, waits=None).result("during").outcome == "held"


def test_one_hole_under_the_fault_is_none_and_two_in_a_row_are_a_doubt() -> None:
    assert during(1.0, HOLE, 1.0, HOLE, 1.0).outcome == "held"
    found = during(1.0, HOLE, HOLE, 1.0, 1.0)
    assert (found.outcome, found.reason.code, found.counts) == ("no-data", "holes", Counts(3, 0, 2))
    assert found.reason.words["why"] == "the query gave no series"
    assert found.reason.value("in a row") == 2


def test_holes_that_the_baseline_had_as_well_are_no_doubt() -> None:
    usual: dict[Phase, Sequence[float | dict[str, Any] | None]] = {
        "baseline": [1.0, HOLE, HOLE, 1.0, 1.0], "during": [1.0, 1.0, HOLE, HOLE, 1.0]
    }  # fmt: skip
    assert evaluator(usual).result("during").outcome == "held"
    assert evaluator({**usual, "during": [1.0, HOLE, HOLE, HOLE, 1.0]}).result("during").outcome == "no-data"


def test_half_of_the_baseline_may_have_no_data() -> None:
    assert evaluator({"baseline": [1.0, HOLE, HOLE, 1.0]}, 4.0).result("baseline").outcome == "held"
    assert evaluator({"baseline": [1.0, HOLE, HOLE, HOLE]}, 4.0).result("baseline").outcome == "no-data"


def test_what_was_never_measured_is_accepted_in_its_own_words() -> None:
    quiet = {"no_data": {"pass": "nobody pays at night"}}
    result = during(HOLE, HOLE, HOLE, HOLE, HOLE, **quiet)
    assert (result.outcome, result.counts, result.accounted) == ("accepted", Counts(unanswered=5), True)
    assert result.reason.words["accepted"] == "nobody pays at night"
    some = during(1.0, HOLE, HOLE, 1.0, 1.0, **quiet)
    assert (some.outcome, some.counts) == ("held", Counts(3, 0, 2)), "and never counted as measured"
    assert during(HOLE, HOLE, GONE, HOLE, HOLE, **quiet).outcome == "broke", "a refusal is no lack of data"


def test_a_zero_baseline_is_named() -> None:
    zero: dict[Phase, Sequence[float | dict[str, Any] | None]] = {"baseline": [0.0] * 5, "during": [0.0] * 5}
    found = evaluator(zero, expect=">= 0.9 * baseline").result("during")
    assert (found.outcome, found.reason.code) == ("no-data", "zero-baseline")


def test_samples_of_a_measurement_that_hangs_are_bad_in_the_order_in_which_they_began() -> None:
    hung = {"value": None, "failure": "timeout", "waited": 3.0, "took": 3.0}
    result = during(1.0, 1.0, 1.0, hung, 1.0, expect="< 2s", unit="s", waits="value")
    assert (result.outcome, result.counts, result.kinds) == ("broke", Counts(4, 1), {"timeout": 1})
    assert result.reason.numbers["waited"].value == 3.0


@pytest.mark.parametrize(
    ("recovery", "outcome", "code"),
    [
        ((1.0, 1.0, 1.0, 1.0, 1.0), "held", "held"),
        ((99.0, 99.0, 1.0, 1.0, 1.0), "held", "held"),
        ((99.0, 99.0, 99.0, 1.0, 1.0), "too-few", "not-for-good"),
        ((1.0, 1.0, 1.0, 1.0, 99.0), "broke", "not-recovered"),
        ((HOLE, HOLE, 1.0, 1.0, 1.0), "held", "held"),  # it was not seen at first, and then it held
        ((1.0, 1.0, HOLE, HOLE, 1.0), "no-data", "holes"),
    ],
)
def test_the_recovery_has_to_hold_again_for_good(
    recovery: Sequence[float | dict[str, Any] | None], outcome: str, code: str
) -> None:
    found = evaluator({"recovery": recovery}).result("recovery")
    assert (found.outcome, found.reason.code) == (outcome, code)


def test_a_claim_on_the_recovery_only_may_have_been_false_before() -> None:
    late: Any = {"when": ["recovery"]}
    assert evaluator({"baseline": [99.0], "during": []}, **late).was_false
    assert not evaluator({"baseline": [1.0], "during": []}, **late).was_false
    assert not evaluator({"baseline": [], "during": []}, **late).was_false
    assert not evaluator({"baseline": [99.0]}, when=["during", "recovery"]).was_false, "true of the fault only"


def _answered(seconds: float) -> dict[str, Any]:
    return {"value": seconds, "took": seconds}


def _cut(seconds: float) -> dict[str, Any]:
    """Under way when the phase ended."""
    return {"value": None, "failure": "timeout", "waited": seconds, "took": 0.0}


@pytest.mark.parametrize(
    ("waits", "expect", "under", "outcome"),
    [
        # Each answer takes three seconds, the claim allows it, and the last two had less until the fault ended.
        ("value", "< 5", [_answered(3.0)] * 5 + [_cut(2.0), _cut(1.0)], "held"),
        ("bad", "== 1", [{"value": 1.0, "took": 3.0}] * 5 + [_cut(2.0), _cut(1.0)], "held"),
        # They had the time that an answer took, and did not come.
        ("value", "< 5", [_answered(0.5)] * 5 + [_cut(3.0), _cut(2.0)], "no-data"),
        ("bad", "== 1", [{"value": 1.0, "took": 0.5}] * 5 + [_cut(3.0), _cut(2.0)], "broke"),
        ("value", "< 5", [_answered(0.5)] * 5 + [_cut(6.0), _cut(5.5)], "broke"),
        # One slow answer excuses the end of the phase, and nothing in the middle of it.
        ("value", "< 5", [_answered(3.0), _cut(2.0), _cut(1.0), *[1.0] * 4], "no-data"),
        # Of most of the phase nothing is known.
        ("value", "< 5", [_answered(3.0)] * 3 + [_cut(2.0)] * 4, "no-data"),
        # Nobody can know how long a hole of another kind would have taken.
        ("value", "< 5", [_answered(3.0)] * 5 + [HOLE, HOLE], "no-data"),
    ],
)
def test_what_the_end_of_a_phase_cut_short_is_no_hole(
    waits: str, expect: str, under: Sequence[float | dict[str, Any] | None], outcome: str
) -> None:
    baseline = [{"value": 1.0, "took": 0.01}] * 7
    found = evaluator({"baseline": baseline, "during": under}, 7.0, waits=waits, expect=expect).result("during")
    assert found.outcome == outcome
    assert found.counts.total == 7
