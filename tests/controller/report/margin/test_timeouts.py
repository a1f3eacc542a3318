"""The margin in words: the answer first, then what a timeout explains. Numbers and flags are checked, not wording."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from brownout_controller.model.fault_parameter import FaultParameter
from brownout_controller.model.margin_search import Margin, Resolution, SearchPlan
from brownout_controller.report.margin.timeouts import OwnLimit, Relation, Timeout, as_json, compared, sentences
from brownout_core.units import KILOBYTES_PER_SECOND, MILLISECONDS

LATENCY = FaultParameter("latency", "latency", MILLISECONDS, "more", 80.0, None, "", "")
RATE = FaultParameter("bandwidth", "rate", KILOBYTES_PER_SECOND, "less", 1000.0, None, "", "")
PLAN = SearchPlan(5.0, 320.0, Resolution(factor=1.1), own=80.0)


def found(held: float | None, broke: float | None) -> Margin:
    kind = "found" if held and broke else "more" if held else "less" if broke else "unknown"
    return Margin(kind, held, broke, complete=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("held", "broke", "timeout", "relation", "trips", "figures"),
    [
        (184.0, 200.0, 0.2, "decides", 1, ["92 %", "100 %", "200ms (--timeout)"]),
        (175.0, 190.0, 0.2, "decides", 1, ["88 %", "95 %"]),
        (98.0, 103.0, 0.2, "round-trips", 2, ["2 times", "2 round trips"]),
        (48.0, 51.0, 0.2, "round-trips", 4, ["4 round trips"]),
        (75.0, 80.0, 0.1, "before", None, ["80 %", "100ms"]),
        (2.0, 2.2, 2.0, "before", None, ["1/909"]),
        (None, 5.0, 2.0, "before", None, ["shorter"]),
        (250.0, 270.0, 0.2, "beyond", None, ["200ms (--timeout)"]),
        (320.0, None, 0.1, "beyond", None, ["3.2 times"]),
        (320.0, None, 2.0, "not-reached", None, ["--to"]),
        (None, 5.0, 0.003, "not-reached", None, ["--from"]),
    ],
)  # fmt: skip
def test_a_margin_is_explained_by_a_timeout_or_not(
    held: float | None,
    broke: float | None,
    timeout: float,
    relation: Relation,
    trips: int | None,
    figures: Sequence[str],
) -> None:
    comparison = compared(LATENCY, found(held, broke), Timeout(timeout, "--timeout"))
    assert comparison is not None
    assert (comparison.relation, comparison.round_trips) == (relation, trips)
    assert all(figure in comparison.sentence for figure in figures)
    assert comparison.low == (None if held is None else pytest.approx(held / 1000 / timeout - 1))
    assert comparison.high == (None if broke is None else pytest.approx(broke / 1000 / timeout - 1))


def test_a_limit_of_the_hypotheses_goes_before_a_timeout_that_only_happens_to_be_a_multiple() -> None:
    limit = OwnLimit("p99 of a payment", "< 100ms", "97.5ms", "103ms")
    comparison = compared(LATENCY, found(98.0, 103.0), Timeout(0.2, "--timeout"), limit)
    assert comparison is not None
    assert comparison.relation == "limit"
    assert "52 %" in comparison.sentence
    (_, reason) = sentences(LATENCY, PLAN, found(98.0, 103.0), None, limit)
    assert all(part in reason for part in limit)
    assert as_json(LATENCY, found(98.0, 103.0), None, None, limit)["limit"]["broke"] == "103ms"


def test_many_round_trips_explain_nothing_as_they_would_explain_everything() -> None:
    wide = compared(LATENCY, found(40.0, 70.0), Timeout(0.2, ""))
    assert wide is not None
    assert wide.relation == "before", "3, 4 and 5 round trips all fit"


def test_a_rate_and_what_is_not_known_are_compared_to_no_timeout() -> None:
    assert compared(RATE, found(500.0, 450.0), Timeout(1.0, "")) is None
    assert compared(LATENCY, Margin("unknown", 80.0, None), Timeout(1.0, "")) is None


@pytest.mark.parametrize(
    ("parameter", "margin", "figures"),
    [
        (LATENCY, found(180.0, 190.0), ["latency:", "up to 180ms", "190ms"]),
        (RATE, found(500.0, 460.0), ["bandwidth.rate:", "down to 500KB/s", "460KB/s"]),
        (LATENCY, found(320.0, None), ["up to 320ms", "larger"]),
        (LATENCY, found(None, 5.0), ["5ms", "mildest"]),
        (LATENCY, Margin("unknown", 80.0, None), ["hold at 80ms", "not known"]),
        (LATENCY, Margin("unknown", None, 80.0), ["break at 80ms", "not known"]),
        (LATENCY, Margin("unknown", None, None), ["not found"]),
    ],
)
def test_the_answer_comes_first(parameter: FaultParameter, margin: Margin, figures: Sequence[str]) -> None:
    answer = sentences(parameter, PLAN, margin, None)[0]
    assert all(figure in answer for figure in figures)


def test_the_room_that_the_experiment_has_is_a_factor() -> None:
    (_, room) = sentences(LATENCY, PLAN, found(180.0, 190.0), True)
    assert "80ms" in room
    assert "2.25 times" in room
    (_, none) = sentences(LATENCY, PLAN, found(80.0, 85.0), True)
    assert "times" not in none
    (_, less) = sentences(RATE, PLAN, found(250.0, 240.0), True)
    assert "1MB/s" in less
    assert "4 times" in less
    assert "refuted" in sentences(LATENCY, PLAN, found(60.0, 65.0), False)[1]


def test_values_that_contradict_the_margin_are_named() -> None:
    odd = Margin("found", 60.0, 65.0, again=(80.0, 320.0), unsteady=(62.0,), unanswered=63.0)
    report = " ".join(sentences(LATENCY, PLAN, odd, True))
    assert "80ms, 320ms" in report
    assert "62ms" in report
    assert "63ms" in report


def test_where_the_range_was_too_narrow_the_flag_is_named() -> None:
    assert sentences(LATENCY, PLAN, found(320.0, None), True)[-1].startswith("set a worse --to than 320ms")
    assert sentences(LATENCY, PLAN, found(None, 5.0), False)[-1].startswith("set a milder --from than 5ms")


def test_programs_get_values_as_files_have_them_and_seconds() -> None:
    content = as_json(LATENCY, found(98.0, 103.0), True, Timeout(0.2, "--timeout"))
    assert json.loads(json.dumps(content)) == content
    assert content["held"] == {"value": "98ms", "seconds": pytest.approx(0.098)}
    assert content["comparison"]["round_trips"] == 2
    assert content["timeout"] == {"seconds": 0.2, "source": "--timeout"}
    rate = as_json(RATE, found(500.0, None), None, None)
    assert rate["held"] == {"value": "500KB/s"}
    assert (rate["broke"], rate["comparison"]) == (None, None)
