"""What rules ask of an experiment and of its claims."""

from __future__ import annotations

import math

import pytest

from brownout_controller.lint.subject import CheckedHypothesis, Subject, is_command
from brownout_controller.model.experiment import read_experiment
from brownout_controller.probes import KINDS
from brownout_core import document
from tests.controller.lint.table import claims, merged


def _subject(keys: str) -> Subject:
    return Subject(read_experiment(document.parse(merged(keys), "x.yaml"), "x.yaml", KINDS))


def _claim(text: str) -> CheckedHypothesis:
    return _subject(claims(text)).hypotheses[0]


@pytest.mark.parametrize(
    ("text", "latency", "success"),
    [
        ("traffic: p99, expect: < 2s", True, False),
        ("traffic: errors, expect: < 1%", False, True),
        ('http: "http://h/", expect: < 2s', True, False),
        ('http: {url: "http://h/", measure: ok}, expect: == 1', False, True),
        ('tcp: "h:1", expect: < 2s', False, False),
        ("edge: connections, expect: < 2/s", False, False),
        ("command: ./x, expect: == 0", False, True),
        ("prometheus: 'histogram_quantile(0.9, x)', expect: < 2", True, False),
        ("prometheus: x, expect: < 2", False, True),
    ],
)
def test_what_a_claim_is_about(text: str, latency: bool, success: bool) -> None:
    assert (_claim(text).is_latency, _claim(text).is_success) == (latency, success)


@pytest.mark.parametrize(
    ("expect", "allowed"),
    [("< 2s", 2.0), ("between 1 and 3", 3.0), ("'> 1s'", None), ("<= 2 * baseline + 1s", 1.0), ("== 1", 1.0),
     ("<= -1 * baseline + 3s", None)],
)  # fmt: skip
def test_the_highest_value_that_is_good(expect: str, allowed: float | None) -> None:
    assert _claim(f"traffic: p99, expect: {expect}").allowed == allowed


def test_how_long_a_measurement_is_waited_for() -> None:
    assert _claim('http: {url: "http://h/", measure: ok, within: 1s}, expect: == 1').patience == 1.0
    assert _claim('tcp: "h:1", expect: < 1s, timeout: 10s').patience == pytest.approx(9.5)


def test_how_many_measurements_are_due() -> None:
    subject = _subject("duration: 30s")
    checked = subject.hypotheses[0]
    assert (subject.due(checked, "during"), subject.due(checked, "baseline")) == (20, 10)
    assert subject.requests(3.0) == 60
    assert math.isclose(subject.seconds("during"), 30)


def test_a_fault_has_its_place_alone_or_among_others() -> None:
    assert [path for path, _ in _subject("duration: 30s").faults] == [("fault",)]
    several = _subject("faults: [{cut: 0s}, {refuse: true}]")
    assert [path for path, _ in several.faults] == [("faults", 0), ("faults", 1)]


def test_a_command_is_one_by_its_exit_code_only() -> None:
    assert is_command(_claim("command: ./x, expect: == 0"))
    assert not is_command(_claim("command: {run: ./x, measure: number}, expect: == 0"))
