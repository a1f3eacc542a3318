"""The one rule by which a measurement is good, bad or unknown."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from brownout_controller.model.evaluate import NOTHING, Before, Evaluation, before, before_of, evaluate, stops
from brownout_controller.model.hypothesis import RecordedTerms
from brownout_controller.model.journal import Sample
from brownout_controller.model.probe import Failure, Reading

ANSWERED = Before(1.0, answered=True, longest=0.1)


def terms(**changes: Any) -> RecordedTerms:
    return RecordedTerms.model_validate({"name": "h", "expect": "< 10", **changes})


def several(*values: float) -> Reading:
    return Reading(None, series=tuple((str(number), value) for number, value in enumerate(values)))


@pytest.mark.parametrize("series", ["one", "all", "any"])
def test_one_value_decides_whatever_the_series_rule(series: str) -> None:
    assert evaluate(terms(series=series), Reading(9.0)) == Evaluation(True, "", 9.0)
    assert evaluate(terms(series=series), Reading(10.0)) == Evaluation(False, "value", 10.0)
    assert evaluate(terms(series=series), several(10.0)) == Evaluation(False, "value", 10.0)


@pytest.mark.parametrize(
    ("series", "values", "found"),
    [
        ("one", (1.0, 2.0), Evaluation(None, "several")),
        ("all", (1.0, 20.0), Evaluation(False, "value", 20.0)),
        ("all", (1.0, 2.0), Evaluation(True, "", 1.0)),
        ("all", (1.0, math.nan), Evaluation(None, "no-data")),
        ("all", (20.0, math.nan), Evaluation(False, "value", 20.0)),
        ("any", (20.0, 1.0), Evaluation(True, "", 1.0)),
        ("any", (20.0, 30.0), Evaluation(False, "value", 20.0)),
        ("any", (20.0, math.nan), Evaluation(None, "no-data")),
        ("any", (1.0, math.nan), Evaluation(True, "", 1.0)),
        ("any", (math.nan, math.nan), Evaluation(None, "no-data")),
    ],
)
def test_several_values_are_decided_by_their_rule(series: str, values: tuple[float, ...], found: Evaluation) -> None:
    assert evaluate(terms(series=series), several(*values)) == found


@pytest.mark.parametrize("empty", [Reading(None), Reading(math.nan), several(math.nan)])
def test_no_data_is_what_the_file_says_it_is(empty: Reading) -> None:
    assert evaluate(terms(), empty) == Evaluation(None, "no-data")
    assert evaluate(terms(no_data="fail"), empty) == Evaluation(False, "no-data")
    assert evaluate(terms(no_data={"pass": "night"}), empty) == Evaluation(None, "accepted")


@pytest.mark.parametrize("series", ["one", "all", "any"])
@pytest.mark.parametrize("reading", [Reading(1.0), several(1.0), several(1.0, 2.0)])
def test_without_a_baseline_nothing_that_is_relative_to_it_is_known(series: str, reading: Reading) -> None:
    relative = terms(expect="<= 2 * baseline", series=series, stop=True, no_data="inconclusive")
    assert evaluate(relative, reading).good is None
    assert stops(relative, reading).good is None


@pytest.mark.parametrize(
    ("expect", "value", "good"),
    [
        (">= 0.9 * baseline", 0.0, None),
        ("<= 2 * baseline", 5.0, None),
        ("between 0.9 * baseline and 1.1 * baseline", 0.0, None),
        (">= baseline", 0.0, None),
        ("<= baseline", 0.0, True),  # it was zero, and still is
        ("<= baseline", 1.0, False),
        ("== baseline", 1.0, False),
        ("<= baseline + 5", 5.0, True),
        ("<= 2 * baseline + 5", 6.0, False),
    ],
)
def test_a_share_of_a_baseline_of_zero_compares_with_nothing(expect: str, value: float, good: bool | None) -> None:
    found = evaluate(terms(expect=expect), Reading(value), Before(0.0, answered=True))
    assert found.good is good
    assert good is not None or found.why == "zero-baseline"


def test_a_baseline_in_which_every_request_failed_is_none() -> None:
    errors = terms(expect="<= baseline + 1%", probe="traffic", measure="errors")
    assert evaluate(errors, Reading(1.0), Before(1.0, answered=True)) == Evaluation(None, "failed-baseline", 1.0)
    assert evaluate(errors, Reading(1.0), Before(0.5, answered=True)).good is False
    absolute = terms(expect="< 5%", probe="traffic", measure="errors")
    assert evaluate(absolute, Reading(1.0), Before(1.0, answered=True)).good is False


@pytest.mark.parametrize("failure", ["refused", "reset", "unreachable", "malformed", "failed"])
def test_no_answer_is_bad_from_a_service_that_answered_before(failure: Failure) -> None:
    gone = Reading(None, "gone", failure=failure)
    for changes in ({}, {"no_data": "fail"}, {"no_data": {"pass": "night"}}):
        assert evaluate(terms(**changes), gone, ANSWERED) == Evaluation(False, "no-answer")
    assert evaluate(terms(), gone) == Evaluation(None, "no-answer"), "nobody knows that it ever answered"
    assert stops(terms(stop=True), gone, ANSWERED).good is False


def hung(seconds: float) -> Reading:
    return Reading(None, failure="timeout", waited=seconds)


def test_a_latency_is_at_least_what_was_waited_for() -> None:
    latency = terms(expect="< 2s", waits="value")
    assert evaluate(latency, hung(1.9), ANSWERED) == Evaluation(None, "no-answer")
    assert evaluate(latency, hung(2.1), ANSWERED) == Evaluation(False, "no-answer", 2.1)
    assert evaluate(latency, hung(2.1)).good is False, "whether or not it answered before"
    relative = terms(expect="<= 3 * baseline", waits="value")
    assert [evaluate(relative, hung(wait), ANSWERED).good for wait in (2.9, 3.1)] == [None, False]
    assert evaluate(relative, hung(99)).good is None
    assert evaluate(terms(expect="> 1s", waits="value"), hung(0.5), ANSWERED).good is None, "it may still come to that"


def test_a_claim_that_all_is_well_is_bad_as_soon_as_it_hangs() -> None:
    well = terms(expect="== 1", waits="bad")
    assert evaluate(well, hung(0.3), ANSWERED) == Evaluation(False, "no-answer")
    assert evaluate(well, hung(0.2), ANSWERED).good is None, "a busy machine needs as long now and then"
    assert evaluate(well, hung(3.0), Before(1.0, True, longest=2.0)).good is None, "it took as long in the baseline"
    assert evaluate(well, hung(4.1), Before(1.0, True, longest=2.0)).good is False
    assert evaluate(well, hung(9)).good is None, "nobody knows that it ever answered"


def test_a_number_that_does_not_come_is_unanswered_and_not_accepted_as_no_data() -> None:
    for changes in ({}, {"no_data": {"pass": "night"}}):
        assert evaluate(terms(waits="", **changes), hung(9), ANSWERED) == Evaluation(None, "no-answer")
    assert evaluate(terms(no_data="fail"), hung(9), ANSWERED).good is False


def test_a_threshold_of_its_own_ends_the_run_for_any_value_that_meets_it() -> None:
    limit = terms(stop="> 50", series="any")
    assert stops(limit, Reading(51.0)) == Evaluation(False, "value", 51.0)
    assert stops(limit, several(1.0, 51.0)) == Evaluation(False, "value", 51.0)
    assert stops(limit, Reading(20.0)).good is True, "bad by what is expected, and no reason to stop"
    assert stops(limit, Reading(None)).good is None
    assert stops(terms(stop="> 2 * baseline"), Reading(9.0)).good is None
    assert stops(terms(stop="> 2 * baseline"), Reading(9.0), ANSWERED).good is False


def test_a_threshold_is_met_by_a_wait_that_is_longer() -> None:
    limit = terms(stop="> 2s", expect="< 1s", waits="value")
    assert stops(limit, hung(3.0)).good is False
    assert stops(limit, hung(1.5)).good is None, "it may still become longer"
    assert stops(terms(stop="> 2s", expect="< 1s", waits=""), hung(3.0)).good is None


def test_stop_true_is_whatever_is_bad_and_no_stop_never_ends_anything() -> None:
    assert [stops(terms(stop=True), Reading(value)).good for value in (9.0, 10.0)] == [True, False]
    assert stops(terms(), Reading(10.0)).good is None


def test_what_was_before_is_the_median_and_whether_anything_answered() -> None:
    taken = [(Reading(1.0), 0.2), (Reading(3.0), 0.5), (Reading(None), None), (Reading(2.0), None)]
    assert before(taken) == Before(2.0, answered=True, longest=0.5)
    assert before([(Reading(None), 1.0)]) == NOTHING
    refused = Reading(0.0, failure="refused")
    assert before([(refused, 0.1)]) == Before(0.0, answered=False, longest=0.0)


def test_only_samples_of_the_baseline_that_count_are_what_was_before() -> None:
    samples = [Sample("h", "baseline", 9.0, settling=True), Sample("h", "during", 8.0), Sample("h", "baseline", 1.0)]
    assert before_of(samples).value == 1.0


def test_a_service_that_the_fault_slows_down_does_not_hang_as_long_as_it_answers_in_that_time() -> None:
    claim = terms(expect="== 1", waits="bad")
    calm = Sample("h", "baseline", 1.0, took=0.01)
    slow = Sample("h", "during", 1.0, took=3.0)
    assert evaluate(claim, hung(2.0), before_of([calm])).good is False
    assert evaluate(claim, hung(2.0), before_of([calm, slow])).good is None
    assert evaluate(claim, hung(7.0), before_of([calm, slow])).good is False
    for other in (replace(slow, settling=True), replace(slow, phase="recovery")):
        assert before_of([calm, other]) == before_of([calm])
    unanswered = replace(slow, value=None, failure="timeout")
    assert before_of([calm, unanswered]) == before_of([calm])
    assert before_of([calm]).under(Reading(1.0), 3.0) == before_of([calm, slow])
