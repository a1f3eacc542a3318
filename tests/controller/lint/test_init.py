"""The table of rules: each finds what it is about in its own example, and nothing in the one that is mended."""

from __future__ import annotations

import re

import pytest

from brownout_controller.lint import CODES, RULES
from brownout_controller.lint.rule import SEVERITIES, Rule
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import read_experiment
from brownout_controller.probes import KINDS
from brownout_core import document
from tests.controller.lint.table import ASKED, BASE, codes, found, merged

ALL = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def _environment(rule: Rule) -> Environment:
    return Environment() if rule.code == "no-prometheus" else ASKED


@ALL
def test_a_rule_finds_its_own_bad_example_and_nothing_else(rule: Rule) -> None:
    assert codes(rule.bad, environment=_environment(rule)) == [rule.code]


@ALL
def test_the_mended_example_of_a_rule_has_no_finding(rule: Rule) -> None:
    read_experiment(document.parse(merged(rule.good), "x.yaml"), "x.yaml", KINDS)  # which lint would pass over
    assert codes(rule.good, environment=_environment(rule)) == []


@ALL
def test_a_rule_says_what_is_wrong_why_and_what_to_do(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.code)
    assert rule.severity in SEVERITIES
    assert rule.reason.endswith((".", "`"))
    (finding, *_) = found(rule.bad, environment=_environment(rule))
    assert finding.sentence
    assert finding.remedy
    assert finding.place.startswith("x.yaml:")
    assert not finding.remedy.endswith(".")


@ALL
def test_an_experiment_may_accept_a_finding_with_a_reason(rule: Rule) -> None:
    if rule.code == "unknown-code":
        return
    accepted = f"{rule.bad}\nlint: {{{rule.code}: agreed with the owners}}"
    assert codes(accepted, environment=_environment(rule)) == []


def test_codes_are_one_of_a_kind() -> None:
    assert len(CODES) == len(RULES)


def test_a_sensible_experiment_has_no_finding() -> None:
    assert codes(BASE) == []
