"""The row of a run: what its journal says, and whether that says something about the system."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from brownout_controller.model.journal import Injected, Interrupted, Stop
from brownout_controller.report.run.summarise import summarise
from tests.support.builders import journals
from tests.support.builders.journals import ALL, NAME, NASTY, RUN_ID, Story


def test_a_row_says_what_was_run_and_what_came_of_it() -> None:
    row = summarise(journals.refuted(run_id="x").report())
    assert (row.run, row.directory, row.experiment, row.edge) == (
        "x",
        RUN_ID,
        "database-latency",
        "payment -> postgresql",
    )
    assert (row.environment, row.faults, row.seed, row.source) == ("local", ("latency",), "7", "exp.yaml")
    assert row.played == ('{"latency": {"delay": "300ms"}}',)
    assert (row.verdict, row.exit, row.state) == ("refuted", 1, "refuted")
    assert row.started == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert row.duration == 20.0
    assert row.reason.startswith(f"{NAME} (during): 306ms at worst")
    assert row.recovery == pytest.approx(0.99)


@pytest.mark.parametrize("name", ALL)
def test_only_passed_refuted_and_a_stop_condition_say_something_about_the_system(name: str) -> None:
    expected = {"passed": "held", "refuted": "broke", "stopped": "broke"}
    assert summarise(ALL[name]().report()).finding == expected.get(name, "nothing")


def test_a_stop_for_another_reason_says_nothing() -> None:
    assert summarise(journals.stopped("asked").report()).finding == "nothing"
    assert summarise(journals.stopped("blind").report()).finding == "nothing"
    assert summarise(journals.interrupted().report()).finding == "nothing"


def test_a_condition_that_was_met_before_the_fault_says_nothing_about_it() -> None:
    story = Story().planned().samples("baseline", 1, 0.9).at(3, Stop("condition", f"{NAME} was 0.9", NAME, 2.0))
    assert summarise(story.judged(4).report()).finding == "nothing"
    late = Story().planned().at(3, Stop("condition", f"{NAME} was 0.9", NAME, 2.0)).injected(5).reverted().judged()
    assert late.report().all(Injected)
    assert summarise(late.report()).finding == "nothing"


def test_a_condition_counts_although_somebody_lost_patience_after_it() -> None:
    story = Story().planned().samples("baseline", 1, 0.005).injected().samples("during", 6, 0.9)
    story.at(7, Stop("condition", f"{NAME} was 0.9", NAME, 6.0)).at(7.1, Interrupted("SIGINT")).reverted(7.5)
    assert summarise(story.judged().report()).finding == "broke"


def test_late_is_not_never() -> None:
    def watched(*values: float) -> Story:
        story = Story().planned().samples("baseline", 1, 0.005).injected().samples("during", 6, 0.1).hit().reverted()
        return story.samples("recovery", 11, *values).judged(40)

    late = summarise(watched(*[0.3] * 12, 0.005).report())
    assert (late.finding, late.unrecovered) == ("broke", False)
    assert late.recovery == pytest.approx(12.99)
    never = summarise(watched(*[0.3] * 12).report())
    assert (never.finding, never.unrecovered, never.recovery) == ("broke", True, None)
    assert not summarise(journals.passed().report()).unrecovered


def test_a_run_without_an_end_has_not_ended() -> None:
    assert summarise(journals.killed().report()).state == "unfinished"
    assert summarise(journals.closed_later().report()).state == "inconclusive"


def test_a_journal_without_a_beginning_or_a_time_has_no_place() -> None:
    story = journals.killed()
    story.entries = story.entries[1:]
    with pytest.raises(ValueError, match="what was run"):
        summarise(story.report())
    for started in ("", "yesterday", None):
        with pytest.raises(ValueError, match="when the run began"):
            summarise(journals.passed(started=started).report())


def test_texts_are_clean_and_short() -> None:
    row = summarise(journals.passed(source=NASTY * 100, experiment={"name": NASTY, "edge": NASTY}).report())
    for text in (row.experiment, row.edge, row.source):
        assert not set("\x00\x1b\ud800\u202e\n") & set(text)
        assert len(text) <= 500
        text.encode()


def test_numbers_are_finite() -> None:
    story = journals.passed()
    story.at(float("inf"), Interrupted("x"))
    assert summarise(story.report()).duration == 0
