"""Text that is not ours on its way out: names, answers of servers, files, journals, texts of exceptions.

Whoever made such a text may have put into it what a terminal, a log or a CI system obeys. Here, and nowhere else, that
is written as an escape, which people can read and nothing obeys: `\\x1b`, `\\n`, `\\u202e`, `\\x3a:error::`.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any, Final

# GitHub obeys a line that begins with ::COMMAND, spaces before it or not, and ##[COMMAND] anywhere in a line; Azure
# obeys ##vso[, TeamCity ##teamcity[. A line may be broken at any space before it is printed.
_COMMAND: Final = re.compile(r"(?<!\S):(?=:[A-Za-z])|#(?=#[a-z]*\[)")
_BEGINNING: Final = re.compile(r"(?m)^([ \t]*):(?=:[A-Za-z])|#(?=#[a-z]*\[)")
_BEYOND: Final = 0xFFFF
"""What JSON writes as two escapes is above it."""


def printable(text: object) -> str:
    """The text as a piece of one line; nothing in it is lost."""
    safe = str(text)
    if not safe.isprintable():
        safe = "".join(letter if letter.isprintable() else _escape(letter) for letter in safe)
    return _COMMAND.sub(lambda found: _escape(found[0]), safe)


def line(text: object) -> str:
    """The same, with any white space as one space: a sentence of several lines is easier to read than its escapes."""
    return printable(" ".join(str(text).split()))


def block(text: object) -> str:
    """Several lines that stay several, with their tabs and whatever spaces there are."""
    safe = "".join(letter if letter.isprintable() or letter in "\n\t" else _escape(letter) for letter in str(text))
    return _BEGINNING.sub(lambda found: f"{found[1] or ''}{_escape(found[0][-1])}", safe)


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """`value` as JSON that any parser reads back exactly. Raises ValueError for what JSON has no word for."""
    return safe_json(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False))


def safe_json(text: str) -> str:
    """JSON that is the same value."""
    safe = text
    if not text.isprintable():  # between its strings JSON has line feeds only
        safe = "".join(letter if letter.isprintable() or letter == "\n" else _json_escape(letter) for letter in text)
    return re.sub(r"#(?=#[a-z]*\[)", lambda found: _json_escape(found[0]), safe)


class LineFormatter(logging.Formatter):
    """One line for each message, and whole tracebacks below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return block(super().formatException(ei))


def _escape(letter: str) -> str:
    safe = repr(letter)[1:-1]
    return safe if safe != letter else f"\\x{ord(letter):02x}"


def _json_escape(letter: str) -> str:
    number = ord(letter)
    if number <= _BEYOND:
        return f"\\u{number:04x}"
    number -= _BEYOND + 1
    return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"
