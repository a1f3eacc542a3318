"""Files of variables: a NAME=VALUE on each line, as dotenv has it. Pure.

A value goes to the end of its line. In single quotes it is as it stands; in double quotes a backslash makes n, t and r
what they are in C, and stands for itself, a quote or a $ before one of those. Empty lines and those that begin with #
are comments, and `export ` before a name is left out. Nothing is put in for `$`, and nothing that could be read in two
ways is taken.
"""

from __future__ import annotations

import re
from typing import Final

from brownout_core.errors import InvalidSpec

_LINE: Final = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=(.*)")
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_ESCAPE: Final = re.compile(r"\\(.)")
_MEANT: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


def read_var_file(text: str, file: str) -> dict[str, str]:
    """Raises InvalidSpec with the line; never with a value, which may be a secret."""
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        place = f"{file}:{number}"
        match = _LINE.fullmatch(line)
        if match is None:
            raise InvalidSpec(place, "is not NAME=VALUE; a name has letters, digits and _, and a comment begins with #")
        name = match[1]
        if name in found:
            raise InvalidSpec(place, f"{name} is there already, on line {lines[name]}; remove one")
        found[name], lines[name] = _value(match[2].strip(), f"{place}: {name}"), number
    return found


def _value(text: str, place: str) -> str:
    if "\x00" in text:
        raise InvalidSpec(place, "a value has no NUL")
    if text.startswith("'"):
        if (match := _SINGLE.fullmatch(text)) is None:
            raise InvalidSpec(place, "what begins with ' must end with the next one; put it in double quotes")
        return match[1]
    if text.startswith('"'):
        if (match := _DOUBLE.fullmatch(text)) is None:
            raise InvalidSpec(place, 'what begins with " must end with the next one; write \\" for one inside')
        return _ESCAPE.sub(lambda found: _escaped(found[1], place), match[1])
    if re.search(r"\s#", text):
        raise InvalidSpec(place, "is a # part of it, or does a comment begin there? put the value in quotes")
    return text


def _escaped(letter: str, place: str) -> str:
    if letter not in _MEANT:
        raise InvalidSpec(place, f"\\{letter} means nothing here; write \\\\ for one backslash")
    return _MEANT[letter]
