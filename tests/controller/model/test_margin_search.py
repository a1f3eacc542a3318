"""The search for a margin: it finds what there is to be found, in as many runs as it says, and claims no more."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_controller.model.margin_search import Answer, Margin, MarginSearch, Resolution, SearchPlan

TENTH = Resolution(factor=1.1)
PLAN = SearchPlan(50.0, 3200.0, TENTH, own=800.0)


def searched(plan: SearchPlan, holds: Callable[[float], bool]) -> MarginSearch:
    search = MarginSearch(plan)
    while (value := search.next()) is not None:
        search.add(value, "held" if holds(value) else "broke")
        assert len(search.trials) <= 200, "it does not end"
    return search


def told(plan: SearchPlan, *answers: tuple[float, Answer]) -> MarginSearch:
    """A search in which these values came up, in this order."""
    search = MarginSearch(plan)
    for value, answer in answers:
        assert search.next() == value
        search.add(value, answer)
    return search


@st.composite
def plans(draw: st.DrawFn, finest: float = 1.01) -> SearchPlan:
    low = draw(st.floats(0.01, 1000))
    high = low * draw(st.floats(1.05, 2000))
    step = draw(st.booleans())
    resolution = (
        Resolution(step=(high - low) / draw(st.floats(0.5, 3 / (finest - 1))))
        if step
        else Resolution(factor=draw(st.floats(finest, 3)))
    )
    ends = draw(st.sampled_from([(low, high), (high, low)]))
    own = draw(st.none() | st.floats(low / 2, high * 2))
    return SearchPlan(*ends, resolution, own=own, sweep=draw(st.integers(0, 5)), confirm=draw(st.booleans()))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(plans(), st.floats(-0.2, 1.2))
def test_the_answer_brackets_the_truth_within_the_resolution_in_no_more_runs_than_predicted(
    plan: SearchPlan, place: float
) -> None:
    edge = plan.mild * (plan.severe / plan.mild) ** place

    def holds(value: float) -> bool:
        return plan.badness(value) < plan.badness(edge)

    search = searched(plan, holds)
    finding = search.finding()
    assert len(search.trials) <= plan.most
    assert finding.complete
    assert finding.again == ()
    assert finding.unsteady == ()
    if not holds(plan.mild):
        assert finding.kind == "less"
        assert finding.broke == plan.mild
    elif holds(plan.severe):
        assert finding.kind == "more"
        assert finding.held == plan.severe
    else:
        assert finding.kind == "found"
        assert finding.held is not None
        assert finding.broke is not None
        assert holds(finding.held)
        assert not holds(finding.broke)
        assert plan.resolution.fine(finding.held, finding.broke)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(plans(), st.randoms(use_true_random=False))
def test_a_system_that_answers_at_random_gets_no_more_runs_and_no_better_margin(plan: SearchPlan, draw: Random) -> None:
    search = searched(plan, lambda _: draw.random() < 0.5)
    finding = search.finding()
    assert len(search.trials) <= plan.most
    failed = [trial.value for trial in search.trials if trial.answer == "broke"]
    if finding.held is not None:
        assert all(plan.badness(value) > plan.badness(finding.held) for value in failed)
    if finding.broke is not None:
        assert all(plan.badness(value) >= plan.badness(finding.broke) or value in finding.unsteady for value in failed)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(plans(finest=1.2))
def test_some_edge_takes_as_many_runs_as_predicted(plan: SearchPlan) -> None:
    """Else the prediction would be a bound that nobody needs to wait for."""
    edges = [plan.mild * (plan.severe / plan.mild) ** (number / 200) for number in range(-1, 203)]
    longest = max(
        len(searched(plan, lambda value, edge=edge: plan.badness(value) < plan.badness(edge)).trials)  # type: ignore[misc]
        for edge in edges
    )
    assert plan.most - 1 <= longest <= plan.most


def test_the_value_of_the_experiment_comes_first_then_the_end_that_it_points_to() -> None:
    told(PLAN, (800.0, "held"), (3200.0, "broke"), (1600.0, "broke"))
    told(PLAN, (800.0, "broke"), (50.0, "held"), (200.0, "held"))


def test_values_are_round() -> None:
    search = searched(PLAN, lambda value: value < 187.3)
    assert [trial.value for trial in search.trials] == [800.0, 50.0, 200.0, 100.0, 140.0, 170.0, 184.0]


@pytest.mark.parametrize("confirm", [True, False])
def test_what_holds_at_the_worst_value_and_what_breaks_at_the_mildest_is_no_bracket(confirm: bool) -> None:
    plan = SearchPlan(50.0, 3200.0, TENTH, own=800.0, confirm=confirm)
    more = searched(plan, lambda _: True)
    assert more.finding() == Margin("more", 3200.0, None, complete=True)
    assert len(more.trials) == (3 if confirm else 2)
    less = searched(plan, lambda _: False)
    assert less.finding() == Margin("less", None, 50.0, complete=True)


def test_less_may_be_worse() -> None:
    plan = SearchPlan(10_000.0, 10.0, TENTH, own=1000.0)
    finding = searched(plan, lambda rate: rate >= 320).finding()
    assert finding.held is not None
    assert finding.broke is not None
    assert finding.broke < 320 <= finding.held <= finding.broke * 1.1


def test_an_inconclusive_run_is_repeated_once_and_counts_for_nothing() -> None:
    search = told(PLAN, (800.0, "held"), (3200.0, "unknown"), (3200.0, "broke"), (1600.0, "unknown"))
    assert search.finding() == Margin("found", 800.0, 3200.0)
    search.add(1600.0, "unknown")
    assert search.next() is None
    assert search.finding() == Margin("found", 800.0, 3200.0, unanswered=1600.0)


def test_nothing_is_claimed_before_there_is_an_answer() -> None:
    assert MarginSearch(PLAN).finding() == Margin("unknown", None, None)
    search = told(PLAN, (800.0, "unknown"), (800.0, "unknown"))
    assert search.next() is None
    assert search.finding() == Margin("unknown", None, None, unanswered=800.0)
    assert told(PLAN, (800.0, "held")).finding() == Margin("unknown", 800.0, None)


def test_what_holds_again_beyond_a_broken_value_does_not_widen_the_margin() -> None:
    plan = SearchPlan(50.0, 3200.0, TENTH, own=2000.0, sweep=3)
    search = searched(plan, lambda value: value < 120 or value > 1500)
    finding = search.finding()
    assert finding.kind == "found"
    assert finding.held is not None
    assert finding.broke is not None
    assert finding.held < 120 <= finding.broke <= finding.held * 1.1
    assert finding.again == (2000.0,)
    assert search.holds_at(2000.0) is True
    assert search.holds_at(1900.0) is False


def test_a_value_that_gives_both_answers_is_neither_end() -> None:
    plan = SearchPlan(50.0, 200.0, Resolution(factor=1.5), confirm=True)
    steady = [(50.0, "held"), (200.0, "broke"), (100.0, "held"), (140.0, "broke")]
    search = MarginSearch(plan)
    for value, answer in steady:
        assert search.next() == value
        search.add(value, answer)  # type: ignore[arg-type]
    assert search.next() == 100.0
    search.add(100.0, "broke")
    assert search.next() is None
    assert search.finding() == Margin("found", 50.0, 140.0, unsteady=(100.0,), complete=True)


def test_confirming_tries_both_ends_once_more() -> None:
    plan = SearchPlan(50.0, 200.0, Resolution(factor=1.5), confirm=True)
    values = [trial.value for trial in searched(plan, lambda value: value < 120).trials]
    assert values == [50.0, 200.0, 100.0, 140.0, 100.0, 140.0]


def test_whether_it_holds_at_a_value_that_was_not_tried_follows_from_the_bracket() -> None:
    search = searched(SearchPlan(50.0, 3200.0, TENTH), lambda value: value < 187)
    assert search.holds_at(150.0) is True
    assert search.holds_at(250.0) is False
    assert search.holds_at(187.0) is None


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (lambda: SearchPlan(0.0, 5.0, TENTH), "above 0"),
        (lambda: SearchPlan(5.0, 5.0, TENTH), "two different"),
        (lambda: SearchPlan(1.0, 5.0, Resolution()), "a step above 0, or a factor"),
        (lambda: SearchPlan(1.0, 5.0, Resolution(step=0.0)), "a step above 0"),
        (lambda: SearchPlan(1.0, 5.0, Resolution(factor=1.0)), "above 0 %"),
        (lambda: SearchPlan(1.0, 5.0, Resolution(step=1e-9)), "too fine"),
    ],
)
def test_what_cannot_be_searched_is_refused(plan: Callable[[], SearchPlan], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        plan()
