"""The catalogue beside the design's story: all ten failures come out of the model, in an order that agrees with it."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Final

import pytest

from brownout_catalogue.scoring.modes import library
from tests.support.catalogue import STORY, kendall, places, positions, ranked, spearman, tables

PAGE: Final = Path(__file__).parents[2] / "docs" / "catalogue.md"
CHANCE: Final = 0.564
"""Spearman's coefficient of ten things that fewer than one in twenty random orders reach: above it is no accident. More
is not asked for: the story's order is one team's opinion, and a model that had to meet it would be fitted to it."""


def test_all_ten_failures_of_the_story_are_scenarios_of_its_architecture() -> None:
    ids = {row.scenario.id for row in ranked()}
    assert set(STORY) <= ids
    assert len(STORY) == 10


def test_our_order_agrees_with_the_story_s_more_than_chance_would() -> None:
    assert spearman(places(ranked())) > CHANCE


def test_the_library_knows_nothing_of_the_story() -> None:
    told = str(library().model_dump()).lower()
    names = {name for failure in STORY for name in failure.split("/")[1:]} - {"all-services"}
    assert not [name for name in names if name in told]


@pytest.mark.parametrize("text", tables(), ids=lambda text: text.splitlines()[2][:40])
def test_the_page_shows_what_is_computed(text: str) -> None:
    assert text in PAGE.read_text(encoding="utf-8"), "run: python -m tests.support.catalogue"


def test_the_correlations_are_1_for_the_same_order_and_minus_1_for_the_opposite() -> None:
    assert (spearman([2, 3, 7]), kendall([2, 3, 7])) == (1, 1)
    assert (spearman([7, 3, 2]), kendall([7, 3, 2])) == (-1, -1)
    assert positions([20, 5, 7]) == [3, 1, 2]
    every = [spearman(order) for order in permutations(range(6))]
    assert sum(every) == pytest.approx(0)
