"""What a good answer is."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from brownout_controller.model.answer_conditions import AnswerConditions


@pytest.mark.parametrize(
    ("conditions", "status", "body", "judged"),
    [
        ({}, 200, "", "ok"),
        ({}, 204, "", "ok"),
        ({}, 302, "", "3xx"),
        ({}, 304, "", "3xx"),
        ({}, 404, "", "4xx"),
        ({}, 503, "", "5xx"),
        ({}, 101, "", "1xx"),
        ({"status": 302}, 302, "", "ok"),
        ({"status": 302}, 200, "", "2xx"),
        ({"status": [200, 503]}, 503, "", "ok"),
        ({"body_contains": "paid"}, 200, "it is paid", "ok"),
        ({"body_contains": "paid"}, 200, "it is not", "body"),
        ({"body_contains": "paid"}, 500, "it is paid", "5xx"),
        ({"json": {"orders.0.id": 7}}, 200, '{"orders": [{"id": 7}]}', "ok"),
        ({"json": {"orders.0.id": 7}}, 200, '{"orders": []}', "body"),
        ({"json": {"ok": True}}, 200, '{"ok": 1}', "body"),
        ({"json": {"a": None}}, 200, "{}", "body"),
        ({"json": {"a": 1}}, 200, "<html>", "body"),
        ({"json": {"a": 1}}, 200, "[" * 100_000, "body"),
        ({"json": {"a": 1}}, 200, '{"a": ' + "9" * 10_000 + "}", "body"),
    ],
)
def test_an_answer_is_good_or_of_one_kind_of_failure(
    conditions: dict[str, object], status: int, body: str, judged: str
) -> None:
    wished = AnswerConditions.model_validate(conditions)
    assert wished.judged(status, body.encode()) == judged
    assert wished.needs_body == bool({"json", "body_contains"} & conditions.keys())


@pytest.mark.parametrize("status", [99, 600, [200, 1000]])
def test_a_status_that_no_answer_can_have_is_refused(status: object) -> None:
    with pytest.raises(ValidationError):
        AnswerConditions.model_validate({"status": status})


def test_a_body_may_be_no_text() -> None:
    assert AnswerConditions(body_contains="ä").judged(200, b"\xff\xc3\xa4") == "ok"
    assert AnswerConditions(json={"a": json.loads("1")}).judged(200, b"\xff") == "body"
