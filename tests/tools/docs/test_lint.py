"""docs/lint.md has every rule with its reason and its examples."""

from __future__ import annotations

from pathlib import Path

from brownout_controller.lint import RULES
from tools.docs.lint import page


def test_the_page_has_every_rule() -> None:
    lines = page().splitlines()
    for rule in RULES:
        assert f"### {rule.code}" in lines
        assert rule.reason in page()
        assert rule.bad in page()


def test_the_page_is_the_one_in_the_repository() -> None:
    assert (Path(__file__).parents[3] / "docs" / "lint.md").read_text(encoding="utf-8") == page()
