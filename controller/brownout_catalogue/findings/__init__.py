"""Static findings: what is wrong with an architecture before any fault. `RULES` is the only list of the rules."""

from __future__ import annotations

from datetime import date
from typing import Final

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.findings import capacity, redundancy, retries, timeouts
from brownout_catalogue.findings import rule as rules
from brownout_catalogue.findings.rule import Finding, Idle, Rule, find
from brownout_catalogue.findings.rule_context import RuleContext

RULES: Final[tuple[Rule, ...]] = (
    timeouts.inversion,
    timeouts.below_answer,
    timeouts.missing,
    timeouts.over_tolerance,
    timeouts.blind_breaker,
    retries.storm,
    retries.not_idempotent,
    retries.no_budget,
    capacity.too_small,
    redundancy.single,
    redundancy.single_store,
    redundancy.readiness,
    redundancy.cache,
    redundancy.external,
    redundancy.certificate,
    redundancy.unprobed,
    redundancy.unlimited,
    redundancy.storage,
    redundancy.one_copy,
)


def findings(architecture: Architecture, today: date | None = None) -> tuple[Finding, ...]:
    """What all rules find; `today` is for certificates that end."""
    return find(RULES, RuleContext(architecture, today))


def idle(architecture: Architecture) -> Idle:
    """The rules that had nothing to look at in this file."""
    return rules.idle(RULES, RuleContext(architecture))
