"""The statistics that verdicts rest on."""

from __future__ import annotations

import pytest

from bench.stats import Samples, percentile
from bench.targets import Target


@pytest.mark.parametrize(("share", "expected"), [(0, 1), (0.5, 2), (0.51, 3), (0.75, 3), (0.99, 4), (1, 4)])
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(share: float, expected: float) -> None:
    assert percentile([4, 2, 1, 3], share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_one_bad_round_does_not_move_the_median() -> None:
    samples = Samples()
    for value in (10.0, 11.0, 500.0):
        samples.add("plain", "brownout", bulk=value)
    assert samples.median("plain", "brownout", "bulk") == 11


def test_a_ratio_compares_medians() -> None:
    samples = Samples()
    for mine, theirs in ((8.0, 2.0), (6.0, 3.0), (90.0, 30.0)):
        samples.add("plain", "brownout", bulk=mine)
        samples.add("plain", "bare", bulk=theirs)
    assert samples.ratio("plain", "bulk", "brownout", "bare") == 8 / 3


def test_paired_ratios_are_those_of_the_rounds() -> None:
    samples = Samples()
    for mine, theirs in ((8.0, 2.0), (6.0, 3.0), (90.0, 30.0), (1.0, 0.0)):
        samples.add("control", "busy", p99=mine)
        samples.add("control", "idle", p99=theirs)
    assert samples.paired("control", "p99", "busy", "idle") == [2, 3, 4]
    assert samples.paired("control", "p99", "busy", "nobody") == []


def test_a_ratio_to_nothing_is_unknown_and_not_good() -> None:
    samples = Samples()
    samples.add("plain", "brownout", added_p50=5.0)
    assert samples.ratio("plain", "added_p50", "brownout", "toxiproxy") is None
    samples.add("plain", "toxiproxy", added_p50=-1.0)  # faster than no relay: noise
    assert samples.ratio("plain", "added_p50", "brownout", "toxiproxy") is None


@pytest.mark.parametrize(("value", "verdict"), [(0.94, "MISSED"), (0.95, "met"), (None, "not measured")])
def test_a_lower_bound_is_met_from_its_limit_on(value: float | None, verdict: str) -> None:
    assert Target("bulk", "x", "at least", 0.95, lambda samples: value).verdict(value) == verdict


@pytest.mark.parametrize(("value", "verdict"), [(0.61, "MISSED"), (0.6, "met")])
def test_an_upper_bound_is_met_up_to_its_limit(value: float, verdict: str) -> None:
    assert Target("cost", "x", "at most", 0.6, lambda samples: value).verdict(value) == verdict


def test_relays_come_in_the_order_in_which_they_were_measured() -> None:
    samples = Samples()
    samples.add("plain", "direct", bulk=1)
    samples.add("idle", "nginx", memory=1)
    samples.add("plain", "bare", bulk=1)
    assert samples.relays("plain") == ["direct", "bare"]
