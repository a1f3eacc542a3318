"""Reasons as typed values."""

from __future__ import annotations

import json

import pytest

from brownout_controller.model.reasons import TEXT, Number, Reason, read_reason

WHOLE = Reason("broke", "p99", "during", "proxy-1", {"worst": Number(2.5, "s")}, {"expect": "< 2s"})


def test_a_reason_survives_json() -> None:
    assert read_reason(json.loads(json.dumps(WHOLE.plain()))) == WHOLE


def test_what_is_empty_is_left_out() -> None:
    assert Reason("no-hits").plain() == {"code": "no-hits"}
    assert read_reason({"code": "no-hits"}) == Reason("no-hits")


def test_a_sentence_of_an_older_journal_is_kept() -> None:
    assert read_reason("the baseline was not met") == Reason(TEXT, words={"text": "the baseline was not met"})


@pytest.mark.parametrize(
    "content",
    [None, 5, [], {}, {"code": 1}, {"code": "x", "phase": "lunch"}, {"code": "x", "numbers": []},
     {"code": "x", "numbers": {"a": 1}}, {"code": "x", "numbers": {"a": [None, "s"]}}, {"code": "x", "words": "no"}],
)  # fmt: skip
def test_anything_else_is_one_kind_of_error(content: object) -> None:
    with pytest.raises(ValueError, match="reason"):
        read_reason(content)
