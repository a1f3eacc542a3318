"""Entries added to the mappings of a YAML text, which otherwise stays as it is, to the byte.

A list of names becomes a mapping where a new name has content: `[a, b]` to `{a, b, c: ...}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import yaml

from brownout_catalogue.importers.yaml.architecture_file import flow, lines, scalar
from brownout_core.errors import InvalidSpec


class Addition(NamedTuple):
    """`key: value` for the mapping at `path`, which is there or null."""

    path: tuple[str, ...]
    key: str
    value: Any


class _Edit(NamedTuple):
    start: int
    depth: int
    """Of two at one place, the inner one comes first."""
    order: int
    end: int
    replacement: str


def add(text: str, additions: Sequence[Addition], file: str) -> str:
    """Raises InvalidSpec where an entry cannot be added without touching more than it."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode), "an architecture that was read is a mapping"
    editor = _Editor(text, root, file)
    groups: dict[tuple[str, ...], list[Addition]] = {}
    for addition in _folded(root, additions):
        groups.setdefault(addition.path, []).append(addition)
    for path, group in groups.items():
        editor.extend(path, group)
    return editor.result()


def _folded(root: yaml.MappingNode, additions: Sequence[Addition]) -> list[Addition]:
    """The content of a name in a list, as one addition to that list."""
    found: dict[tuple[tuple[str, ...], str], Addition] = {}
    for addition in additions:
        depth = _named_at(root, addition.path)
        if depth is None:
            found[addition.path, addition.key] = addition
            continue
        path, name = addition.path[:depth], addition.path[depth]
        whole = found.setdefault((path, name), Addition(path, name, {}))
        inner = whole.value
        for step in addition.path[depth + 1 :]:
            inner = inner.setdefault(step, {})
        inner[addition.key] = addition.value
    return list(found.values())


def _named_at(root: yaml.Node, path: tuple[str, ...]) -> int | None:
    """Where on the way there is a list of names in place of a mapping."""
    node = root
    for depth, step in enumerate(path):
        if isinstance(node, yaml.SequenceNode):
            return depth
        assert isinstance(node, yaml.MappingNode)
        node = next(value for key, value in node.value if key.value == step)
    return None


class _Editor:
    def __init__(self, text: str, root: yaml.MappingNode, file: str) -> None:
        self._text = text
        self._root = root
        self._file = file
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._used = Counter(id(node) for node in _nodes(root))
        self._edits: list[_Edit] = []

    def result(self) -> str:
        text = self._text
        for edit in sorted(self._edits, reverse=True, key=lambda one: (one.start, -one.depth, one.order)):
            text = text[: edit.start] + edit.replacement + text[edit.end :]
        return text

    def extend(self, path: tuple[str, ...], group: Sequence[Addition]) -> None:
        outer: yaml.MappingNode | None = None
        key: yaml.Node | None = None
        node: yaml.Node = self._root
        for step in path:
            assert isinstance(node, yaml.MappingNode)
            outer = node
            key, node = next((key, value) for key, value in node.value if key.value == step)
            if self._used[id(node)] > 1 or node.start_mark.index < key.start_mark.index:
                place = f"{self._file}:{key.start_mark.line + 1}"
                names = ", ".join(one.key for one in group)
                raise InvalidSpec(place, f"{'.'.join(path)} is an alias or has one; write {names} there by hand")
        depth = len(path)
        if isinstance(node, yaml.MappingNode) and node.value:
            self._into_mapping(node, path, group)
        elif isinstance(node, yaml.SequenceNode) and node.value:
            self._into_names(node, path, group)
        elif node.start_mark.index == node.end_mark.index and outer is not None and not outer.flow_style:
            assert key is not None
            self._insert(self._line_end(key.end_mark.index), depth, path, group, key.start_mark.column + 2)
        else:  # {}, [], null, ~, or nothing inside of braces
            content = flow({one.key: one.value for one in group})
            gap = "" if self._text[node.start_mark.index - 1 : node.start_mark.index].isspace() else " "
            self._edit(node.start_mark.index, depth, node.end_mark.index, gap + content)

    def _into_mapping(self, node: yaml.MappingNode, path: tuple[str, ...], group: Sequence[Addition]) -> None:
        key, value = node.value[-1]
        if node.flow_style:
            self._into_braces(key, value, len(path), group)
        else:
            end = _end(key, value)
            # A block scalar ends at the beginning of the line after it.
            place = end if end and self._text[end - 1 : end] == "\n" else self._line_end(end)
            self._insert(place, len(path), path, group, node.start_mark.column)

    def _into_braces(self, key: yaml.Node, value: yaml.Node | None, depth: int, group: Sequence[Addition]) -> None:
        last = key if value is None else value
        end = _end(key, value)
        empty = last.start_mark.index == last.end_mark.index  # `{redis: }`
        content = ", ".join(f"{scalar(one.key)}: {flow(one.value)}" for one in group)
        self._edit(end, depth, end, f"{' ' if empty else ''}, {content}")

    def _into_names(self, node: yaml.SequenceNode, path: tuple[str, ...], group: Sequence[Addition]) -> None:
        depth = len(path)
        items = {item.value: item for item in node.value}
        described = {one.key: one for one in group if one.key in items}
        new = [one for one in group if one.key not in items]
        if node.flow_style:
            self._edit(node.start_mark.index, depth, node.start_mark.index + 1, "{")
            for name, one in described.items():
                self._edit(items[name].end_mark.index, depth + 1, items[name].end_mark.index, f": {flow(one.value)}")
            if new:
                self._into_braces(node.value[-1], None, depth, new)
            self._edit(node.end_mark.index - 1, depth, node.end_mark.index, "}")
            return
        for name, item in items.items():
            dash = self._text.rindex("-", 0, item.start_mark.index)
            self._edit(dash, depth, item.start_mark.index, "  ")
            self._edit(item.end_mark.index, depth + 1, item.end_mark.index, ":")
            if name in described:
                inner = [Addition((*path, name), key, value) for key, value in described[name].value.items()]
                self._insert(self._line_end(item.end_mark.index), depth + 1, (*path, name), inner, _column(node) + 4)
        if new:
            self._insert(self._line_end(node.value[-1].end_mark.index), depth, path, new, _column(node) + 2)

    def _insert(self, place: int, depth: int, path: tuple[str, ...], group: Sequence[Addition], indent: int) -> None:
        """Whole lines, at the beginning of a line or the end of the text."""
        written = [line for one in group for line in lines(one.key, one.value, path, indent)]
        block = "".join(line + self._newline for line in written)
        if place and self._text[place - 1] != "\n":
            block = self._newline + block.removesuffix(self._newline)
        self._edit(place, depth, place, block)

    def _edit(self, start: int, depth: int, end: int, replacement: str) -> None:
        self._edits.append(_Edit(start, depth, len(self._edits), end, replacement))

    def _line_end(self, index: int) -> int:
        """Where the next line begins."""
        newline = self._text.find("\n", index)
        return len(self._text) if newline < 0 else newline + 1


def _column(node: yaml.Node) -> int:
    return int(node.start_mark.column)


def _nodes(node: yaml.Node, seen: set[int] | None = None) -> Iterator[yaml.Node]:
    """Every use of a node; what is inside of a node that is used twice is met once."""
    seen = set() if seen is None else seen
    yield node
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _nodes(key, seen)
            yield from _nodes(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _nodes(item, seen)


def _end(key: yaml.Node, value: yaml.Node | None) -> int:
    """Where the last thing of an entry ends: a block's own end is where the next one begins."""
    if value is None or value.start_mark.index < key.start_mark.index:  # nothing, or an alias
        return int(key.end_mark.index)
    if not isinstance(value, yaml.CollectionNode) or value.flow_style or not value.value:
        return int(value.end_mark.index)
    last = value.value[-1]
    return _end(*last) if isinstance(value, yaml.MappingNode) else _end(last, last)
