"""Counts what is parsed, and by which file name."""

from __future__ import annotations

from collections import Counter

import pytest

from brownout_core import document
from brownout_core.document import Expand, Value


def count_parses(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file is parsed from now on, by its name."""
    counts, parse = Counter[str](), document.parse

    def counting(text: str, file: str, expand: Expand | None = None, *, columns: bool = False) -> Value | None:
        counts[file] += 1
        return parse(text, file, expand, columns=columns)

    monkeypatch.setattr(document, "parse", counting)
    return counts
