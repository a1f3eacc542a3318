"""Sentences of typed reasons: one for each code, in the units of what was measured."""

from __future__ import annotations

import pytest

from brownout_controller.model.journal import Judged
from brownout_controller.model.reasons import TEXT, Number, Reason
from brownout_controller.report.sentences import accounted, recorded, sentence


def counted(good: int = 0, bad: int = 0, unanswered: int = 0, missing: int = 0, **more: int) -> dict[str, Number]:
    found = {"good": good, "bad": bad, "unanswered": unanswered, "missing": missing}
    return {name.replace("_", " "): Number(value) for name, value in {**found, **more}.items()}


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (counted(19), "19 good, of 19"),
        (counted(12, 7, kind_refused=7), "12 good, 7 refused, of 19"),
        (counted(12, 7, kind_refused=3, kind_reset=2), "12 good, 3 refused, 2 reset, 2 bad, of 19"),
        (counted(3, 0, 4, 1), "3 good, 4 unanswered, 1 missing, of 8"),
        (counted(3, 1, 4, kind_timeout=5), "3 good, 5 timed out, of 8"),
        (counted(0, 3), "3 bad, of 3"),
        (counted(), "none"),
        (counted(8, 0, 3, accepted=3), "8 good, 3 accepted, of 11"),
    ],
)
def test_the_account_names_each_kind_and_adds_up(numbers: dict[str, Number], words: str) -> None:
    assert accounted(Reason("held", numbers=numbers)) == words


@pytest.mark.parametrize(
    ("worst", "words"),
    [
        (Number(2.5, "s"), "2.5s at worst"),
        (Number(0.0333, "share"), "3.33% at worst"),
        (Number(2_500_000.0, "B/s"), "2.5MB/s at worst"),
        (Number(20.0, "/s"), "20/s at worst"),
        (Number(7.0), "7 at worst"),
        (Number(7.0, "of a newer version"), "7 at worst"),
    ],
)
def test_a_value_is_in_the_unit_of_what_was_measured(worst: Number, words: str) -> None:
    reason = Reason("broke", "h", "during", numbers={**counted(1, 1), "worst": worst}, words={"expect": "< 1"})
    assert sentence(reason) == f"h (during): {words}, expected < 1: 1 good, 1 bad, of 2"


def test_a_service_that_never_answered_has_no_value() -> None:
    numbers = {**counted(0, 4, kind_timeout=4), "waited": Number(3.0, "s")}
    report = sentence(Reason("broke", "h", "during", numbers=numbers, words={"expect": "== 1"}))
    assert report == "h (during): no answer for 3s, expected == 1: 4 timed out, of 4"


def test_a_code_of_a_newer_version_is_told_with_all_that_it_holds() -> None:
    report = sentence(Reason("brand-new", "h", None, "db", {"share": Number(0.02, "share")}, {"why": "cached"}))
    assert report == "h: brand-new; db; cached; share 2%"


def test_a_verdict_of_an_older_journal_is_told_as_it_stands() -> None:
    judged = Judged("refuted", 1, ["h (during): 9 at worst", Reason(TEXT, words={"text": "a\nb"}).plain(), {"code": 1}])
    assert recorded(judged) == ["h (during): 9 at worst", "a b", "{'code': 1}"]


def test_a_value_beyond_all_bounds_does_not_keep_the_counts_back() -> None:
    numbers = {**counted(1, 1), "worst": Number(float("inf"), "s")}
    assert sentence(Reason("broke", "h", "during", numbers=numbers)).endswith("1 good, 1 bad, of 2")
