"""The order: by score, then by name, whatever the file's order; and not ten times the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_catalogue.rendering.reasons import reasons
from brownout_catalogue.scoring.past_trials import KNOWN, PastTrials
from brownout_catalogue.scoring.ranking import LEAST_NEW, Before, RankKey, order, rank
from tests.support.builders.architectures import EXAMPLES, SHOP, backwards, example, fault, read, rows, tried


def test_the_score_is_the_product_of_its_factors_and_falls_down_the_list() -> None:
    ranked = rank(read(SHOP))
    for row in ranked:
        product = row.impact.value * row.exposure.value * row.ignorance.value * row.safety.value * row.certainty.value
        assert row.score == pytest.approx(product)
        assert [name for name, _ in row.factors] == ["impact", "exposure", "ignorance", "safety", "certainty"]
    scores = [round(row.score, 12) for row in ranked]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_order_does_not_depend_on_the_order_of_the_file(path: Path) -> None:
    architecture = example(path.stem)
    assert list(rows(architecture)) == list(rows(backwards(architecture)))


def test_equal_scores_stand_in_the_order_of_their_names() -> None:
    marks = [RankKey(0.5, "m1", "p1", "b"), RankKey(0.5, "m2", "p2", "a"), RankKey(0.7, "m3", "p3", "z")]
    assert [marks[index].name for index, _ in order(marks)] == ["z", "a", "b"]


def test_a_repeat_of_a_mode_loses_more_than_another_mode_at_the_same_place() -> None:
    assert Before().left == 1
    assert 1 > Before(place=1).left > Before(mode=1).left > Before(mode=1, place=1).left
    assert Before(mode=1000).left == LEAST_NEW


def test_what_stands_before_takes_from_what_is_like_it() -> None:
    marks = [
        RankKey(1.0, "slow", "db", "first"), RankKey(0.9, "slow", "api", "repeat"),
        RankKey(0.85, "gone", "db", "same place"),
        RankKey(0.7, "dns", "all", "other"),
    ]  # fmt: skip
    made = order(marks)
    assert [marks[index].name for index, _ in made] == ["first", "other", "same place", "repeat"]
    assert [before for _, before in made] == [Before(), Before(), Before(0, 1), Before(1, 0)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1), st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_an_order_is_what_picking_the_highest_again_and_again_gives(drawn: list[tuple[float, int, int]]) -> None:
    marks = [RankKey(score, str(mode), str(place), f"{index:02}") for index, (score, mode, place) in enumerate(drawn)]
    picked: list[int] = []
    left = set(range(len(marks)))
    while left:
        modes = Counter(marks[index].mode for index in picked)
        places = Counter(marks[index].place for index in picked)

        def worth(index: int, modes: Counter[str] = modes, places: Counter[str] = places) -> tuple[float, str]:
            mark = marks[index]
            return -round(mark.score * Before(modes[mark.mode], places[mark.place]).left, 12), mark.name

        picked.append(min(left, key=worth))
        left.remove(picked[-1])
    assert [index for index, _ in order(marks)] == picked
    assert [index for index, _ in order(marks, 5)] == picked[:5]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_top_ten_is_not_one_failure_at_ten_places(path: Path) -> None:
    top = rank(example(path.stem))[:10]
    modes = Counter(row.scenario.mode.id for row in top)
    assert len(modes) >= 6
    assert max(modes.values()) <= 3
    assert len({row.scenario.target for row in top}) >= 6


def test_what_passed_moves_down_and_comes_back_as_it_expires() -> None:
    architecture = read(SHOP)
    first = rank(architecture)[0].scenario

    def place(days: float) -> int:
        runs = [tried(edge.name, fault(**first.faults[0]), "passed", days) for edge in first.edges]
        return [row.scenario.id for row in rank(architecture, PastTrials(runs))].index(first.id)

    assert place(0) > place(60) >= place(90) == place(400) == 0


def test_what_was_refuted_keeps_its_place_and_is_marked() -> None:
    architecture = read(SHOP)
    first = rank(architecture)[0].scenario
    run = tried(first.edges[0].name, fault(**first.faults[0]), "refuted", 3)
    again = rank(architecture, PastTrials([run]))[0]
    assert again.scenario.id == first.id
    assert again.ignorance.broken


def test_what_was_tested_teaches_what_is_like_it_wherever_it_has_sunk_to() -> None:
    architecture = example("fintech")
    run = tried("auth-service -> postgresql", fault(latency="30s"), "passed", 0)
    slow = "database-slow/payment-service/postgresql"
    before, after = ({row.scenario.id: row for row in rank(architecture, PastTrials(runs))} for runs in ((), (run,)))
    assert after[slow].score == pytest.approx(before[slow].score)
    assert "tests of what is like it: 33 % of it is learnt there" in reasons(after[slow].ignorance)[-1]
    assert all(row.score <= before[name].score + 1e-12 for name, row in after.items())


def test_a_test_of_what_stands_below_teaches_as_far_as_it_is_known() -> None:
    first, low = RankKey(1.0, "slow", "a", "first"), RankKey(0.1, "slow", "b", "low")
    for untaught, tested in ((KNOWN, 1.0), (0.55, 0.5), (1.0, 0.0)):
        (index, before), _ = order([first, low._replace(untaught=untaught)])
        assert (index, before) == (0, Before(tested_mode=tested))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1), st.integers(0, 2), st.integers(0, 2), st.floats(KNOWN, 1)), max_size=20))
def test_no_passed_run_makes_anything_else_more_worth_a_test(drawn: list[tuple[float, int, int, float]]) -> None:
    marks = [
        RankKey(score, str(mode), str(place), f"{index:02}", untaught)
        for index, (score, mode, place, untaught) in enumerate(drawn)
    ]
    for index in range(len(marks)):
        fresh = [mark._replace(untaught=1.0) if at == index else mark for at, mark in enumerate(marks)]
        untested, now = dict(order(fresh)), dict(order(marks))
        assert all(marks[at].worth(now[at]) <= fresh[at].worth(untested[at]) + 1e-9 for at in range(len(marks)))
    scores = [round(marks[at].worth(before), 12) for at, before in order(marks)]
    assert scores == sorted(scores, reverse=True)
    assert order(marks, 3) == order(marks)[:3]


def test_a_repeat_says_how_many_stand_before_it() -> None:
    found = [reason for row in rank(read(SHOP)) for reason in reasons(row.ignorance) if "further up" in reason]
    assert "1 of its kind further up: 33 % of it is learnt there" in found


def test_nothing_to_rank_is_an_empty_list() -> None:
    assert rank(read("services:\n  db:\n")) != ()
    assert rank(read("services:\n  redis:\n")) == ()
