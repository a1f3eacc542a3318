"""Compose's variables (`${NAME:-default}`) and its .env files.

The environment of this process takes no part: what an import finds is the same on every machine. A variable that nobody
sets leaves a mark, so that a text with a hole is not taken for an address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from brownout_catalogue.importers.source import Listed, Mapped

UNSET: Final = "\0"
"""Stands where a variable has no value."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACE: Final = re.compile("[{}]")
_DEEPEST: Final = 20  # defaults within defaults


def interpolate(text: str, variables: Mapping[str, str], depth: int = 0) -> str:
    """What compose makes of the text. What is not well written stays as it is."""
    if "$" not in text:
        return text
    parts, here = [], 0
    closings = _closings(text)
    while (dollar := text.find("$", here)) >= 0:
        parts.append(text[here:dollar])
        here = dollar + 1
        if text.startswith("$", here):
            parts.append("$")
            here += 1
        elif match := _NAME.match(text, here):
            parts.append(variables.get(match[0], UNSET))
            here = match.end()
        elif text.startswith("{", here) and (end := closings.get(here)) and depth < _DEEPEST:
            parts.append(_braced(text[here + 1 : end], variables, depth))
            here = end + 1
        else:
            parts.append("$")
    return "".join([*parts, text[here:]])


def _closings(text: str) -> Mapping[int, int]:
    """Where each brace is closed; defaults may have variables of their own. In one go, as there may be thousands."""
    found, open_ = {}, []
    for match in _BRACE.finditer(text):
        if match[0] == "{":
            open_.append(match.start())
        elif open_:
            found[open_.pop()] = match.start()
    return found


def _braced(inner: str, variables: Mapping[str, str], depth: int) -> str:
    match = _NAME.match(inner)
    if match is None:
        return "${" + inner + "}"
    value, rest = variables.get(match[0]), inner[match.end() :]
    empty_counts = rest.startswith(":")
    operator, word = rest.removeprefix(":")[:1], rest.removeprefix(":")[1:]
    is_set = value is not None and (value != "" or not empty_counts)
    if operator == "-" and not is_set:
        return interpolate(word, variables, depth + 1)
    if operator == "+":
        return interpolate(word, variables, depth + 1) if is_set else ""
    return UNSET if value is None else value


def interpolated(value: Any, variables: Mapping[str, str], made: dict[int, Any] | None = None) -> Any:
    """A tree of values; keys stay as they are. What is shared stays shared, so that aliases cost nothing."""
    made = {} if made is None else made
    if isinstance(value, str):
        return interpolate(value, variables)
    if id(value) in made:
        return made[id(value)]
    if isinstance(value, Mapped):
        mapped = made[id(value)] = Mapped()
        mapped.replaces = value.replaces
        mapped.places = value.places
        mapped.update({key: interpolated(inner, variables, made) for key, inner in value.items()})
        return mapped
    if isinstance(value, Listed):
        listed = made[id(value)] = Listed(interpolated(inner, variables, made) for inner in value)
        listed.places, listed.replaces = value.places, value.replaces
        return listed
    return value


def read_env(content: str) -> dict[str, tuple[str, int]]:
    """The variables of a .env file with their lines; one may use those above it."""
    found: dict[str, tuple[str, int]] = {}
    values: dict[str, str] = {}
    for line, written in enumerate(content.splitlines(), 1):
        match = re.fullmatch(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=(.*)", written)
        if match is None:
            continue
        name, value = match[1], match[2].strip()
        if quoted := re.match(r"'([^']*)'", value):
            found[name], values[name] = (quoted[1], line), quoted[1]
            continue
        double = re.match(r'"((?:[^"\\]|\\.)*)"', value)
        plain = double[1] if double else re.split(r"(?:^|\s)#", value, maxsplit=1)[0].rstrip()
        values[name] = interpolate(plain, values)
        found[name] = values[name], line
    return found
