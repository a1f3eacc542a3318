"""Whether a person changed a file that the catalogue wrote, and which of its values the catalogue would now change.

Comment lines at the end of the file hold its scenario, a digest of the text as it was written, and a digest of each
value. They allow a three-way comparison with only two texts at hand: a person's 3 s for our 4 s is no drift as long as
the catalogue still computes 4 s.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from brownout_catalogue.importers.yaml.architecture_file import flow
from brownout_core import document
from brownout_core.errors import InvalidSpec

_MARK: Final = re.compile(r"^# brownout: (?P<of>.+) as (?P<digest>[0-9a-f]{16})$", re.MULTILINE)
_VALUES: Final = re.compile(r"^# values: (?P<values>[0-9a-f ]*)$", re.MULTILINE)
_INPUTS: Final = re.compile(r"^# given: (?P<inputs>\{.*\})$", re.MULTILINE)
_KEEP: Final = re.compile(r"^# keep: (.+)$", re.MULTILINE)
PASSING: Final = "# now: "
"""Begins a comment that holds for one day only, such as a rank: a change of it alone rewrites no file."""


class Drift(NamedTuple):
    """A value that the catalogue would now write, and did not when it wrote the file."""

    path: str
    here: str
    now: str
    """Empty where the architecture no longer has a value."""

    def __str__(self) -> str:
        here = f"file {self.here}" if self.here else "not in the file"
        return f"{self.path}: {here}, the architecture now gives {self.now or 'nothing'}"


class Marked(NamedTuple):
    """How a file was made, read from its marks."""

    of: str
    digest: str
    values: frozenset[str]
    inputs: Mapping[str, Any]
    """The inputs besides the architecture, so that the file can be made again without them at hand."""


def marked(of: str, text: str, inputs: Mapping[str, Any]) -> str:
    """The text of a file about `of`, with the marks that later comparisons need."""
    values = " ".join(sorted(_digest(f"{path}={value}", 6) for path, value in leaves(text).items()))
    inputs_line = f"# given: {json.dumps(inputs, sort_keys=True)}\n" if inputs else ""
    text = f"{_plain(text).rstrip()}\n"
    return f"{text}\n# brownout: {of} as {_digest(text, 16)}\n# values: {values}\n{inputs_line}"


def mark(text: str) -> Marked | None:
    """None for a file that the catalogue did not write, or that has lost its marks."""
    text = _plain(text)
    found, values = _MARK.search(text), _VALUES.search(text)
    if found is None:
        return None
    inputs: Any = {}
    if match := _INPUTS.search(text):
        with contextlib.suppress(ValueError):  # a person edited the line
            inputs = json.loads(match["inputs"])
    before = frozenset(values["values"].split() if values else ())
    return Marked(found["of"], found["digest"], before, inputs if isinstance(inputs, dict) else {})


def is_untouched(text: str) -> bool:
    """Whether the file is as it was written, comments included; line ends do not count."""
    known = mark(text)
    return known is not None and known.digest == _digest(unmarked(text), 16)


def unmarked(text: str) -> str:
    text = _plain(text)
    for pattern in (_MARK, _VALUES, _INPUTS):
        text = pattern.sub("", text)
    return f"{text.rstrip()}\n"


def same(text: str, other: str) -> bool:
    """Whether two texts are equal but for comments that hold for one day only."""
    return _lasting(text) == _lasting(other)


def drifts(text: str, fresh: str) -> tuple[Drift, ...]:
    """The values that would differ if the file were written today, but for those that its `# keep: PATH` lines name.

    Raises InvalidSpec for a file that cannot be read.
    """
    known = mark(text)
    before = known.values if known is not None else frozenset()
    here, now = leaves(text), leaves(fresh)
    kept = {path.strip() for line in _KEEP.findall(_plain(text)) for path in line.split(",")}
    found = []
    for path, value in now.items():
        if _digest(f"{path}={value}", 6) not in before and here.get(path) != value:
            found.append(Drift(path, here.get(path, ""), value))
    for path, value in here.items():
        if path not in now and _digest(f"{path}={value}", 6) in before:
            found.append(Drift(path, value, ""))
    return tuple(one for one in found if not any(one.path == path or one.path.startswith(f"{path}.") for path in kept))


def leaves(text: str, file: str = "") -> Mapping[str, str]:
    """Every value of a file by its path, as written; entries of lists are addressed by name. Raises InvalidSpec."""
    root = document.parse(text, file)
    return dict(_leaves(root.plain(), "")) if root is not None and not root.is_null else {}


def _leaves(content: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(content, (list, tuple)) and content and all(isinstance(one, Mapping) for one in content):
        for place, one in enumerate(content):
            yield from _leaves(one, f"{path}[{one.get('name', place)}]")
    else:
        yield path, flow(content)


def mentions(error: InvalidSpec) -> str:
    """The mistake with its line; the caller names the file."""
    row = error.path.rpartition(":")[2]
    return f"cannot be read: {f'line {row}: ' if row.isdecimal() else ''}{error.reason}"


def _lasting(text: str) -> str:
    return "\n".join(line for line in unmarked(text).splitlines() if not line.startswith(PASSING))


def _plain(text: str) -> str:
    """Git may convert line ends, and editors may add a byte order mark."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:length]
