"""Findings for people fit 80 columns, and each has its place, its sentence and its remedies."""

from __future__ import annotations

import click
import pytest

from brownout_catalogue.findings import RULES, findings, idle
from brownout_catalogue.findings.findings_text import render, summary
from brownout_core import document
from brownout_core.document import Value
from tests.support.builders.architectures import EXAMPLES, example
from tests.support.builders.findings import read

_FILE = """\
services:
  a: {calls: {b: {timeout: 1s, retries: 1, retry_budget: 10%, pool: 3}}}
  b: {timeout: 2s, probes: [liveness]}
"""


def _root(text: str) -> Value:
    root = document.parse(text, "x.yaml")
    assert root is not None
    return root


def test_findings_stand_under_their_levels_with_place_sentence_and_fixes() -> None:
    assert click.unstyle(render("shop", findings(read(_FILE)), _root(_FILE))) == (
        "shop: 1 error, 1 warning, 1 note found before any fault\n"
        "\n"
        "Errors\n"
        "  x.yaml:2:19 timeout-inversion\n"
        "    a waits 1s for b, which may be busy for 2s on a request: it works on when\n"
        "    nobody waits any more.\n"
        "    fix services.b.timeout: 1s or less\n"
        "    or services.a.calls.b.timeout: 2s or more\n"
        "\n"
        "Warnings\n"
        "  x.yaml:3:20 readiness-missing\n"
        "    b has probes (liveness) but none for readiness: each start gets requests too\n"
        "    soon.\n"
        "    fix services.b.probes: [liveness, readiness]\n"
        "\n"
        "Notes\n"
        "  x.yaml:2:15 pool-too-small\n"
        "    pool-too-small cannot be told without services.a.calls.b.rate.\n"
    )


@pytest.mark.parametrize("name", ["fintech", "online-shop", "streaming-pipeline"])
@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    root = _root((EXAMPLES / f"{name}.yaml").read_text())
    text = click.unstyle(render(name, findings(example(name)), root, width))
    assert max(map(len, text.splitlines())) <= width


def test_nothing_is_told_as_nothing() -> None:
    assert render("shop\x1b[2J", (), _root("services: {a: }")) == "shop\\x1b[2J: nothing found before any fault\n"
    assert summary(findings(read(_FILE))[1:2] * 2) == "2 warnings"


def test_rules_that_had_nothing_to_look_at_are_counted_and_their_lines_named() -> None:
    text = "services: {a: {calls: [b]}, b: }\n"
    shown = render("shop", [], _root(text), idle=idle(read(text)))
    assert f"{len(RULES)} of {len(RULES)} rules" in shown
    assert "timeouts" in shown
