"""Hypotheses: a claim, one probe, and terms that can be judged."""

from __future__ import annotations

import pytest

from brownout_controller.model.hypothesis import Accepted, Hypothesis, RecordedTerms, Tolerate, read_hypothesis
from brownout_controller.probes import KINDS
from brownout_controller.probes.prometheus import PrometheusProbe
from brownout_controller.probes.sql import SqlProbe
from brownout_core import document
from brownout_core.errors import InvalidSpec


def _read(text: str) -> Hypothesis:
    value = document.parse(text, "f", columns=True)
    assert value is not None
    return read_hypothesis(value, KINDS)


def test_a_probe_is_text_or_a_mapping() -> None:
    short = _read("{name: h, prometheus: up, expect: '== 1'}")
    assert isinstance(short.probe, PrometheusProbe)
    assert short.probe.query == "up"
    long = _read("{name: h, sql: {dsn: 'postgresql://x', query: select 1}, expect: == 1, when: [recovery]}")
    assert isinstance(long.probe, SqlProbe)
    assert long.terms.when == ("recovery",)


def test_all_terms_are_read() -> None:
    terms = _read("""\
name: h
because: it matters
prometheus: up
expect: <= 1.5 * baseline
stop: "> 5%"
when: [baseline, during]
window: 30s
every: 2s
timeout: 3s
tolerate: {failures: 2, of: 10}
min_events: 200
no_data: {pass: it is quiet at night}
series: all
""").terms
    assert (terms.window, terms.every, terms.timeout, terms.min_events) == (30, 2, 3, 200)
    assert terms.tolerate == Tolerate(failures=2, of=10)
    assert terms.no_data == Accepted.model_validate({"pass": "it is quiet at night"})


def test_what_looks_back_settles_for_its_window_unless_something_else_is_said() -> None:
    assert _read("{name: h, prometheus: up, expect: == 1, window: 20s}").terms.settle == 20
    assert _read("{name: h, prometheus: up, expect: == 1, window: 20s, settle: 1s}").terms.settle == 1
    assert _read("{name: h, tcp: 'x:1', expect: < 1s, window: 20s}").terms.settle == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{name: h, expect: < 1}", "f:1:1: has no probe; known are: prometheus, http"),
        ("{name: h, tcp: x, redis: y, expect: < 1}", "f:1:1: has tcp and redis; make them hypotheses of their own"),
        ("{name: h, tcp: 'x:1'}", "f:1:1: expect is missing"),
        (
            "{name: h, traffic: errors, expect: < 2}",
            "f:1:28: expect: '< 2' would always hold: errors is from 0 to 1",
        ),
        ("{name: h, traffic: errors, expect: '> 1'}", "f:1:28: expect: '> 1' would never hold"),
        ("{name: h, traffic: errors, expect: < 1%, stop: '> 5'}", "f:1:42: stop: '> 5' would never hold: errors is"),
        (
            "{name: h, prometheus: {query: 'rate(x[${window}])', scrape_interval: 15s}, expect: < 1}",
            "f:1:11: prometheus: a window of 10s has fewer than 4 scrapes",
        ),
        (
            "{name: h, http: {url: 'http://x', measure: status}, expect: < 100}",
            "f:1:53: expect: '< 100' would never hold",
        ),
        ("{name: h, traffic: p99, expect: < 2%}", "f:1:25: expect: '< 2%' is in %, and p99 is written like 300ms"),
        ("{name: h, traffic: p99, expect: '>= 0s'}", "f:1:25: expect: '>= 0s' would always hold: p99 is never below 0"),
        (
            "{name: h, edge: hits, expect: < 3MB/s}",
            "f:1:23: expect: '< 3MB/s' is in mb/s, and hits is written",
        ),
        ("{name: h, http: {url: 'http://x', measure: ok}, expect: == 2}", "f:1:49: expect: '== 2' would never hold"),
        ("{name: h, tcp: 'x:1', expct: < 1}", "f:1:23: expct: unknown key; did you mean expect?"),
        ("{name: h, prometeus: up, expect: < 1}", "f:1:11: prometeus: unknown key; did you mean prometheus?"),
        ("{name: h, tcp: 'x:1', expect: '0.5'}", "f:1:23: expect: '0.5' is not an expectation"),
        ("{name: h, tcp: 'x:1', expect: 0.5}", "f:1:23: expect: has no comparison; write it like '== 0.5' or"),
        ("{name: h, tcp: 'x:1', expect: < 1, when: [later]}", "f:1:"),
        ("{name: h, tcp: 'x:1', expect: < 1, when: []}", "f:1:1: when is empty"),
        ("{name: h, tcp: 'x:1', expect: < baseline, when: [during]}", "f:1:1: expect speaks of the baseline"),
        ("{name: h, tcp: 'x:1', expect: < 1, stop: true, when: [recovery]}", "f:1:1: stop is looked at during"),
        ("{name: h, tcp: 'x:1', expect: < 1, tolerate: {failures: 2}}", "f:1:36: tolerate: must be {failures: 2"),
        ("{name: h, tcp: 'x:1', expect: < 1, tolerate: {failures: 5, of: 5}}", "f:1:36: tolerate: failures must be"),
        ("{name: h, sql: {query: x, dns: y}, expect: < 1}", "f:1:27: sql.dns: unknown key; did you mean dsn?"),
        ("{name: h, tcp: 'x:1', expect: < 1, no_data: {pass: ''}}", "f:1:"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_remedy(text: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        _read(text)
    assert str(refusal.value).startswith(told)


def test_what_a_journal_keeps_of_a_hypothesis_has_the_nature_of_its_probe() -> None:
    recorded = _read("{name: h, http: 'http://x/', expect: < 1s, tolerate: {consecutive: 2}}").recorded
    assert (recorded.probe, recorded.measure, recorded.unit) == ("http", "latency", "s")
    assert RecordedTerms.model_validate(recorded.model_dump(mode="json", by_alias=True)) == recorded
    written = _read("{name: h, sql: {dsn: 'postgres://x', query: select 1}, expect: '> 50%'}").recorded
    assert written.unit == "share", "what the probe measures has no unit, what is expected has"


def test_a_file_cannot_say_what_a_probe_is() -> None:
    with pytest.raises(InvalidSpec, match="unit: unknown key"):
        _read("{name: h, tcp: 'x:1', expect: < 1s, unit: s}")
