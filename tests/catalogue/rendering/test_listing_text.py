"""The table fits a terminal; the explanation tells all of a row."""

from __future__ import annotations

import click
import pytest

from brownout_catalogue.rendering.listing import explained, listing
from brownout_catalogue.rendering.listing_text import explain, render
from tests.support.builders.architectures import SHOP, example, read


@pytest.mark.parametrize("width", [72, 80, 132])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    shown = listing(example("fintech"))
    text = click.unstyle(render(shown, 20, width, "brownout catalogue x.yaml"))
    assert max(map(len, text.splitlines())) <= width
    for place, row in enumerate(shown.rows[:20], 1):
        assert max(map(len, click.unstyle(explain(explained(place, row), width)).splitlines())) <= width


def test_the_table_has_words_and_the_missing_line() -> None:
    shown = listing(read(SHOP))
    text = click.unstyle(render(shown, 3, 100, "brownout catalogue x.yaml"))
    lines = text.splitlines()
    assert lines[0] == f"shop: {len(shown.rows)} scenarios, the 3 that are most worth a test"
    assert lines[2].split() == ["#", "score", "scenario", "impact", "exposure", "tested", "safety"]
    first = shown.rows[0]
    assert lines[3].split()[:2] == ["1", f"{100 * first.score:.0f}"]
    assert first.scenario.title in lines[3]
    assert f"The missing line that matters most: {shown.missing.effects[0].path}" in lines
    assert f"database-slow {shown.by_mode['database-slow']}" in text
    assert "brownout catalogue x.yaml --explain 1" in text


def test_a_title_that_is_too_long_goes_on_below() -> None:
    text = click.unstyle(render(listing(example("fintech")), 10, 80))
    assert "\n 2     43  auth-service: postgresql answers  high    medium" in text
    assert "\n             after 30s\n" in text


def test_what_the_proxy_cannot_do_has_a_star() -> None:
    text = click.unstyle(render(listing(example("fintech")), 12, 100))
    assert "the public certificate of api-gateway has expired *" in text.replace("\n", " ")
    assert "* cannot be injected by the proxy" in text
    assert "*" not in click.unstyle(render(listing(example("fintech")), 3, 100))


def test_an_explanation_has_reasons_hypotheses_and_both_ways_to_inject() -> None:
    shown = listing(read(SHOP))
    place = next(n for n, row in enumerate(shown.rows, 1) if row.scenario.id == "cache-gone/redis")
    text = click.unstyle(explain(explained(place, shown.rows[place - 1]), 100))
    for part in (
        f"{place}. redis is gone", "cache-gone/redis: score", "Impact: ", "Exposure: ", "Ignorance: ", "Safety: ",
        "What goes wrong\n", "What to look for\n", "Hypotheses to begin with\n", "Locally\n  edge: orders -> redis\n",
        "In a cluster\n  PodChaos, pod-failure\n",
    ):  # fmt: skip
        assert part in text


def test_names_cannot_move_the_cursor() -> None:
    text = render(listing(read(SHOP.replace("name: shop", 'name: "a\\e[2Jb"'))), 3)
    assert "\x1b[2J" not in text


def test_nothing_to_rank_is_said() -> None:
    assert render(listing(read("services: [redis]\n")), 10).startswith("There is nothing to rank")


def test_a_search_that_was_cut_short_is_told() -> None:
    shown = listing(read(SHOP))
    assert "cut short" not in click.unstyle(render(shown, 3)).replace("\n", " ")
    shown = shown._replace(missing=shown.missing._replace(tried=3))
    assert "cut short: tried 3 of " in click.unstyle(render(shown, 3)).replace("\n", " ")
