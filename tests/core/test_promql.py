"""Times are written as PromQL reads them, and scrapes are those of the query's job."""

from __future__ import annotations

import pytest

from brownout_core.promql import duration, scrape_interval


@pytest.mark.parametrize(
    ("seconds", "written"), [(10, "10s"), (0.5, "500ms"), (1.5, "1500ms"), (60, "60s"), (0, "1ms")]
)
def test_a_duration_is_written_as_promql_knows_it(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("query", "interval"),
    [("up", 15), ('up{job="slow"}', 60), ('up{job = "slow"}', 60), ('up{job="none"}', None), ('up{my_job="slow"}', 15)],
)
def test_the_scrape_interval_is_that_of_the_query_s_job_or_the_shortest(query: str, interval: float | None) -> None:
    targets = [
        {"labels": {"job": "fast"}, "scrapeInterval": "15s"},
        {"labels": {"job": "slow"}, "scrapeInterval": "1m"},
    ]
    assert scrape_interval({"data": {"activeTargets": targets}}, query) == interval


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"data": {"activeTargets": [{"labels": {}, "scrapeInterval": "15 s"}]}}, {"data": None}]
)
def test_a_server_that_does_not_tell_its_scrapes_is_no_reason_to_refuse(answer: object) -> None:
    assert scrape_interval(answer, "up") is None
