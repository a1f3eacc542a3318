"""Texts that others chose, in GitHub's Markdown."""

from __future__ import annotations

import re
from typing import Final

from brownout_core.formatting import clipped, line

MAX_TEXT: Final = 1000
"""Characters of one text."""
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]#|~$])")


def escaped(text: object) -> str:
    """Text that Markdown shows as it is, and that calls nobody: GitHub notifies whom an @ names."""
    safe = clipped(line(text), MAX_TEXT).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    safe = _SPECIAL.sub(r"\\\1", safe).replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")
    return safe.replace("@", "@<!-- -->")
