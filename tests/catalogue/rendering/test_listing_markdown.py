"""The catalogue as Markdown: a table, then each row; names cannot break out of it."""

from __future__ import annotations

from brownout_catalogue.rendering.listing import listing
from brownout_catalogue.rendering.listing_markdown import render
from tests.support.builders.architectures import SHOP, read


def test_it_has_a_row_and_a_section_for_each_scenario() -> None:
    shown = listing(read(SHOP))
    text = render(shown, 5)
    assert text.startswith("# What could go wrong with shop\n")
    assert len([line for line in text.splitlines() if line.startswith(("| 1 |", "| 5 |", "| 6 |"))]) == 2
    assert len([line for line in text.splitlines() if line.startswith(tuple(f"## {n}. " for n in range(1, 7)))]) == 5
    assert f"- `{shown.missing.effects[0].path}`: if it said" in text
    assert "**In a cluster:** " in text
    assert f"\n{len(shown.rows)} scenarios, the 5 that are most worth a test; score = " in text
    assert f"\nAll {len(shown.rows)} scenarios, those that are most worth a test first; score = " in render(shown, 99)


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    text = render(listing(read(SHOP.replace("redis", '"re|dis"'))), 50)
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") in (4, 10), line


def test_names_are_shown_as_they_are() -> None:
    text = render(listing(read(SHOP.replace("name: shop", "name: '<b>@all'"))), 1)
    assert "<b>" not in text
    assert "@all" not in text


def test_a_search_that_was_cut_short_is_told() -> None:
    shown = listing(read(SHOP))
    assert "cut short" not in render(shown, 3)
    shown = shown._replace(missing=shown.missing._replace(tried=3))
    assert "cut short: tried 3 of " in render(shown, 3)
