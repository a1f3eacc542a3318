"""Where the numbers of an experiment come from."""

from __future__ import annotations

from typing import Any

import pytest

from brownout_catalogue.generate.baseline import FAMILIES, Baseline, Baselines
from brownout_catalogue.generate.terms import (
    Source,
    Times,
    delay_reason,
    errors_limit,
    longest_of,
    outlasting,
    p99_limit,
    percent,
    remember,
    rounded_up,
    source_of,
    times,
    variable,
    watched,
)
from tests.support.builders.architectures import SHOP, found, read

HISTOGRAM = FAMILIES[0]
QUIET: dict[str, Any] = {"rate": 12.0, "p99": 0.34, "errors": 0.0002, "highest": 10.0, "buckets": (0.1, 0.5, 1.0, 10.0)}


def baseline(**changes: Any) -> Baseline:
    return Baseline("gateway", HISTOGRAM, 'job="gateway"', "code", 3600.0, **{**QUIET, **changes})


def server(**changes: Any) -> Baselines:
    return Baselines("http://p:9090", {"gateway": baseline(**changes)}, {}, 15.0)


def _source(
    scenario: str = "database-slow/orders/postgres",
    text: str = SHOP,
    entry: str = "",
    baselines: Baselines | None = None,
    remembered: dict[str, Any] | None = None,
) -> Source:
    architecture = read(text)
    entries = {"": entry} if entry else {}
    return source_of(found(architecture)[scenario], architecture, entries, baselines, remembered or {})


WITHOUT_TOLERANCE = SHOP.replace(", tolerance: 2s", "")


def test_a_load_is_sent_where_an_entry_is_known_else_a_prometheus_is_asked() -> None:
    assert _source(entry="http://x/", baselines=server()).kind == "traffic"
    assert _source(baselines=server()).kind == "prometheus"
    assert _source(baselines=server(rate=0.0)).kind == "traffic"  # nobody goes there: nothing would be measured
    assert _source().kind == "traffic"


def test_without_a_flow_that_answers_requests_only_the_edge_is_left() -> None:
    stream = "services: {mail-worker: {calls: [rabbit, postgres]}, rabbit: , postgres: }"
    assert _source("database-slow/mail-worker/postgres", stream).kind == "edge"
    alone = SHOP + "  idle: {path: [gateway]}\n" + ""
    assert _source("database-slow/orders/postgres", alone).kind == "traffic"


def test_what_begins_outside_has_an_entry_of_its_own_as_it_must_go_through_the_proxy() -> None:
    architecture = read(SHOP)
    scenario = found(architecture)["instance-dies/gateway"]
    past = source_of(scenario, architecture, {"": "http://x/", "buy": "http://x/"}, None, {})
    assert (past.key, past.url) == ("outside -> gateway", None)
    through = source_of(scenario, architecture, {"outside -> gateway": "http://x:1/"}, None, {})
    assert through.url == "http://x:1/"
    assert (variable("outside -> gateway"), variable("buy & sell"), variable("3ds")) == (
        "GATEWAY_PROXY_URL", "BUY_SELL_URL", "_3DS_URL",
    )  # fmt: skip


def _as_remembered(measurements: Source) -> dict[str, Any]:
    return {measurements.key: dict(remember(measurements))}


def test_of_flows_that_hang_on_it_alike_one_is_watched_that_can_be_asked() -> None:
    text = "services: {a: {calls: [db]}, b: {calls: [db]}, web-gateway: {calls: [db]}, db: }\nflows:\n"
    text += "".join(f"  {name}: {{path: [{name}, db]}}\n" for name in ("a", "b", "web-gateway"))
    architecture = read(text)
    scenario = found(architecture)["database-gone/db"]

    def watched_flow(*known: str) -> str:
        stake = watched(scenario, architecture, known)
        assert stake is not None
        return stake.name

    assert (watched_flow(), watched_flow("b"), watched_flow("a", "b")) == ("web-gateway", "b", "a")
    assert watched(found(read(SHOP))["database-slow/orders/postgres"], read(SHOP), ["look"]) is not None
    assert _source(remembered={"look": {"url": "http://x/"}}).key == "buy"  # which hangs on it more than any other


def test_what_is_not_given_again_is_remembered() -> None:
    first = _source(entry="http://x/", baselines=server())
    again = _source(remembered=_as_remembered(first))
    assert again == first
    assert _source(entry="http://y/", remembered=_as_remembered(first)).url == "http://y/"
    for broken in (
        {"baseline": 3},
        {"baseline": {"server": "x"}},
        {"baseline": {**remember(first)["baseline"], "family": "?"}},
    ):
        assert _source(remembered={"buy": broken}).baseline is None


def test_a_limit_is_the_flow_s_tolerance_then_the_baseline_s_then_assumed() -> None:
    tolerated = p99_limit(_source(baselines=server()))
    assert (tolerated.value, tolerated.comment) == (2.0, "flows.buy.tolerance")
    measured = p99_limit(_source(text=WITHOUT_TOLERANCE, entry="http://x/", baselines=server()))
    assert measured.value == 1.5  # 3 x 340 ms, rounded up
    assert not measured.assumed
    assumed = p99_limit(_source(text=WITHOUT_TOLERANCE))
    assert (assumed.expected, assumed.assumed) == ("<= 3 * baseline + 1s", True)
    assert "flows.buy.tolerance" in assumed.comment


@pytest.mark.parametrize(("p99", "limit"), [(0.004, 0.3), (0.1, 0.4), (0.125, 0.4), (0.2, 0.6), (1.2, 4.0)])
def test_a_limit_leaves_three_times_the_p99_or_a_quarter_of_a_second(p99: float, limit: float) -> None:
    assert p99_limit(_source(text=WITHOUT_TOLERANCE, entry="http://x/", baselines=server(p99=p99))).value == limit


def test_a_p99_at_the_highest_bucket_says_nothing_to_make_a_limit_from() -> None:
    assert p99_limit(_source(text=WITHOUT_TOLERANCE, entry="http://x/", baselines=server(p99=10.0))).assumed


def test_a_prometheus_is_asked_for_no_more_than_its_highest_bucket_can_tell() -> None:
    limit = p99_limit(_source(baselines=server(highest=1.0, buckets=(0.5, 1.0))))
    assert limit.value == 1.0
    assert "give the histogram higher buckets" in limit.comment
    assert p99_limit(_source(entry="http://x/", baselines=server(highest=1.0))).value == 2.0  # the load tells more


@pytest.mark.parametrize(("errors", "limit"), [(None, 0.01), (0.0, 0.01), (0.004, 0.01), (0.02, 0.04), (0.4, 0.5)])
def test_errors_may_be_one_percent_or_twice_what_they_are(errors: float | None, limit: float) -> None:
    found_limit = errors_limit(_source(baselines=server(errors=errors)))
    assert found_limit.value == limit
    assert found_limit.assumed == (errors is None)


def test_a_delay_says_which_timeout_it_is_made_from_or_which_is_missing() -> None:
    scenarios = found(read(SHOP))
    known = delay_reason(scenarios["database-slow/orders/postgres"])
    assert known is not None
    assert (known.value, known.assumed) == (4.0, False)
    assert known.comment.startswith("twice services.orders.calls.postgres.timeout, 2s")
    unset = delay_reason(scenarios["service-slow/orders"])
    assert unset is not None
    assert unset.comment == "assumed: longer than timeouts are; write services.gateway.calls.orders.timeout"
    assert delay_reason(scenarios["cache-gone/redis"]) is None


def test_a_delay_is_longer_than_what_is_claimed_so_that_waiting_misses_it() -> None:
    scenarios = found(read(SHOP.replace("tolerance: 2s", "tolerance: 10s")))
    slow = scenarios["database-slow/orders/postgres"]
    longer = outlasting(slow, 10.0)
    assert (longest_of(slow), longest_of(longer)) == (4.0, 15.0)
    assert "answers after 15s" in longer.title
    assert longer.id == slow.id
    reason = delay_reason(longer)
    assert reason is not None
    assert reason.comment == "longer than an answer may take: 4s, the catalogue's, could be waited for"
    assert outlasting(slow, 3.9) is slow
    assert outlasting(slow, None) is slow
    gone = scenarios["database-gone/postgres"]
    assert outlasting(gone, 1e9) is gone


def test_phases_are_long_enough_for_their_windows_and_for_a_limit_to_be_missed() -> None:
    load, scraped = _source(entry="http://x/"), _source(baselines=server())
    assert times(load, 4.0, 2.0) == Times(15.0, 30.0, 30.0)
    assert times(load, 60.0, 20.0) == Times(15.0, 75.0, 40.0)
    assert times(load, None, 20.0).duration == 50.0
    assert times(load, 1e6, 1e6) == Times(15.0, 300.0, 300.0)
    assert scraped.window == 60.0
    assert times(scraped, None, None) == Times(120.0, 180.0, 180.0)


@pytest.mark.parametrize(
    ("value", "up"), [(1.0, 1.0), (1.02, 1.5), (0.31, 0.4), (9.0, 10.0), (0.09, 0.1), (240.0, 250.0)]
)
def test_limits_are_round_and_never_lower(value: float, up: float) -> None:
    assert rounded_up(value) == up


def test_shares_are_written_in_percent() -> None:
    assert (percent(0.01), percent(0.5), percent(0.0400000001)) == ("1%", "50%", "4%")
