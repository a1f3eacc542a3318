"""The page of limits is what is declared."""

from __future__ import annotations

from pathlib import Path

from brownout_core.limits import LIMITS
from tools.docs import limits


def test_the_page_of_the_documentation_is_what_is_declared() -> None:
    assert Path("docs/limits.md").read_text() == limits.page(LIMITS)
