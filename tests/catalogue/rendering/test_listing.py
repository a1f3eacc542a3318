"""What all forms of the catalogue tell, in words."""

from __future__ import annotations

import pytest

from brownout_catalogue.rendering.listing import cut_short, explained, heading, known, listing, told, word
from brownout_catalogue.scoring.past_trials import PastTrials
from brownout_catalogue.scoring.sensitivity import Effect, Search
from tests.support.builders.architectures import SHOP, fault, read, rows, tried

_EFFECT = Effect("services.a.replicas", "1", 10, 3, "a dies", 5, 2, ())


@pytest.mark.parametrize(
    ("total", "shown", "said"),
    [
        (32, 10, "32 scenarios, the 10 that are most worth a test"),
        (32, 32, "all 32 scenarios, those that are most worth a test first"),
        (1, 1, "1 scenario"),
    ],
)
def test_a_list_says_how_much_of_it_is_shown(total: int, shown: int, said: str) -> None:
    assert heading(total, shown) == said


@pytest.mark.parametrize(
    ("value", "said"), [(1, "high"), (0.6, "high"), (0.59, "medium"), (0.3, "medium"), (0.1, "low")]
)
def test_a_factor_is_high_medium_or_low(value: float, said: str) -> None:
    assert word(value) == said


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ((), "never"),
        ((("orders -> postgres", "passed", 12.2), ("catalogue -> postgres", "passed", 3)), "12 d ago"),
        ((("orders -> postgres", "passed", 12),), "in part"),
        ((("orders -> postgres", "passed", 91), ("catalogue -> postgres", "passed", 91)), "expired"),
        ((("orders -> postgres", "passed", 12), ("catalogue -> postgres", "refuted", 3)), "broken"),
        ((("orders -> postgres", "passed", 12), ("catalogue -> postgres", "weaker", 3)), "weaker"),
    ],
)
def test_what_runs_have_shown_is_a_word_or_two(runs: tuple[tuple[str, str, float], ...], said: str) -> None:
    past = PastTrials(
        tried(edge, fault(cut="1s" if how == "weaker" else "0s"), "refuted" if how == "refuted" else "passed", days)
        for edge, how, days in runs
    )
    found = {row.scenario.id: row for row in listing(read(SHOP), past).rows}
    assert known(found["database-gone/postgres"].ignorance) == said


def test_modes_are_counted_in_the_library_s_order() -> None:
    shown = listing(read(SHOP))
    assert sum(shown.by_mode.values()) == len(shown.rows)
    assert list(shown.by_mode)[:3] == ["database-slow", "database-reset", "database-gone"]
    assert shown.by_mode["database-slow"] == 2


@pytest.mark.parametrize(
    ("effect", "end"),
    [
        (_EFFECT, '3 scenarios would move in the top ten; furthest "a dies", from 5 to 2'),
        (
            _EFFECT._replace(after=0, moves=1),
            '1 scenario would move in the top ten; furthest "a dies", from 5 to below ten',
        ),
        (_EFFECT._replace(before=0), 'furthest "a dies", from below ten to 2'),
    ],
)
def test_an_effect_is_a_sentence(effect: Effect, end: str) -> None:
    assert told(effect).startswith("if it said 1, ")
    assert told(effect).endswith(end)


def test_an_explanation_has_everything() -> None:
    row = rows(read(SHOP))["cache-gone/redis"]
    explanation = explained(7, row)
    assert explanation.place == 7
    assert [name for name, *_ in explanation.factors] == ["impact", "exposure", "ignorance", "safety", "certainty"]
    assert explanation.local[:2] == ["edge: orders -> redis", "fault: {cut: {after: 0s}}"]
    assert explanation.cluster[0] == "PodChaos, pod-failure"
    assert ("p99 of buy stays under 2s", "< 2s", "traffic: p99") in explanation.hypotheses


def test_what_the_proxy_cannot_do_has_its_reason() -> None:
    (reason,) = explained(1, rows(read(SHOP))["disk-pressure/postgres"]).local
    assert reason.startswith("a proxy does not touch disks")


def test_faults_are_written_as_in_an_experiment() -> None:
    local = explained(1, rows(read(SHOP))["instance-dies/gateway"]).local
    assert local[1] == 'fault: {reset_peer: {timeout: 0s}, toxicity: "50%"}'


def test_a_search_that_was_cut_short_says_how_far_it_went() -> None:
    assert cut_short(Search((), 7, 7)) == ""
    assert cut_short(Search((), 431, 10803)) == (
        "tried 431 of 10,803 values of missing lines, those about the highest scores first; all would take too long"
    )
