"""YAML written for others, as plain values that remember their lines.

Unlike in our own files, merge keys (`<<`), anchors and several documents in a file are everyday here. Every scalar is
text as it was written (`22:22` is a pair of ports, not the number 1342), but nothing is None. Errors never repeat what
is in a file: it may be a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from brownout_core.document import check_depth
from brownout_core.errors import InvalidSpec, Unavailable, os_error_text

LARGEST: Final = 16 * 2**20
"""Bytes that are read of a file; the manifests of a large shop have one."""
_TAG: Final = "tag:yaml.org,2002:"


class Place(NamedTuple):
    """Where something stands; line 0 is a file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Mapped(dict[str, Any]):
    """A mapping that knows where each key stands."""

    def __init__(self, *items: Any) -> None:
        super().__init__(*items)
        self.places: dict[str, Place] = {}
        self.replaces = False
        """Tagged !override: it takes the place of what it would be merged with."""

    def put(self, key: str, value: Any, place: Place | None) -> None:
        self[key] = value
        if place is not None:
            self.places[key] = place


class Listed(list[Any]):
    """A list that knows where each entry stands."""

    def __init__(self, *items: Any) -> None:
        super().__init__(*items)
        self.places: list[Place] = []
        self.replaces = False


class Reset:
    """Tagged !reset: takes away what it would be merged with."""


RESET: Final = Reset()


def place_of(container: object, key: str | int, otherwise: Place | None = None) -> Place | None:
    """Where a key or an entry stands, if the container knows."""
    if isinstance(container, Mapped) and isinstance(key, str):
        return container.places.get(key, otherwise)
    if isinstance(container, Listed) and isinstance(key, int) and key < len(container.places):
        return container.places[key]
    return otherwise


def read_text(path: Path) -> str:
    """Raises Unavailable, InvalidSpec."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise Unavailable(f"{path}: {os_error_text(error)}") from None
    return decode(raw, str(path))


def decode(raw: bytes, file: str) -> str:
    """Raises InvalidSpec."""
    if len(raw) > LARGEST:
        raise InvalidSpec(file, f"is larger than {LARGEST} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InvalidSpec(f"{file}:{line}", "is not UTF-8 text") from None


def documents(text: str, file: str) -> list[Any]:
    """All documents that are not empty. Raises InvalidSpec."""
    check_depth(text, file)
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # Tokens ('<stream end>', ',') are YAML's; names of aliases, anchors and tags are the file's.
        reason = re.sub(r"'([^']*)'", _token, error.problem or error.context or "no YAML")
        raise InvalidSpec(f"{file}:{mark.line + 1}" if mark else file, f"is not YAML: {reason}") from None
    except yaml.YAMLError:
        raise InvalidSpec(file, "is not YAML: it has characters that are not allowed") from None
    except RecursionError:
        raise InvalidSpec(file, "is nested too deeply") from None
    reader = _Reader(file)
    try:
        return [value for value in (reader.value(node) for node in nodes) if value is not None]
    except RecursionError:
        raise InvalidSpec(file, "is nested too deeply") from None


def _token(match: re.Match[str]) -> str:
    return match[0] if re.fullmatch(r".|<[a-z ]+>", match[1]) else "..."


class _Reader:
    """Nodes to values; what an anchor names is made once, so that aliases of aliases cost nothing."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._made: dict[int, Any] = {}
        self._making: set[int] = set()

    def value(self, node: yaml.Node) -> Any:
        if id(node) in self._made:
            return self._made[id(node)]
        if id(node) in self._making:
            raise InvalidSpec(str(self._place(node)), "an alias stands within its own anchor")
        self._making.add(id(node))
        made = self._make(node)
        self._making.discard(id(node))
        self._made[id(node)] = made
        return made

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._file, node.start_mark.line + 1)

    def _make(self, node: yaml.Node) -> Any:
        if node.tag == "!reset":
            return RESET
        if isinstance(node, yaml.MappingNode):
            mapped = Mapped()
            mapped.replaces = node.tag == "!override"
            for key, value, place in self._items(node):
                mapped.put(key, value, place)
            return mapped
        if isinstance(node, yaml.SequenceNode):
            listed = Listed(self.value(item) for item in node.value)
            listed.places = [self._place(item) for item in node.value]
            listed.replaces = node.tag == "!override"
            return listed
        return None if node.tag == _TAG + "null" else str(node.value)

    def _items(self, node: yaml.MappingNode) -> Iterator[tuple[str, Any, Place]]:
        """What is merged in comes first, so that the mapping's own keys win."""
        own = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise InvalidSpec(str(self._place(key)), "a key must be text")
            if key.tag == _TAG + "merge":
                yield from self._merged(value)
            else:
                own.append((str(key.value), self.value(value), self._place(key)))
        yield from own

    def _merged(self, node: yaml.Node) -> Iterator[tuple[str, Any, Place]]:
        # Of several, the first one wins, so it has to come last.
        nodes = reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]
        for inner in nodes:
            value = self.value(inner)
            if not isinstance(value, Mapped):
                raise InvalidSpec(str(self._place(inner)), "<<: can merge only mappings")
            for key in value:
                yield key, value[key], value.places.get(key, self._place(inner))


def mapping(value: object) -> Mapping[str, Any]:
    """A mapping, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def entries(value: object) -> list[Any]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """A scalar as text; JSON has numbers and flags, YAML was read as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


def number(value: object) -> int | None:
    """A whole number that is not negative, whatever it is written in."""
    written = text(value)
    return int(written) if written is not None and re.fullmatch(r"[0-9]{1,9}", written.strip()) else None


def flag(value: object) -> bool | None:
    written = text(value)
    return None if written is None else written.lower() in ("true", "yes", "on", "1")
