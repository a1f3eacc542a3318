"""The catalogue for programs: numbers, reasons, and faults as an experiment file has them."""

from __future__ import annotations

import json

from brownout_catalogue.rendering import listing_json
from brownout_catalogue.rendering.listing import listing
from tests.support.builders.architectures import SHOP, read


def test_every_row_has_its_factors_and_what_to_inject() -> None:
    shown = listing(read(SHOP))
    told = json.loads(listing_json.render(shown, list(enumerate(shown.rows, 1))))
    assert (told["architecture"], told["scenarios"]) == ("shop", len(shown.rows))
    assert [row["place"] for row in told["rows"]] == list(range(1, len(shown.rows) + 1))
    by_id = {row["id"]: row for row in told["rows"]}
    row = by_id["database-slow/orders/postgres"]
    assert row["edge"] == "orders -> postgres"
    assert row["faults"] == [{"latency": {"delay": "4s"}}]
    assert row["cluster"]["kind"] == "NetworkChaos"
    assert row["hypotheses"][0] == {
        "name": "p99 of buy stays under 2s", "because": "people leave when an answer takes longer", "probe": "traffic",
        "measure": "p99", "expect": "< 2s", "when": ["baseline", "during", "recovery"],
    }  # fmt: skip
    assert list(row["factors"]) == ["impact", "exposure", "ignorance", "safety", "certainty"]
    assert row["factors"]["impact"]["reasons"]
    assert by_id["disk-pressure/postgres"]["faults"] == []
    assert by_id["disk-pressure/postgres"]["edge"] is None
    assert told["missing"][0]["path"] == shown.missing.effects[0].path


def test_how_far_the_search_for_missing_lines_went_is_told() -> None:
    shown = listing(read(SHOP))
    told = json.loads(listing_json.render(shown, []))["missing_search"]
    assert told == {"tried": shown.missing.values, "values": shown.missing.values}


def test_only_the_rows_that_are_asked_for_are_told() -> None:
    shown = listing(read(SHOP))
    told = json.loads(listing_json.render(shown, [(3, shown.rows[2])]))
    assert [row["place"] for row in told["rows"]] == [3]
    assert told["scenarios"] == len(shown.rows)
