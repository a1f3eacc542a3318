"""What a terminal shows: whether in colours, and how many columns a text takes there."""

from __future__ import annotations

import os
import unicodedata
from typing import TextIO


def coloured(stream: TextIO) -> bool:
    """Whether to write colours: to a terminal that has them, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and colour_allowed()


def colour_allowed() -> bool:
    """Whether the environment allows colours, whatever the output is."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")


def columns(text: str) -> int:
    """How many columns `text` takes: a combining letter none, a wide one two (Unicode annex 11)."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def fitted(text: str, width: int) -> str:
    """`text` in at most `width` columns; what is cut off is replaced by an ellipsis."""
    if columns(text) <= width:
        return text
    while text and columns(text) > width - 1:
        text = text[:-1]
    return f"{text}…"
