"""What a report tells of a journal, whole or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from brownout_controller.model.journal import Counted, Failure, Sample, Stop
from brownout_controller.report.run.run_report import phase_seconds, run_report
from brownout_core.units import SECONDS
from tests.support.builders import journals
from tests.support.builders.journals import FAULT, NAME, TERMS, Story


@pytest.mark.parametrize("verdict", journals.ALL)
def test_every_verdict_is_told_with_its_reason(verdict: str) -> None:
    report = journals.ALL[verdict]().report()
    assert report.judgement.verdict == verdict
    assert report.finished
    assert report.sentence
    assert [event.what for event in report.events][-1] == f"verdict: {verdict}"


def test_an_empty_journal_is_told_by_its_directory() -> None:
    report = run_report([], "20261124-100000-x-abcd")
    assert report.run.run_id == "20261124-100000-x-abcd"
    assert (report.name, report.finished, report.fault_window) == ("unknown experiment", False, None)
    assert (list(report.spans), list(report.hypotheses), list(report.events), list(report.times)) == ([], [], [], [])


def test_states_follow_each_other_without_gaps() -> None:
    report = journals.passed().report()
    assert [span.state for span in report.spans] == ["baseline", "injecting", "observing", "reverting", "recovering"]
    assert all(one.end == next_.begin for one, next_ in zip(report.spans, report.spans[1:], strict=False))
    assert phase_seconds(report) == pytest.approx({"baseline": 4.9, "during": 5.0, "recovery": 9.98})


def test_the_fault_window_is_from_the_injection_to_the_verified_revert() -> None:
    assert journals.passed().report().fault_window == (5.0, 10.01)
    assert journals.untouched().report().fault_window is None


def test_a_fault_that_is_not_known_to_be_gone_lasts_until_the_end() -> None:
    assert journals.not_reverted().report().fault_window == (5.0, 20.0)
    assert journals.killed().report().fault_window == (5.0, 6.0)


def test_what_a_later_start_did_does_not_stretch_the_run() -> None:
    report = journals.closed_later().report()
    assert report.ends == 6.0
    assert report.fault_window == (5.0, 6.0)
    assert any("closed by a later start" in event.what and event.at == 7200 for event in report.events)


def _counts(terms: Mapping[str, Any], *samples: Sample) -> tuple[list[bool | None], int]:
    """Whether the points are good, and how many bad ones the judge has counted."""
    report = Story(terms=[terms]).at(1, *samples).report()
    (claim,) = report.hypotheses
    assert sum(point.bad for point in claim.points) == sum(result.counts.bad for result in claim.results)
    return [point.good for point in claim.points], sum(point.bad for point in claim.points)


def test_points_are_bad_by_the_rule_of_the_judge() -> None:
    several = (("a", 0.1), ("b", 0.9))
    mixed = [
        Sample(NAME, "baseline", 0.1),
        Sample(NAME, "during", 0.3, settling=True),
        Sample(NAME, "during", 0.3),
        Sample(NAME, "during", None, "away"),
        Sample(NAME, "during", None, series=(("a", 0.9),)),
        Sample(NAME, "during", None, series=several),
        Sample(NAME, "recovery", 0.1),
    ]
    assert _counts(TERMS, *mixed) == ([True, False, False, None, False, None, True], 2)
    assert _counts({**TERMS, "series": "all"}, *mixed) == ([True, False, False, None, False, False, True], 3)
    assert _counts({**TERMS, "series": "any"}, *mixed) == ([True, False, False, None, False, True, True], 2)
    assert _counts({**TERMS, "no_data": "fail"}, *mixed) == ([True, False, False, False, False, False, True], 4)
    accepted = {**TERMS, "no_data": {"pass": "an idle shop has none"}}
    assert _counts(accepted, *mixed) == ([True, False, False, None, False, None, True], 2)
    relative = {**TERMS, "expect": "<= 2 * baseline"}
    assert _counts(relative, *mixed) == ([True, False, False, None, False, None, True], 2)
    assert _counts(relative, *mixed[2:]) == ([None, None, None, None, None], 0)


def test_several_series_are_drawn_as_the_one_that_decided() -> None:
    sample = Sample(NAME, "during", None, series=(("a", 0.1), ("b", 0.9)))
    values = {
        rule: Story(terms=[{**TERMS, "series": rule}]).at(1, sample).report().hypotheses[0].points[0].value
        for rule in ("one", "all", "any")
    }
    assert values == {"one": None, "all": 0.9, "any": 0.1}


def test_limits_are_those_of_the_expectation_and_of_the_stop() -> None:
    terms = {**TERMS, "expect": "<= 2 * baseline", "stop": "> 1s"}
    claim = Story(terms=[terms]).samples("baseline", 1, 0.1, 0.2, 0.3).report().hypotheses[0]
    assert claim.limits[0] is None
    assert claim.limits[1] == pytest.approx(0.4)
    assert claim.stop_limits == (1.0, None)
    assert claim.unit is SECONDS


def test_hits_are_summed_over_targets_and_survive_a_last_look_after_the_revert() -> None:
    story = Story().planned().injected().hit(6, 10).hit(7, 40)
    story.at(7, Counted("other", 1, 1, 1, {FAULT: 2}, {FAULT: 1})).at(8, Counted("other", 1, 1, 1, {}, {}))
    assert story.report().hits == {"latency_downstream": (42, 41)}
    assert Story().planned().report().hits == {"latency_downstream": (0, 0)}


def test_events_are_in_order_and_the_breach_is_one_of_them() -> None:
    events = journals.stopped().report().events
    assert [event.at for event in events] == sorted(event.at for event in events)
    breach = [event for event in events if event.at == 7.0]
    assert [event.grave for event in breach] == [True]


def test_when_a_hypothesis_first_broke_and_when_all_held_again_are_events() -> None:
    events = {(event.at, event.what) for event in journals.refuted().report().events}
    assert (7.0, f"{NAME}: 306ms, expected < 200ms") in events
    assert (11.0, "every hypothesis holds again") in events
    assert not any("holds again" in event.what for event in journals.not_reverted().report().events)


def test_a_breach_that_led_to_a_stop_is_told_once() -> None:
    assert [event.what for event in journals.stopped().report().events if event.at == 7.0] == [
        "first measured what led to the stop",
    ]
    early = Story().planned().injected().samples("during", 6, 0.3, 0.9).at(7, Stop("condition", "why", NAME, 7.0))
    assert [event.what for event in early.report().events if event.grave] == [
        f"{NAME}: 300ms, expected < 200ms", "stopped: why", "first measured what led to the stop",
    ]  # fmt: skip


def test_reasons_have_values_in_the_units_of_what_was_measured() -> None:
    assert (
        journals.refuted().report().sentence
        == f"{NAME} (during): 306ms at worst, expected < 200ms: 1 good, 2 bad, of 3"
    )
    assert journals.stopped().report().sentence == f"{NAME} was 900ms, which is > 500ms"
    relative = journals.refuted(terms=[{**TERMS, "expect": "<= 2 * baseline"}]).report()
    assert "expected <= 2 * baseline (baseline 5.5ms)" in relative.sentence
    odd = "7 at worst, expected"
    named = Story(terms=[{**TERMS, "name": odd}]).planned().samples("baseline", 1, 0.4, name=odd).judged().report()
    assert named.reasons[1] == f"{odd} (baseline): 400ms at worst, expected < 200ms: 1 bad, of 1"


def test_times_tell_how_long_stopping_and_recovering_took() -> None:
    times = dict(journals.stopped().report().times)
    assert times["from the breach to the verified revert"] == "510 ms"
    assert times["recovered after the revert"] == "1.5 s"


def test_traffic_is_put_where_it_was() -> None:
    assert [at for at, _ in journals.passed().report().traffic][:2] == [0.6, 1.6]


def test_a_stop_without_a_time_of_its_breach_is_told_once() -> None:
    story = Story().planned().injected().at(6, Stop("asked", "somebody wanted it"), Failure("lease", "late"))
    assert [event.what for event in story.report().events if event.grave] == [
        "stopped: somebody wanted it", "error (lease): late",
    ]  # fmt: skip


def test_hostile_texts_stop_nobody() -> None:
    report = journals.nasty().report()
    assert "\x00" not in "".join(event.what for event in report.events)
    assert "\n" not in report.name + report.sentence
