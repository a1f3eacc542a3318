"""Rows of the load."""

from __future__ import annotations

import json

from brownout_controller.model.load_summary import PhaseLoad
from brownout_controller.report.run.load_table import HEADING, kinds, load_json, load_row, rate_sentence

_LOAD = PhaseLoad("during", 30, 120_000, 42_000, 41_000, 1_000, 12, {"5xx": 900, "reset": 100})


def test_a_row_has_a_cell_for_each_heading() -> None:
    row = load_row(_LOAD)
    assert len(row) == len(HEADING)
    assert row == ("during", "42,000 of 120,000", "41,000", "1,000", "12", "900 5xx, 100 reset")


def test_a_load_that_had_its_rate_or_whose_rate_is_not_known_shows_what_was_sent() -> None:
    for due in (None, 42_000, 41_999):
        assert load_row(_LOAD._replace(due=due))[1] == "42,000"


def test_no_error_is_said_in_words() -> None:
    assert kinds(_LOAD._replace(errors={})) == "none"


def test_json_has_all_of_it() -> None:
    assert json.loads(json.dumps(load_json(_LOAD)))["errors"] == {"5xx": 900, "reset": 100}


def test_the_sentence_has_both_rates_and_a_remedy() -> None:
    sentence = rate_sentence(1400, 4000)
    assert sentence.startswith("this machine sent 1,400 of 4,000 requests a second; lower traffic.rate")
