"""The verdict from the journal alone: the cases in which other tools are green, and that nothing unproved passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brownout_controller.model.accounting import Counts
from brownout_controller.model.journal import (
    Closed,
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    LoadSecond,
    Outage,
    Plan,
    Record,
    Refusal,
    Reverted,
    Run,
    Sample,
    Stop,
    TargetState,
    Undo,
)
from brownout_controller.model.judge import Judgement, judge
from brownout_controller.model.reasons import Number, Reason
from brownout_core.experiment_terms import Phase
from brownout_core.verdict import Verdict

TARGET = {"id": "db", "proxy": "db", "where": "here"}
Timed = tuple[float, Record]


def story(
    *,
    terms: Sequence[dict[str, Any]] = ({"name": "h", "expect": "< 10"},),
    baseline: Sequence[float | None] = (1, 1, 1),
    during: Sequence[float | None] = (1, 1, 1, 1, 1),
    recovery: Sequence[float | None] = (1, 1, 1),
    hits: int = 5,
    verified: bool = True,
    changes: dict[str, Any] | None = None,
) -> list[Timed]:
    """A journal of a whole run: baseline from 0 s, the fault from 10 s, reverted at 20 s, over at 30 s; samples are one
    second apart. `changes` are of every sample."""
    run = Run("r", "1", "2026-01-01T00:00:00+00:00", {}, terms, {}, 7, "brownout run x", recovery=8.0)
    told: list[Timed] = [(0, run), (0, Plan([TARGET], ["slow"], ["release"])), (0, Entered("baseline", "planned"))]

    def samples(phase: Phase, began: float, values: Sequence[float | None]) -> list[Timed]:
        made = [Sample(str(term["name"]), phase, value) for value in values for term in terms]
        return [
            (began + 1 + number // len(terms), replace(sample, **(changes or {}))) for number, sample in enumerate(made)
        ]

    told += samples("baseline", 0, baseline)
    told += [(10, Entered("injecting", "baseline")), (10, Undo("u0", TARGET, "release"))]
    told += [(10, Injected("u0", "db", ["slow"], 10)), (10, Entered("observing", "injecting"))]
    told += samples("during", 10, during)
    told += [(19, Counted("db", 9, 9, 9, {"slow": hits}, {"slow": 3})), (20, Entered("reverting", "observing"))]
    told += [(20, Reverted("u0", "db", verified, "released", "" if verified else "db lists it"))]
    told += [(20, Entered("recovering", "reverting")), *samples("recovery", 20, recovery)]
    return [*told, (30, Entered("judged", "recovering"))]


def judged(told: Sequence[Timed]) -> Judgement:
    return judge(Entry(number, at, record) for number, (at, record) in enumerate(told))


def without(told: Sequence[Timed], *kinds: type[Record]) -> list[Timed]:
    return [(at, record) for at, record in told if not isinstance(record, kinds)]


def verdict(told: Sequence[Timed]) -> tuple[str, int]:
    judgement = judged(told)
    return judgement.verdict.value, judgement.exit


def codes(judgement: Judgement) -> list[str]:
    return [reason.code for reason in judgement.reasons]


def h(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "h", "expect": "< 10", **changes}]


def test_a_whole_run_that_holds_is_passed() -> None:
    judgement = judged(story())
    assert (judgement.verdict, judgement.exit) == (Verdict.PASSED, 0)
    assert [(result.phase, result.outcome) for result in judgement.results] == [
        ("baseline", "held"), ("during", "held"), ("recovery", "held"),
    ]  # fmt: skip
    assert judgement.hits == {"slow": 5}
    assert judgement.recovery == 1


# The cases, by their numbers.


def test_f1_a_baseline_that_is_not_met() -> None:
    told = [item for item in story(baseline=(1, 99, 1)) if item[0] < 10]
    assert verdict(told) == ("inconclusive", 3)
    assert judged(told).reasons[0] == Reason("baseline-not-met", words={"injected": "no"})


def test_f2_an_injection_that_failed() -> None:
    told = [*without(story(), Injected), (11.0, Failure("injection", "403 from the API"))]
    assert verdict(told) == ("inconclusive", 3)
    assert judged(told).reasons == (
        Reason("not-injected"),
        Reason("injection-failed", words={"text": "403 from the API"}),
    )
    assert verdict(without(story(), Injected)) == ("inconclusive", 3)


def test_a_fault_on_one_of_two_targets_is_no_fault_on_both() -> None:
    other = {"id": "replica", "proxy": "replica", "where": "here"}
    told = [*story(), (10, Undo("u1", other, "release")), (20, Reverted("u1", "replica", True, "released"))]
    judgement = judged(sorted(told, key=lambda item: item[0]))
    assert (judgement.verdict, codes(judgement)) == (Verdict.INCONCLUSIVE, ["not-injected"])


def test_f3_and_f4_bad_samples_that_heal_before_the_end() -> None:
    judgement = judged(story(during=(1, 99, 98, 1, 1)))
    assert (judgement.verdict.value, judgement.exit) == ("refuted", 1)
    assert codes(judgement) == ["broke"]
    assert judgement.reasons[0].numbers["worst"] == Number(99)
    assert judgement.results[1].counts == Counts(good=3, bad=2)


def test_f5_a_revert_that_failed() -> None:
    assert verdict(story(verified=False)) == ("not-reverted", 6)
    assert verdict(story(verified=False, during=(99,))) == ("not-reverted", 6)
    assert verdict(without(story(), Reverted)) == ("not-reverted", 6)
    assert judged(story(verified=False)).reasons[1].words["text"] == "db lists it"


def test_f6_f7_f12_a_stop_condition() -> None:
    told = [*story(during=(99,)), (11.5, Stop("condition", "h was 99, which is > 50", "h", breached_at=18.5))]
    judgement = judged(told)
    assert (judgement.verdict.value, judgement.exit) == ("stopped", 5)
    assert judgement.stopping == 1.5
    assert next(result for result in judgement.results if result.phase == "during").outcome == "broke"
    early = [
        (at, replace(record, settling=True) if isinstance(record, Sample) and record.phase == "during" else record)
        for at, record in told
    ]
    assert next(result for result in judged(early).results if result.phase == "during").outcome == "broke"
    assert verdict([*without(told, Reverted)]) == ("not-reverted", 6)


@pytest.mark.parametrize(("signal", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 5)])
def test_f9_f10_a_signal(signal: str, code: int) -> None:
    assert verdict([*story(), (12.0, Interrupted(signal))]) == ("stopped", code)
    assert verdict([*story(verified=False), (12.0, Interrupted(signal))]) == ("not-reverted", 6)
    before = [item for item in story() if item[0] < 10]
    assert verdict([*before, (5.0, Interrupted(signal))]) == ("stopped", code)


def test_f11_a_run_that_was_killed_and_closed_later() -> None:
    cut = [item for item in story() if item[0] < 15]
    assert verdict(cut) == ("not-reverted", 6), "nobody knows yet"
    closed = [*cut, (60.0, Reverted("u0", "db", verified=True)), (60.0, Closed("a later start"))]
    assert verdict(closed) == ("inconclusive", 3)


def test_f14_a_system_that_stays_broken() -> None:
    judgement = judged(story(recovery=(99, 99, 99)))
    assert judgement.verdict is Verdict.REFUTED
    assert (codes(judgement), judgement.reasons[0].numbers["within"]) == (["not-recovered"], Number(8, "s"))
    assert judgement.recovery is None


def test_a_system_that_recovers_in_time_and_one_that_is_too_late() -> None:
    judgement = judged(story(recovery=(99, 99, 1, 1)))
    assert (judgement.verdict, judgement.recovery) == (Verdict.PASSED, 3)
    assert verdict(story(terms=h(recover_within=2), recovery=(99, 99, 1, 1))) == ("refuted", 1)
    assert verdict(story(recovery=(1, 1, 99))) == ("refuted", 1), "it was bad at the end"


@pytest.mark.parametrize("phase", ["baseline", "during", "recovery"])
def test_f15_f16_f22_no_data_in_any_phase(phase: str) -> None:
    none: dict[str, Any] = {phase: (None, None, None)}
    told = story(**none, changes={"why": "no series"})
    judgement = judged(told)
    assert (judgement.verdict.value, judgement.exit) == ("inconclusive", 3)
    code = "no-data" if phase == "baseline" else "holes"  # which the baseline did not have
    found = next(reason for reason in judgement.reasons if reason.code == code)
    assert (found.hypothesis, found.phase, found.words["why"]) == ("h", phase, "no series")
    assert found.numbers["unanswered"] == Number(3)


def test_no_data_is_what_the_file_says_it_is() -> None:
    assert verdict(story(during=(None, None), terms=h(no_data="fail"))) == ("refuted", 1)
    quiet = h(no_data={"pass": "it is quiet at night"})
    assert verdict(story(during=(None, None), terms=quiet)) == ("passed", 0)
    assert verdict(story(during=(1, 1, 1, None))) == ("passed", 0), "one gap of four"
    assert verdict(story(during=(1, None, None, None))) == ("inconclusive", 3)
    assert verdict(story(during=())) == ("inconclusive", 3)


def test_f17_too_few_events() -> None:
    terms = h(min_events=100)
    assert verdict(story(terms=terms, changes={"events": 99.0})) == ("inconclusive", 3)
    assert verdict(story(terms=terms)) == ("inconclusive", 3), "not known is too few"
    assert verdict(story(terms=terms, changes={"events": 100.0})) == ("passed", 0)
    assert verdict(story(terms=terms, during=(99,), changes={"events": 1.0}))[0] != "passed"


def test_f18_more_series_than_expected() -> None:
    two: dict[str, Any] = {"value": None, "series": (("a", 1.0), ("b", 20.0)), "why": "2 series"}
    assert verdict(story(changes=two)) == ("inconclusive", 3)
    assert verdict(story(changes={**two, "series": (("a", 1.0),)})) == ("passed", 0)
    any_, all_ = h(series="any"), h(series="all")
    assert verdict(story(terms=any_, changes=two)) == ("passed", 0)
    assert verdict(story(terms=all_, changes={**two, "series": (("a", 1.0), ("b", 2.0))})) == ("passed", 0)
    assert judged(story(terms=all_, changes=two)).results[1].outcome == "broke"


def test_f19_a_fault_that_met_no_traffic() -> None:
    assert verdict(story(hits=0)) == ("inconclusive", 3)
    assert verdict(story(hits=0, during=(99,))) == ("inconclusive", 3)
    assert verdict(without(story(), Counted)) == ("inconclusive", 3)


def test_f20_a_refusal() -> None:
    told: list[Timed] = [*story()[:2], (0.0, Refusal("zero-targets", "nothing carries it", "start it"))]
    assert verdict(told) == ("refused", 4)
    assert judged(told).reasons == (
        Reason("refused", subject="zero-targets", words={"why": "nothing carries it", "remedy": "start it"}),
    )


def test_a_refusal_under_way_hides_no_revert_that_is_not_verified() -> None:
    refused = (12.0, Refusal("lock", "another run has two", "wait for it"))
    assert verdict([*story(verified=False), refused]) == ("not-reverted", 6)
    assert verdict([*story(), refused]) == ("refused", 4)


def test_f21_a_fault_that_vanished() -> None:
    assert verdict([*story(), (15.0, Stop("lapsed", "db was restarted"))]) == ("inconclusive", 3)


@pytest.mark.parametrize("cause", ["blind", "cut-off", "unlocked", "asked"])
def test_f25_other_stops(cause: Any) -> None:
    assert verdict([*story(), (15.0, Stop(cause, "why"))]) == ("stopped", 5)


def test_f23_what_is_tolerated() -> None:
    once = (1, 99, 1, 1, 1)
    assert verdict(story(during=once)) == ("refuted", 1)
    assert verdict(story(during=once, terms=h(tolerate={"failures": 1, "of": 3}))) == ("passed", 0)
    assert verdict(story(during=(99, 1, 99, 1), terms=h(tolerate={"failures": 1, "of": 3}))) == ("refuted", 1)
    assert verdict(story(during=(1, 1, 1, 99, 99), terms=h(tolerate={"failures": 1, "of": 3}))) == ("refuted", 1)
    assert verdict(story(during=(99, 1, 1, 99, 1, 1), terms=h(tolerate={"failures": 1, "of": 3}))) == ("passed", 0)
    assert verdict(story(during=(99, 99, 1), terms=h(tolerate={"consecutive": 3}))) == ("passed", 0)
    assert verdict(story(during=(99, 99, 99), terms=h(tolerate={"consecutive": 3}))) == ("refuted", 1)
    assert verdict(story(baseline=once, terms=h(tolerate={"failures": 1, "of": 3}))) == ("inconclusive", 3)


def test_recovery_tolerates_what_the_file_says_it_does() -> None:
    some = h(tolerate={"failures": 1, "of": 3})
    judgement = judged(story(terms=some, recovery=(99, 99, 1, 1, 99, 1, 1, 99)))
    assert (judgement.verdict, judgement.recovery) == (Verdict.PASSED, 3), "a bad one now and then, the last one too"
    assert judged(story(terms=some, recovery=(1, 1, 99, 99, 1))).recovery == 5, "only then it held"
    assert verdict(story(terms=some, recovery=(1, 1, 1, 99, 99))) == ("refuted", 1)
    assert verdict(story(terms=h(tolerate={"consecutive": 2}), recovery=(99, 1, 99, 1))) == ("passed", 0)
    assert verdict(story(terms=some, recovery=(99, 99, 99))) == ("refuted", 1)


def test_a_phase_that_is_too_short_for_its_tolerance_does_not_hold_because_of_that() -> None:
    some = h(tolerate={"failures": 3, "of": 5})
    assert verdict(story(terms=some, during=(99, 99))) == ("refuted", 1)
    assert verdict(story(terms=some, during=(99, 1))) == ("passed", 0)
    assert verdict(story(terms=some, during=(99, 99, 1))) == ("refuted", 1)
    assert verdict(story(terms=h(tolerate={"consecutive": 3}), during=(99, 99))) == ("refuted", 1)


def test_f24_samples_that_settle_do_not_count() -> None:
    told = [
        (at, replace(record, settling=True) if isinstance(record, Sample) and record.value == 99 else record)
        for at, record in story(during=(99, 99, 1, 1))
    ]
    assert verdict(told) == ("passed", 0)
    all_settling = [
        (at, replace(record, settling=True) if isinstance(record, Sample) and record.phase == "during" else record)
        for at, record in story()
    ]
    assert verdict(all_settling) == ("inconclusive", 3)


def test_f27_a_bug_of_ours() -> None:
    assert verdict([*story(), (15.0, Failure("runner", "KeyError: 'x'"))]) == ("internal", 7)
    assert verdict([*story(verified=False), (15.0, Failure("runner", "x"))]) == ("not-reverted", 6)


# What is relative, and what is only looked at now and then.


def test_relative_to_the_baseline() -> None:
    terms = h(expect="<= baseline + 2")
    assert verdict(story(terms=terms, baseline=(1, 3, 2), during=(4, 4), recovery=(2,)))[0] == "passed"
    judgement = judged(story(terms=terms, baseline=(1, 3, 2), during=(5,), recovery=(2,)))
    assert judgement.verdict is Verdict.REFUTED
    assert judgement.reasons[0].numbers["baseline"] == Number(2)


def test_a_hypothesis_of_one_phase_is_not_missed_in_the_others() -> None:
    told = story(terms=[*h(), {"name": "lost", "expect": "== 0", "when": ["recovery"]}], recovery=(0,))
    assert verdict(told) == ("passed", 0)
    assert len(judged(told).results) == 4


def test_a_journal_without_its_beginning_or_end() -> None:
    assert verdict([]) == ("inconclusive", 3)
    assert verdict([item for item in story() if not (isinstance(item[1], Entered) and item[1].state == "judged")]) == (
        "inconclusive", 3,
    )  # fmt: skip


def test_what_a_newer_version_adds_to_the_terms_is_no_error() -> None:
    assert verdict(story(terms=h(probe="traffic", later=1))) == ("passed", 0)


@pytest.mark.parametrize(
    "terms",
    [h(name="\ud800"), [{"name": "h"}], h(expect="***"), [{**h()[0], "when": "later"}], 9, [9], [None], ["h"]],
)
def test_terms_that_cannot_be_understood_are_no_error_and_prove_nothing(terms: Any) -> None:
    def with_terms(told: list[Timed]) -> list[Timed]:
        return [(at, replace(record, terms=terms) if isinstance(record, Run) else record) for at, record in told]

    judgement = judged(with_terms(story()))
    assert (judgement.verdict, judgement.exit) == (Verdict.INCONCLUSIVE, 3)
    assert codes(judgement) == ["unreadable-terms"]
    assert verdict(with_terms(story(verified=False))) == ("not-reverted", 6), "which needs no hypothesis"


# What is accounted for.


def test_a_claim_on_the_recovery_that_was_false_before_refutes_nothing() -> None:
    terms = [*h(), {"name": "pending", "expect": "== 0", "when": ["recovery"]}]
    told = [item for item in story(terms=terms) if getattr(item[1], "hypothesis", "") != "pending"]
    told += [(29.0, Sample("pending", "recovery", 1.0))]
    assert verdict(told) == ("refuted", 1), "nobody knows how it was before"
    before = [*told, (1.5, Sample("pending", "baseline", 1.0))]
    judgement = judged(before)
    assert (judgement.verdict, codes(judgement)[0]) == (Verdict.INCONCLUSIVE, "false-before")
    assert verdict([*told, (1.5, Sample("pending", "baseline", 0.0))]) == ("refuted", 1)
    assert {result.phase for result in judgement.results if result.name == "pending"} == {"recovery"}


def test_what_was_accepted_without_data_is_no_measurement_and_says_so() -> None:
    judgement = judged(
        story(terms=h(no_data={"pass": "quiet"}), baseline=(None,), during=(None, None), recovery=(None,))
    )
    assert {result.outcome for result in judgement.results} == {"accepted"}
    assert codes(judgement).count("accepted") == 3
    assert all(result.counts.good == 0 for result in judgement.results)


def test_a_bad_measurement_is_proved_whatever_is_missing_beside_it() -> None:
    assert verdict(story(during=(99, None, None, None))) == ("refuted", 1)
    assert verdict(story(during=(1, None, 1, None, 1))) == ("passed", 0), "one at a time"
    assert verdict(story(during=(1, None, None, 1))) == ("inconclusive", 3)


def test_one_good_sample_at_the_end_of_a_recovery_is_not_for_good() -> None:
    judgement = judged(story(recovery=(99, 99, 99, 99, 1)))
    assert (judgement.verdict, codes(judgement)) == (Verdict.INCONCLUSIVE, ["not-for-good"])


# Properties.

_VALUE = st.sampled_from([1.0, 99.0, None])
_STORIES = st.builds(
    story,
    baseline=st.lists(_VALUE, max_size=3), during=st.lists(_VALUE, max_size=4), recovery=st.lists(_VALUE, max_size=3),
    hits=st.integers(0, 1), verified=st.booleans(),
    terms=st.sampled_from([h(), h(tolerate={"failures": 1, "of": 3}), h(no_data="fail"), h(min_events=1)]),
)  # fmt: skip
_NOISE: list[Record] = [
    Failure("probe", "x"), Failure("runner", "x"), Failure("injection", "x"), Interrupted("SIGINT"),
    Stop("condition", "x"), Stop("lapsed", "x"), Refusal("lock", "x", "y"), Closed("x"), LoadSecond(1, 1, 1, 0),
    Undo("u9", TARGET, "x"),
]  # fmt: skip


@given(_STORIES, st.lists(st.sampled_from(_NOISE), max_size=2))
def test_nothing_unproved_is_passed(told: list[Timed], noise: list[Record]) -> None:
    judgement = judged([*told, *((15.0, record) for record in noise)])
    if judgement.verdict is not Verdict.PASSED:
        assert judgement.exit != 0
        assert judgement.reasons
        return
    assert all(result.outcome == "held" and result.counts.total for result in judgement.results)
    assert all(judgement.hits.values())
    assert judgement.hits
    assert all(record.verified for _, record in told if isinstance(record, Reverted))
    assert all(isinstance(record, LoadSecond) or record == Failure("probe", "x") for record in noise)


@given(_STORIES, st.integers(1, 40))
def test_what_is_cut_off_never_becomes_a_pass(told: list[Timed], kept: int) -> None:
    whole, cut = judged(told), judged(told[:kept])
    if whole.verdict is not Verdict.PASSED:
        assert cut.verdict is not Verdict.PASSED
    if kept < len(told):
        assert cut.verdict is not Verdict.PASSED, "its end is what proves it"


# Faults without a hypothesis.


def ad_hoc(*, hits: int = 5, verified: bool = True) -> list[Timed]:
    """They are put at 10 s and reverted at 20 s."""
    told = [
        (at, record)
        for at, record in story(terms=(), hits=hits, verified=verified)
        if not isinstance(record, Entered) or record.state in ("injecting", "observing", "reverting")
    ]
    return [*told, (20, Entered("judged", "reverting"))]


def test_faults_that_claim_nothing_are_done_and_not_passed() -> None:
    assert verdict(ad_hoc()) == ("done", 0)
    idle = judged(ad_hoc(hits=0))
    assert (idle.verdict, idle.reasons[1]) == (Verdict.DONE, Reason("no-traffic", subject="slow"))


def test_faults_that_claim_nothing_are_not_done_if_anything_is_missing() -> None:
    assert verdict(ad_hoc(verified=False)) == ("not-reverted", 6)
    assert verdict(without(ad_hoc(), Injected)) == ("inconclusive", 3)
    assert verdict(ad_hoc()[:-1]) == ("inconclusive", 3)
    assert verdict([*ad_hoc(), (15, Stop("lapsed", "it vanished"))]) == ("inconclusive", 3)
    assert verdict([*ad_hoc(), (15, Stop("asked", "enough"))]) == ("stopped", 5)


def _state(*faults: dict[str, Any], **changes: Any) -> TargetState:
    return replace(TargetState("db", "one", True, "db:1", faults), **changes)


_THEIRS = {"name": "toxic", "kind": "timeout", "lease": ""}
_FOREIGN: list[Timed] = [(0, _state()), (12, _state(_THEIRS)), (14, _state())]


@pytest.mark.parametrize(
    ("happened", "code"),
    [
        (_FOREIGN, "foreign-fault"),
        ([(0, _state()), (25, _state(_THEIRS))], "foreign-fault"),
        ([(0, _state()), (15, _state(enabled=False)), (16, _state())], "proxy-disabled"),
        ([(0, _state()), (15, _state(upstream="other:1"))], "upstream-changed"),
        ([(0, _state()), (16, Outage("db", "frozen", 3))], "proxy-frozen"),
    ],
    ids=["fault", "recovery", "disabled", "upstream", "frozen"],
)
@pytest.mark.parametrize("during", [(1, 99, 98, 1, 1), (1, 1, 1, 1, 1)], ids=["broke", "held"])
def test_nobody_is_blamed_or_praised_for_what_others_did(
    happened: list[Timed], code: str, during: Sequence[float]
) -> None:
    judgement = judged(sorted([*story(during=during), *happened], key=lambda item: item[0]))
    assert (judgement.verdict, judgement.exit, codes(judgement)[0]) == (Verdict.INCONCLUSIVE, 3, code)
    assert [reason.code for reason in judgement.disturbances] == [code]


def test_what_others_did_is_named_beside_a_stop_and_changes_no_revert_that_is_not_verified() -> None:
    stopped = [*story(during=(99,)), *_FOREIGN, (11.5, Stop("condition", "h was 99", "h", breached_at=11.0))]
    judgement = judged(sorted(stopped, key=lambda item: item[0]))
    assert (judgement.verdict, codes(judgement)[-1]) == (Verdict.STOPPED, "foreign-fault")
    assert judged([*story(verified=False), *_FOREIGN]).verdict is Verdict.NOT_REVERTED


@pytest.mark.parametrize("where", ["sigint", "refusal", "passed"])
def test_a_journal_that_cannot_be_written_is_never_a_verdict_of_another_kind(where: str) -> None:
    told: list[Timed] = [*story(), (30, Failure("journal", "the journal cannot be written: full"))]
    also: dict[str, Record] = {"sigint": Interrupted("SIGINT"), "refusal": Refusal("lock", "taken", "wait")}
    told += [(30, also[where])] if where in also else []
    judgement = judged(told)
    assert (judgement.verdict, judgement.exit, codes(judgement)) == (Verdict.INCONCLUSIVE, 3, ["lost-journal"])
    assert judged([*told, *story(verified=False)]).verdict is Verdict.NOT_REVERTED


def test_how_it_passed_is_in_the_first_reason() -> None:
    every = ["baseline", "during", "recovery"]
    assert codes(judged(story(terms=h(when=every), during=(50, 50), changes={}))) != ["passed"]
    assert codes(judged(story(terms=h(when=every, expect="< 99"), during=(50, 50)))) == ["passed"]
    assert codes(judged(story(terms=h(when=every)))) == ["passed-unmoved"]
    assert codes(judged(story(terms=h(when=["recovery"])))) == ["passed-unclaimed"]
    (unmoved,) = judged(story(terms=h(when=every))).reasons
    assert set(unmoved.numbers) == {"requests", "delay", "ended"}


def test_a_sliver_of_the_load_is_no_proof_of_anything() -> None:
    def seen(exchanges: int, during: Sequence[float] = (1, 1, 1, 1, 1)) -> Judgement:
        told = [
            (at, replace(record, found=1, reach=1.0, min_share=0.05) if isinstance(record, Plan) else record)
            for at, record in story(during=during)
        ]
        told += [(10.0, Counted("db", 1, 0, 0, {}, {}))]
        told += [(19.5, Counted("db", 1, 0, 0, {"slow": 5}, {"slow": 1}, exchanges=exchanges,
                                met_exchanges={"slow": exchanges}))]  # fmt: skip
        told += [(second + 1.0, LoadSecond(second, 10, 10, 0)) for second in range(30)]
        return judged(sorted(told, key=lambda item: item[0]))

    assert seen(100).verdict is Verdict.PASSED
    assert (seen(2).verdict, codes(seen(2))) == (Verdict.INCONCLUSIVE, ["small-share"])
    assert seen(2, during=(99, 99)).verdict is Verdict.INCONCLUSIVE
