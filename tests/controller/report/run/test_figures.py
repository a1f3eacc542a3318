"""Which plots a run has."""

from __future__ import annotations

from typing import Any

import pytest

from brownout_controller.model.journal import Counted, Sample
from brownout_controller.report.run import figures
from brownout_controller.report.svg.plot import Plot, Stretch
from brownout_core.units import SECONDS
from tests.support.builders import journals
from tests.support.builders.journals import FAULT, NAME, TERMS, Story


def _of_claim(story: Story) -> Plot:
    report = story.report()
    return figures.hypothesis_plot(report, report.hypotheses[0])


def test_a_claim_has_its_samples_its_threshold_and_its_unit() -> None:
    plot = _of_claim(journals.refuted())
    assert plot.title == f"{NAME}, expected < 200ms"
    assert plot.text == "7 samples, 2 of them bad. baseline: held; under the fault: broke; recovery: held"
    assert [dot.look for dot in plot.series[0].dots].count("bad") == 2
    assert plot.unit is SECONDS
    assert [(limit.value, limit.label) for limit in plot.thresholds] == [(0.2, "expected < 200ms")]


def test_the_fault_and_the_phases_are_on_every_plot() -> None:
    report = journals.passed().report()
    plots = [
        _of_claim(journals.passed()),
        figures.requests_plot(report),
        figures.latency_plot(report),
        figures.hits_plot(report),
    ]
    for plot in plots:
        assert plot is not None
        assert plot.shade == Stretch(5.0, 10.01, "fault")
        assert [phase.label for phase in plot.phases] == ["baseline", "fault", "recovery"]


def _limits(**terms: Any) -> list[tuple[float, str, str]]:
    story = Story(terms=[{**TERMS, **terms}]).planned().samples("baseline", 1, 0.1, 0.1).injected()
    return [(round(limit.value, 6), limit.label, limit.style) for limit in _of_claim(story).thresholds]


def test_limits_say_where_they_come_from() -> None:
    assert _limits(expect="< 200ms", stop="> 1s") == [
        (0.2, "expected < 200ms", "expected"),
        (1.0, "stop > 1s", "stop"),
    ]
    assert _limits(expect="<= baseline + 50ms") == [(0.15, "expected <= 150ms", "expected")]
    assert _limits(expect="between 0.2s and 0.8s") == [
        (0.8, "expected at most 800ms", "expected"),
        (0.2, "expected at least 200ms", "expected"),
    ]
    assert _limits(expect="== 1s") == [(1.0, "expected == 1s", "expected")]
    assert _limits(expect="!= 5") == []


def test_a_limit_that_waits_for_the_baseline_is_not_drawn() -> None:
    story = Story(terms=[{**TERMS, "expect": "between 0.1 and 2 * baseline"}]).planned().injected()
    assert [limit.label for limit in _of_claim(story.samples("during", 6, 0.1)).thresholds] == [
        "expected at least 100ms"
    ]


def test_a_sample_tells_what_it_is_under_the_mouse() -> None:
    story = journals.Story(terms=[{**TERMS, "no_data": "fail"}]).planned().samples("during", 1, 0.1, 0.3, None)
    story.at(9, Sample(NAME, "during", 9.0, settling=True))
    assert [dot.title for dot in _of_claim(story).series[0].dots] == [
        "1.0 s: 100ms",
        "2.0 s: 300ms, expected < 200ms",
        "3.0 s: no data, expected < 200ms (nobody answered)",
        "9.0 s: 9s, does not count: settling",
    ]


def test_the_load_has_its_answers_and_their_times_by_second() -> None:
    report = journals.passed().report()
    requests, answers = figures.requests_plot(report), figures.latency_plot(report)
    assert requests is not None
    assert answers is not None
    assert {series.name: series.dots[0].value for series in requests.series} == {"answered well": 48, "failed": 2}
    assert requests.text == "960 requests were answered well, 40 failed"
    assert {series.name: series.dots[0].value for series in answers.series} == {"p50": 0.004, "p99": 0.3}


def test_hits_are_summed_over_targets_and_stay_when_the_fault_is_gone() -> None:
    story = journals.passed()
    story.at(9.5, Counted("other", 3, 0, 0, {FAULT: 5}, {FAULT: 2}), Counted("other", 3, 0, 0, {}, {}))
    plot = figures.hits_plot(story.report())
    assert plot is not None
    assert {series.name: series.dots[-1].value for series in plot.series} == {"hits": 430, "connections met": 253}


@pytest.mark.parametrize("found", [figures.requests_plot, figures.latency_plot, figures.hits_plot])
def test_there_is_no_plot_of_what_was_not_there(found: Any) -> None:
    assert found(journals.refused().report()) is None


def test_a_journal_that_names_no_fault_has_no_shade() -> None:
    assert figures.fault_stretch(journals.untouched().report()) is None
