"""The list of mistakes fits the tree."""

from __future__ import annotations

from tools.mutants.__main__ import mutants


def test_every_mistake_has_its_line_and_its_tests() -> None:
    assert len(mutants()) >= 30
