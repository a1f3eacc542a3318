"""What a search has found, in words: the answer first, and what a timeout has to do with it."""

from __future__ import annotations

import json

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
    ("held", "broke", "timeout", "relation", "trips", "said"),
    [
        (184.0, 200.0, 0.2, "decides", 1, "is what decides: they hold at 92 % of it and break at 100 %"),
        (175.0, 190.0, 0.2, "decides", 1, "hold at 88 % of it and break at 95 %"),
        (98.0, 103.0, 0.2, "round-trips", 2, "is 2 times that"),
        (48.0, 51.0, 0.2, "round-trips", 4, "makes 4 round trips"),
        (75.0, 80.0, 0.1, "before", None, "break at 80 % of the timeout of 100ms"),
        (2.0, 2.2, 2.0, "before", None, "break at 1/909 of"),
        (None, 5.0, 2.0, "before", None, "something shorter decides"),
        (250.0, 270.0, 0.2, "beyond", None, "they hold beyond the timeout of 200ms (--timeout): it is"),
        (320.0, None, 0.1, "beyond", None, "nothing broke up to 3.2 times as much"),
        (320.0, None, 2.0, "not-reached", None, "give a larger --to"),
        (None, 5.0, 0.003, "not-reached", None, "give a smaller --from"),
    ],
)  # fmt: skip
def test_a_margin_beside_a_timeout_tells_what_decides(
    held: float | None, broke: float | None, timeout: float, relation: Relation, trips: int | None, said: str
) -> None:
    comparison = compared(LATENCY, found(held, broke), Timeout(timeout, "--timeout"))
    assert comparison is not None
    assert (comparison.relation, comparison.round_trips) == (relation, trips)
    assert said in comparison.sentence
    assert comparison.low == (None if held is None else pytest.approx(held / 1000 / timeout - 1))
    assert comparison.high == (None if broke is None else pytest.approx(broke / 1000 / timeout - 1))


def test_a_limit_of_the_hypotheses_goes_before_a_timeout_that_only_happens_to_be_a_multiple() -> None:
    limit = OwnLimit("p99 of a payment", "< 100ms", "97.5ms", "103ms")
    comparison = compared(LATENCY, found(98.0, 103.0), Timeout(0.2, "--timeout"), limit)
    assert comparison is not None
    assert comparison.relation == "limit"
    assert "is not what decides: they break at 52 % of it, at a limit of their own" in comparison.sentence
    assert sentences(LATENCY, PLAN, found(98.0, 103.0), None, limit)[1:] == [
        "what ends it is the limit of p99 of a payment (< 100ms): it grows with the fault, from 97.5ms to 103ms"
    ]
    assert as_json(LATENCY, found(98.0, 103.0), None, None, limit)["limit"]["broke"] == "103ms"


def test_many_round_trips_explain_nothing_as_they_would_explain_everything() -> None:
    wide = compared(LATENCY, found(40.0, 70.0), Timeout(0.2, ""))
    assert wide is not None
    assert wide.relation == "before", "3, 4 and 5 round trips all fit"


def test_a_rate_and_what_is_not_known_are_compared_to_no_timeout() -> None:
    assert compared(RATE, found(500.0, 450.0), Timeout(1.0, "")) is None
    assert compared(LATENCY, Margin("unknown", 80.0, None), Timeout(1.0, "")) is None


@pytest.mark.parametrize(
    ("parameter", "finding", "said"),
    [
        (LATENCY, found(180.0, 190.0), "latency: the hypotheses hold up to 180ms and are broken at 190ms"),
        (RATE, found(500.0, 460.0), "bandwidth.rate: the hypotheses hold down to 500KB/s and are broken at 460KB/s"),
        (LATENCY, found(320.0, None), "hold at every value that was tried, up to 320ms; the margin is larger"),
        (LATENCY, found(None, 5.0), "are broken at 5ms already, the mildest value that was tried"),
        (LATENCY, Margin("unknown", 80.0, None), "hold at 80ms, and worse values are not known"),
        (LATENCY, Margin("unknown", None, 80.0), "broken at 80ms, and milder values are not known"),
        (LATENCY, Margin("unknown", None, None), "not found; nothing is known"),
    ],
)
def test_the_answer_comes_first(parameter: FaultParameter, finding: Margin, said: str) -> None:
    assert said in sentences(parameter, PLAN, finding, None)[0]


def test_the_experiment_is_told_how_much_room_it_has() -> None:
    assert sentences(LATENCY, PLAN, found(180.0, 190.0), True)[1:] == [
        "the experiment's own 80ms holds, and 2.25 times as bad holds as well"
    ]
    assert sentences(LATENCY, PLAN, found(80.0, 85.0), True)[1:] == ["the experiment's own 80ms holds"]
    assert sentences(RATE, PLAN, found(250.0, 240.0), True)[1:] == [
        "the experiment's own 1MB/s holds, and 4 times as bad holds as well"
    ]
    assert "it is refuted as it is written" in sentences(LATENCY, PLAN, found(60.0, 65.0), False)[1]


def test_what_is_odd_is_told() -> None:
    odd = Margin("found", 60.0, 65.0, again=(80.0, 320.0), unsteady=(62.0,), unanswered=63.0)
    report = " ".join(sentences(LATENCY, PLAN, odd, True))
    assert "not monotonic: they hold again at 80ms, 320ms" in report
    assert "unsteady: 62ms held once and broke once" in report
    assert "the run at 63ms was inconclusive twice" in report


def test_where_the_range_was_too_narrow_the_flag_is_named() -> None:
    assert sentences(LATENCY, PLAN, found(320.0, None), True)[-1] == "give a worse --to than 320ms to find its end"
    assert sentences(LATENCY, PLAN, found(None, 5.0), False)[-1] == "give a milder --from than 5ms to find its end"


def test_programs_get_values_as_files_have_them_and_seconds() -> None:
    content = as_json(LATENCY, found(98.0, 103.0), True, Timeout(0.2, "--timeout"))
    assert json.loads(json.dumps(content)) == content
    assert content["held"] == {"value": "98ms", "seconds": pytest.approx(0.098)}
    assert content["comparison"]["round_trips"] == 2
    assert content["timeout"] == {"seconds": 0.2, "source": "--timeout"}
    rate = as_json(RATE, found(500.0, None), None, None)
    assert rate["held"] == {"value": "500KB/s"}
    assert (rate["broke"], rate["comparison"]) == (None, None)
