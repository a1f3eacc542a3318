"""What holds for all rules: fixes end findings, the order of the file does not matter, nothing is guessed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings

from brownout_catalogue.architecture import Architecture, dotted
from brownout_catalogue.findings import RULES, findings, idle
from brownout_catalogue.findings.rule import LEVELS
from brownout_catalogue.findings.sarif import identity
from tests.support.builders.architectures import backwards, example
from tests.support.builders.findings import architectures, changed, read, told

TODAY = date(2026, 11, 25)


def test_rules_have_names_of_their_own_and_say_why() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.id == rule.id.lower()
        assert rule.level in LEVELS
        assert len(rule.reason) > 100, rule.id


@given(architectures())
@settings(max_examples=300, deadline=None)
def test_every_fix_ends_its_finding(architecture: Architecture) -> None:
    for one in findings(architecture, TODAY):
        for fix in (fix for fix in one.fixes if fix.changes):
            after = findings(changed(architecture, fix), TODAY)
            left = [other for other in after if (other.rule, other.path) == (one.rule, one.path) and not other.missing]
            assert left == [], fix.text


@given(architectures())
@settings(max_examples=150, deadline=None)
def test_the_order_of_the_file_does_not_matter(architecture: Architecture) -> None:
    assert told(findings(backwards(architecture), TODAY)) == told(findings(architecture, TODAY))


@given(architectures())
@settings(max_examples=100, deadline=None)
def test_a_rule_tells_of_a_line_once(architecture: Architecture) -> None:
    found = findings(architecture, TODAY)
    assert len({identity(one) for one in found}) == len(found)


@given(architectures())
@settings(max_examples=100, deadline=None)
def test_a_component_that_nobody_calls_changes_nothing(architecture: Architecture) -> None:
    content = architecture.model_dump(exclude_unset=True)
    content["services"]["bystander"] = {}
    assert told(findings(Architecture.model_validate(content), TODAY)) == told(findings(architecture, TODAY))


def test_from_names_alone_nothing_follows() -> None:
    text = "services: {gateway: {calls: [orders, stock]}, orders: {calls: [postgres, stock]}, stock: , postgres: }"
    assert findings(read(text)) == ()


def test_the_gravest_come_first_then_the_order_of_the_table() -> None:
    found = findings(example("fintech"), TODAY)
    places = [(LEVELS.index(one.level), RULES.index(one.rule)) for one in found]
    assert places == sorted(places)
    assert found[0].rule.id == "retry-storm"


@pytest.mark.parametrize("name", ["fintech", "online-shop", "streaming-pipeline"])
def test_every_finding_of_the_examples_is_about_a_line(name: str) -> None:
    for one in findings(example(name), TODAY):
        assert dotted(one.path).startswith(("services.", "external.", "flows."))
        assert one.fixes or one.missing, one.sentence


def test_a_file_of_names_and_calls_leaves_most_rules_with_nothing_to_look_at() -> None:
    found = idle(read("services: {a: {calls: [b]}, b: }\n"))
    assert len(found.rules) == found.of == len(RULES)
    assert "timeouts" in found.needs


@settings(max_examples=200, deadline=None)
@given(architectures())
def test_a_rule_that_had_nothing_to_look_at_finds_nothing(architecture: Architecture) -> None:
    quiet = {rule.id for rule in idle(architecture).rules}
    assert not [one for one in findings(architecture, TODAY) if one.rule.id in quiet]
