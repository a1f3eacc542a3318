"""A YAML or JSON file as values that know their place, so that each complaint names file, line and key.

Scalars are kept as they were written: `10:30` is text here, not the number 630 that YAML 1.1 makes of it. What keys
mean is not known here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from brownout_core import limits
from brownout_core.errors import InvalidSpec, Unavailable, os_error_text
from brownout_core.spelling import UnknownKey

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "timestamp", "null", "value"))
_NUMBERS: Final = frozenset((_TAG + "int", _TAG + "float"))
_TRUE: Final = frozenset(("true", "yes", "on"))
_BEYOND: Final = 10**300
_BRACKET: Final = re.compile(r"[][{}]")
_REMEDIES: Final = {
    "'\\t' that cannot": "indent with spaces, not with a tab",
    "that cannot start any token": "put the text in quotes",
    "mapping values are not allowed": "put a text that has ': ' in quotes, or indent the line like those above it",
    "expected a comment or a line break": "put a text that begins with > or | in quotes, like '> 1s'",
    "expected ',' or": "put a text that has any of {}[], in quotes, or close the bracket",
    "expected chomping": "put a text that begins with > or | in quotes, like '> 1s'",
    "expected <block end>": "indent this line like the others of its list or mapping",
    "could not find expected ':'": "a key is followed by a colon and a space",
    "found undefined alias": "a text that begins with * or & needs quotes",
    "expected ' ', but found": "put a text that begins with ! in quotes",
    "unknown tag handle": "put a text that begins with ! in quotes",
}
"""Remedies, by words of PyYAML's message."""


Expand = Callable[[str, "Value"], str]
"""Makes a text what it stands for, for the value that has it. Raises InvalidSpec."""


class Value:
    """One value of a document, with the place that errors name."""

    __slots__ = ("_columns", "_expand", "_mark", "_node", "file", "path")

    def __init__(
        self,
        node: yaml.Node,
        file: str,
        path: str,
        expand: Expand | None = None,
        mark: yaml.Mark | None = None,
        *,
        columns: bool = False,
    ) -> None:
        """`expand` makes each text what it stands for; `mark` is where its key stands, which may be above it; with
        `columns` its place has one."""
        self._node = node
        self._expand = expand
        self._columns = columns
        self._mark = node.start_mark if mark is None else mark
        self.file = file
        self.path = path

    def _inner(self, node: yaml.Node, path: str, mark: yaml.Mark | None = None) -> Value:
        return Value(node, self.file, path, self._expand, mark, columns=self._columns)

    def expanded_by(self, expand: Expand | None) -> Value:
        """The same value, with another function that makes texts what they stand for: nothing is parsed again."""
        return Value(self._node, self.file, self.path, expand, self._mark, columns=self._columns)

    @property
    def place(self) -> str:
        """`brownout.yaml:7: proxies.postgres.listen`, or with a column `pay.yaml:7:3: hypotheses[0].expect`."""
        if self._columns:
            return self.exact_place
        where = f"{self.file}:{self._mark.line + 1}"
        return f"{where}: {self.path}" if self.path else where

    @property
    def position(self) -> tuple[int, int]:
        """Line and column, from 1 on."""
        return self._mark.line + 1, self._mark.column + 1

    @property
    def exact_place(self) -> str:
        """Its place with the column."""
        line, column = self.position
        where = f"{self.file}:{line}:{column}"
        return f"{where}: {self.path}" if self.path else where

    @property
    def span(self) -> tuple[int, int] | None:
        """Where in the document's text a scalar begins and ends; None for what an alias takes from elsewhere."""
        begin, end = self._node.start_mark.index, self._node.end_mark.index
        return (begin, end) if begin >= self._mark.index else None

    def fail(self, reason: str) -> NoReturn:
        raise InvalidSpec(self.place, reason)

    @property
    def is_null(self) -> bool:
        return isinstance(self._node, yaml.ScalarNode) and self._node.tag == _TAG + "null"

    @property
    def is_mapping(self) -> bool:
        return isinstance(self._node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self._node, yaml.SequenceNode)

    def text(self) -> str:
        """The scalar as it was written. Raises InvalidSpec."""
        if not isinstance(self._node, yaml.ScalarNode) or self._node.tag not in _PLAIN or self.is_null:
            tag = str(self._node.tag)
            if isinstance(self._node, yaml.ScalarNode) and not tag.startswith(_TAG):
                self.fail(f"has the tag {tag}; put a text that begins with ! in quotes")
            self.fail(f"must be text, not {self.kind()}")
        # JSON writes what is beyond 16 bits as two escapes, which YAML reads as two characters.
        try:
            text = str(self._node.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.fail("half of a surrogate pair is not text")
        return text if self._expand is None else self._expand(text, self)

    def name(self) -> str:
        """Text by which something is called: none that a log or a terminal would trip over. Raises InvalidSpec."""
        name = self.text()
        if not name:
            self.fail("the name is empty")
        if len(name) > limits.NAME:
            self.fail(f"a name may have {limits.NAME}, and this has {len(name):,}")
        if not name.isprintable():
            self.fail(f"{name!r}: a name may have no control characters")
        return name

    def flag(self) -> bool:
        """Raises InvalidSpec."""
        if self._node.tag != _TAG + "bool":
            self.fail(f"must be true or false, not {self.kind()}")
        return str(self._node.value).lower() in _TRUE

    def items(self, wanted: str) -> list[Value]:
        """The entries of a list. Raises InvalidSpec; `wanted` names what should be there."""
        if not isinstance(self._node, yaml.SequenceNode):
            self.fail(f"must be {wanted}, not {self.kind()}")
        return [self._inner(node, f"{self.path}[{index}]") for index, node in enumerate(self._node.value)]

    def entries(self, wanted: str) -> dict[str, Value]:
        """The values of a mapping by key. Raises InvalidSpec, also for a key that is there twice."""
        if not isinstance(self._node, yaml.MappingNode):
            self.fail(f"must be {wanted}, not {self.kind()}")
        found: dict[str, Value] = {}
        for key_node, node in self._node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._inner(key_node, self.path).fail("a key must be text")
            if key_node.tag == _TAG + "merge":
                self._inner(key_node, self.path).fail("<<: merges nothing here; write the keys out")
            name = self._inner(key_node, self.path).name()
            path = f"{self.path}.{name}" if self.path else name
            value = self._inner(node, path, key_node.start_mark)
            if name in found:
                value.fail("is there twice; remove one")
            found[name] = value
        return found

    def plain(self) -> Any:
        """The value as Python has it: mappings, lists, texts, numbers, flags and None. Raises InvalidSpec."""
        if self.is_mapping:
            return {name: value.plain() for name, value in self.entries("a mapping").items()}
        if self.is_list:
            return [value.plain() for value in self.items("a list")]
        if self.is_null:
            return None
        if self._node.tag == _TAG + "bool":
            return self.flag()
        text = self.text()
        if self._node.tag in _NUMBERS and (number := _number(text)) is not None:
            return number
        return text

    def at(self, path: Sequence[str | int]) -> Value:
        """The value that is there, or the nearest one above it that is."""
        here = self
        for step in path:
            try:
                here = here.items("")[step] if isinstance(step, int) else here.entries("")[step]
            except (InvalidSpec, KeyError, IndexError):
                break
        return here

    def known(self, wanted: str, keys: Collection[str], *, ignoring_case: bool = False) -> dict[str, Value]:
        """Like `entries`, for a mapping whose keys are `keys` and no others. Raises InvalidSpec."""
        found: dict[str, Value] = {}
        for name, value in self.entries(wanted).items():
            key = name.lower() if ignoring_case else name
            if key not in keys:
                raise UnknownKey(value.place, key, keys)
            if key in found:
                value.fail("is there twice; remove one")
            found[key] = value
        return found

    def kind(self) -> str:
        """What it is, for a sentence."""
        if self.is_null:
            return "empty"
        if self.is_mapping:
            return "a mapping"
        if self.is_list:
            return "a list"
        return repr(self._node.value)


def _number(text: str) -> int | float | None:
    """None for what only YAML 1.1 takes for a number, such as 10:30 or 0o17, and for what no float can hold."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if -_BEYOND < number < _BEYOND else None
    return None


def read(path: Path, expand: Expand | None = None, *, columns: bool = False) -> Value | None:
    """The file's one document; None if it is empty. Raises Unavailable, InvalidSpec."""
    return parse(read_text(path), str(path), expand, columns=columns)


def read_text(path: Path) -> str:
    """The file's text. Raises Unavailable, InvalidSpec."""
    try:
        with path.open("rb") as file:
            raw = file.read(limits.FILE + 1)  # /dev/zero has no end
    except OSError as error:
        raise Unavailable(f"{path}: {os_error_text(error)}") from None
    if len(raw) > limits.FILE:
        raise InvalidSpec(str(path), f"is larger than {limits.FILE}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InvalidSpec(f"{path}:{line}", "is not UTF-8 text") from None


def check_depth(text: str, file: str) -> None:
    """Raises InvalidSpec for brackets within brackets beyond the limit, in quotes or not: PyYAML looks at all that are
    open for each token, so that 100 kB of them would take minutes."""
    deep = 0
    for match in _BRACKET.finditer(text):
        deep = deep + 1 if match[0] in "[{" else max(0, deep - 1)
        if deep > limits.DEPTH:
            line = text.count("\n", 0, match.start()) + 1
            raise InvalidSpec(f"{file}:{line}", f"more than {limits.DEPTH} are open here; close them, or nest less")


def parse(text: str, file: str, expand: Expand | None = None, *, columns: bool = False) -> Value | None:
    """The one document in `text`; None if there is none. Raises InvalidSpec, naming `file`."""
    if file.endswith(".json"):
        _check_json(text, file)
    check_depth(text, file)
    if text.lstrip()[:1] in ("[", "{"):
        text = text.replace("\t", " ")  # JSON is YAML but for tabs, and inside its strings none may stand
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" + (f":{mark.column + 1}" if columns else "") if mark else file
        raise InvalidSpec(place, f"is not YAML: {_helpful(error.problem or error.context or '')}") from None
    except (yaml.YAMLError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidSpec(file, f"is not YAML: {reason}") from None
    if node is None:
        return None
    value = Value(node, file, "", expand, columns=columns)
    if _size(node, {}) > limits.VALUES:
        raise InvalidSpec(file, f"its aliases stand for more than {limits.VALUES}, or for themselves; write them out")
    return value


def _helpful(problem: str) -> str:
    remedy = next((remedy for words, remedy in _REMEDIES.items() if words in problem), None)
    return problem if remedy is None else f"{problem}; {remedy}"


def _size(node: yaml.Node, known: dict[int, float]) -> float:
    """How many values it is with aliases written out; infinitely many where one holds itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = math.inf  # until we are back: whoever meets it on the way down is inside it
        inner = (part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,)))
        known[id(node)] = 1 + sum(_size(part, known) for part in inner)
    return known[id(node)]


def _check_json(text: str, file: str) -> None:
    if not text.strip():
        return
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidSpec(f"{file}:{error.lineno}", f"is not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidSpec(file, f"is not JSON: {error}") from None
