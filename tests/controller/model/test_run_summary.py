"""What makes two runs runs of the same test, and how a row tells its state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest

from brownout_controller.model.run_summary import RunSummary, fault_kinds, faults_played, fingerprint, utc

EXPERIMENT: Final[dict[str, Any]] = {
    "name": "database-latency",
    "because": "it was slow once",
    "edge": "payment -> postgresql",
    "fault": {"latency": "3s"},
    "duration": "30s",
    "traffic": {"url": "http://127.0.0.1:8080/pay", "rate": "20/s"},
    "hypotheses": [{"name": "p99", "traffic": "p99", "expect": "< 2s"}],
}
STARTED: Final = datetime(2026, 11, 24, 10, tzinfo=UTC)


def past_run(**changes: Any) -> RunSummary:
    """A run that passed."""
    run = RunSummary(
        run="20261124-100000-database-latency-abcd", directory="", experiment="database-latency", edge="a -> b",
        environment="local", faults=("latency",), started=STARTED, duration=60.0, verdict="passed", exit=0,
        finding="held", reason="", recovery=2.0, unrecovered=False, stopping=None, seed="7", version="0.1.0",
        source="x.yaml", fingerprint="f", ended=True,
    )  # fmt: skip
    return replace(run, **changes)


@pytest.mark.parametrize(
    "change",
    [
        {"because": "of something else"},
        {"seed": 7},
        {"lease": "5s"},
        {"nets": {"lock": "alone here"}},
        {"name": "another"},
        {"traffic": {"rate": "20/s", "url": "http://staging.internal/pay"}},
        {"hypotheses": [{"expect": "< 2s", "name": "p99", "because": "of users", "traffic": "p99"}]},
    ],
)
def test_reasons_seeds_places_and_the_order_of_keys_do_not_change_a_test(change: dict[str, Any]) -> None:
    assert fingerprint({**EXPERIMENT, **change}) == fingerprint(EXPERIMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"fault": {"latency": "4s"}},
        {"duration": "60s"},
        {"edge": "payment -> redis"},
        {"traffic": {"url": "http://127.0.0.1:8080/refund", "rate": "20/s"}},
        {"hypotheses": [{"name": "p99", "traffic": "p99", "expect": "< 1s"}]},
        {"hypotheses": []},
    ],
)
def test_faults_limits_loads_and_times_change_it(change: dict[str, Any]) -> None:
    assert fingerprint({**EXPERIMENT, **change}) != fingerprint(EXPERIMENT)


def test_a_fingerprint_is_made_of_whatever_a_journal_holds() -> None:
    odd: list[Any] = [None, 1, "\ud800", [[]], {"a": {"because": 1}}, 1e999]
    assert len({fingerprint({"edge": item}) for item in odd}) == len(odd)


@pytest.mark.parametrize(
    ("experiment", "kinds"),
    [
        ({"fault": {"toxicity": "25%", "latency": "3s"}}, ("latency",)),
        (
            {"faults": [{"latency": "3s"}, {"reset_peer": None}, {"latency": "1s", "name": "b"}]},
            ("latency", "reset_peer"),
        ),
        ({"fault": {"of a later version": 1}}, ("of a later version",)),
        ({"fault": "noop"}, ("noop",)),
        ({"fault": None}, ()),
        ({"faults": "x", "fault": {}}, ()),
        ({}, ()),
    ],
)
def test_the_kinds_of_faults_are_told(experiment: dict[str, Any], kinds: tuple[str, ...]) -> None:
    assert fault_kinds(experiment) == kinds


def test_faults_are_kept_with_all_that_is_said_of_them() -> None:
    faults = [{"latency": {"delay": "3s"}, "direction": "upstream"}, "noop", None]
    assert faults_played({"faults": faults}) == ('{"latency": {"delay": "3s"}, "direction": "upstream"}', '"noop"')
    assert faults_played({"fault": {"cut": None}}) == ('{"cut": null}',)
    assert faults_played({"fault": None}) == ()


def test_a_run_without_a_verdict_is_under_way_or_was_cut_off() -> None:
    assert past_run().state == "passed"
    assert past_run(ended=False, running=True).state == "running"
    assert past_run(ended=False).state == "unfinished"


def test_only_a_run_that_ended_is_conclusive() -> None:
    assert past_run().conclusive
    assert not past_run(ended=False).conclusive
    assert not past_run(finding="nothing").conclusive


def test_times_are_told_in_utc() -> None:
    assert utc("2026-11-24T10:00:00") == STARTED
    assert utc("2026-11-24T12:00:00+02:00") == STARTED
    assert utc("2026-11-24T12:00:00+02:00").tzinfo is UTC
    with pytest.raises(ValueError, match="isoformat"):
        utc("yesterday")
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=2)))
    with pytest.raises(ValueError, match="out of range"):
        utc(first.isoformat())
