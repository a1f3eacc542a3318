"""YAML as we write it: a service is a block, a call is a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import yaml

from brownout_core.safe_text import json_text

_BLOCKS: Final = (("services",), ("external",), ("flows",), ("flows",), ("services", "*"), ("external", "*"),
                  ("services", "*", "calls"), ("external", "*", "calls"))  # fmt: skip
"""The mappings that have a line for each entry; `*` is any name."""


@cache
def scalar(value: str | int | float | bool | None) -> str:
    """As it is written in a mapping, in quotes only where it has to be."""
    if value is None:
        return "null"
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        plain = yaml.load(f"{{{value}: {value}}}", Loader=yaml.SafeLoader) == {value: value}
    except (yaml.YAMLError, ValueError, TypeError):
        plain = False
    calm = value.isascii() and value.isprintable() and value == value.strip() and not set(value) & set("#'\"|&*!%@`\\")
    return value if plain and calm else json_text(value, indent=None)


def flow(value: Any) -> str:
    """On one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def lines(key: str, value: Any, path: tuple[str, ...], indent: int) -> Iterator[str]:
    """An entry of the mapping at `path`, as lines without their ends."""
    here = (*path, key)
    margin = " " * indent
    if isinstance(value, Mapping) and value and is_block(here):
        yield f"{margin}{scalar(key)}:"
        for inner, content in value.items():
            yield from lines(inner, content, here, indent + 2)
    elif value in ({}, None):
        yield f"{margin}{scalar(key)}:"
    else:
        yield f"{margin}{scalar(key)}: {flow(value)}"


def is_block(path: tuple[str, ...]) -> bool:
    shape = tuple(step if place % 2 == 0 else "*" for place, step in enumerate(path))
    return shape in _BLOCKS


def document(content: Mapping[str, Any], header: str) -> str:
    """A whole file."""
    comments = [f"# {line}".rstrip() for line in header.splitlines()]
    body = [line for key, value in content.items() for line in lines(key, value, (), 0)]
    return "\n".join([*comments, *body]) + "\n"
