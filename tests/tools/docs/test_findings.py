"""docs/findings.md has every rule with its reason."""

from __future__ import annotations

from pathlib import Path

from brownout_catalogue.findings import RULES
from tools.docs.findings import page


def test_the_page_has_every_rule() -> None:
    lines = page().splitlines()
    for rule in RULES:
        assert f"## {rule.id}" in lines
        assert rule.reason in page()


def test_the_page_is_the_one_in_the_repository() -> None:
    assert (Path(__file__).parents[3] / "docs" / "findings.md").read_text(encoding="utf-8") == page()
