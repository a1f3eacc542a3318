"""Claims that are not about the fault, or that a system meets by waiting."""

from __future__ import annotations

import pytest

from brownout_controller.model.environment import Environment
from tests.controller.lint.table import claims, codes

WORKS = "traffic: errors, expect: < 1%"
FITS = ["fault-fits-claim"]


@pytest.mark.parametrize(
    ("fault", "claim", "found"),
    [
        ("{latency: 5s}", "traffic: p99, expect: < 9s", FITS),
        ("{latency: 5s}", "traffic: p99, expect: < 5s", []),
        ("{latency: 1s}", "traffic: p99, expect: between 0 and 2", FITS),
        ("{latency: {latency: 1s, jitter: 2s}}", "traffic: p99, expect: < 2s", []),
        ("{latency: {latency: 1s, jitter: 100ms}}", "traffic: p99, expect: < 2s", FITS),
        ("{stall: 10%}", "traffic: p99, expect: < 2s", FITS),
        ("{bandwidth: 10MB/s}", "traffic: p99, expect: < 2s", FITS),
        ("{bandwidth: 10KB/s}", "traffic: p99, expect: < 2s", []),
        ("{slicer: {average_size: 1000, delay: 10us}}", "traffic: p99, expect: < 2s", FITS),
        ("{timeout: 1s}", "traffic: p99, expect: < 2s", []),
        ("{latency: 1s}", "traffic: p99, expect: <= baseline + 2s", FITS),
        ("{latency: 1s}", "traffic: p99, expect: <= 2 * baseline", []),
        ("{latency: 1s}", "traffic: p99, expect: < 2s, when: [baseline, recovery]", []),
        ("{latency: 1s}", 'http: {url: "http://h/x", measure: ok, within: 2s}, expect: == 1', FITS),
        ("{latency: 1s}", 'http: {url: "http://h/x", measure: ok, within: 2s, status: 200}, expect: == 1', []),
        ("{latency: 3s}", 'http: {url: "http://h/x", measure: ok, within: 2s}, expect: == 1', []),
    ],
)
def test_a_fault_that_fits_into_what_is_allowed(fault: str, claim: str, found: list[str]) -> None:
    assert codes(f"fault: {fault}\n{claims(WORKS, claim)}") == found


def test_delays_of_several_faults_add_up() -> None:
    slow = claims(WORKS, "traffic: p99, expect: < 2s")
    assert codes(f"faults: [{{latency: 1s}}, {{stall: 10%}}]\n{slow}") == FITS
    assert codes(f"faults: [{{latency: 1s}}, {{latency: 1s, name: b}}]\n{slow}") == []


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ([], ["latency-without-errors"]),
        (["traffic: errors, expect: < 1%, when: [recovery]"], ["latency-without-errors"]),
        (["edge: connections, expect: < 5/s"], ["latency-without-errors"]),
        (['http: {url: "http://h/x", measure: ok}, expect: == 1'], []),
        (["traffic: rate, expect: '> 10/s'"], []),
        (["prometheus: 'sum(rate(errors[${window}]))', expect: < 1"], []),
    ],
)
def test_a_latency_needs_errors_beside_it(others: list[str], found: list[str]) -> None:
    assert codes(claims("traffic: p99, expect: < 2s", *others)) == found
    quantile = "prometheus: 'histogram_quantile(0.99, sum by (le) (rate(t_bucket[${window}])))', expect: < 2s"
    assert codes(claims(quantile, *others)) == found


LATE = ["late-is-unanswered"]


@pytest.mark.parametrize(
    ("fault", "claimed", "found"),
    [
        ("{latency: 6s}", [f"{WORKS}, window: 5s"], LATE),
        ("{latency: 6s}", [f"{WORKS}, window: 5s, when: [baseline, recovery]", "traffic: rate, expect: '> 1/s'"], []),
        ("{latency: 3s}", [f"{WORKS}, window: 5s"], []),
        ("{timeout: 1h}", [f"{WORKS}, window: 5s"], []),
        ("{latency: 30s}", [f"{WORKS}, window: 20s"], []),  # it is given up by then, as the file says
        ("{latency: 6s}", [f"{WORKS}, window: 5s", "traffic: p99, expect: < 2s"], []),
        ("{latency: 6s}", ['http: {url: "http://h/x", measure: ok}, expect: == 1'], LATE),
        ("{latency: 6s}", ['http: {url: "http://h/x", measure: status}, expect: == 200'], LATE),
        ("{latency: 6s}", ['http: {url: "http://h/x", measure: ok, within: 5s}, expect: == 1'], []),
        ("{latency: 6s}", ['http: {url: "http://h/x", measure: ok}, expect: == 1, timeout: 5s'], []),
        ("{latency: 3s}", ['http: {url: "http://h/x", measure: ok}, expect: == 1'], []),
        (
            "{latency: 6s}",
            ['http: {url: "http://h/x", measure: ok}, expect: == 1', 'http: "http://h/x", expect: < 2s'],
            [],
        ),
    ],
)
def test_a_limit_that_nobody_has_written_counts_late_answers_as_none(
    fault: str, claimed: list[str], found: list[str]
) -> None:
    load = 'traffic: {url: "http://127.0.0.1:8080/", rate: 20/s, timeout: 15s}\nduration: 60s'
    assert codes(f"fault: {fault}\n{load}\n{claims(*claimed)}") == found


def test_a_run_that_claims_nothing_for_the_time_of_the_fault() -> None:
    assert codes(claims(f"{WORKS}, when: [baseline, recovery]")) == ["nothing-claimed-under-fault"]
    assert codes(claims(f"{WORKS}, when: [recovery]", "traffic: rate, expect: '> 1/s'")) == []


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ('tcp: "payment:5432", expect: < 100ms', ["asks-the-callee"]),
        ('tcp: "payment.shop.svc.cluster.local:5432", expect: < 100ms', ["asks-the-callee"]),
        ('http: {url: "http://PAYMENT/x", measure: ok}, expect: == 1', ["asks-the-callee"]),
        ('redis: {url: "redis://payment", command: LLEN jobs}, expect: == 0', ["asks-the-callee"]),
        ('tcp: "payments:5432", expect: < 100ms', []),
        ('tcp: "127.0.0.1:5432", expect: < 100ms', []),
    ],
)
def test_who_asks_the_callee_itself_meets_no_fault(claim: str, found: list[str]) -> None:
    assert codes(claims(claim)) == found
    assert codes(claims(claim, WORKS)) == [], "somebody else asks the caller"


def test_the_environment_may_know_the_callee_by_another_name() -> None:
    known = Environment.model_validate({"services": {"payment": {"host": "10.0.0.7"}}})
    assert codes(claims('tcp: "10.0.0.7:80", expect: < 1s'), environment=known) == ["asks-the-callee"]


@pytest.mark.parametrize("path", ["/health", "/api/livez", "/readyz/", "/ready", "/metrics", "/ping"])
def test_a_health_page_may_not_need_the_edge(path: str) -> None:
    url = f"http://h:80{path}"
    assert codes(claims(f'http: {{url: "{url}", measure: ok}}, expect: == 1')) == ["health-page-only"]
    assert codes(f'traffic: {{url: "{url}", rate: 20/s}}\n{claims(WORKS)}') == ["health-page-only"]
    assert codes(claims(f'http: {{url: "{url}", measure: ok}}, expect: == 1', WORKS)) == []


def test_pages_that_only_sound_like_it_are_asked_for() -> None:
    for path in ("/healthy-food", "/ready-to-wear", "/order/status-history", "/"):
        assert codes(claims(f'http: {{url: "http://h:80{path}", measure: ok}}, expect: == 1')) == []


def test_something_has_to_be_measured() -> None:
    lenient = f"{WORKS}, no_data: {{pass: nobody pays at night}}"
    assert codes(claims(lenient, "traffic: rate, expect: '> 1/s'")) == []
    assert codes(claims(lenient, "traffic: rate, expect: '> 1/s', when: [recovery]")) == ["nothing-needs-data"]
