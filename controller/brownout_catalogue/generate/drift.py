"""What became of a file that the catalogue once wrote: whether a person has changed it, and what would be said anew.

Comment lines at the end of the file carry all that is needed: which scenario it is of, a digest of the text as it was
written, and one of each of its values. So three versions can be compared, although only two are at hand: a person's 3 s
for a 4 s of ours is no drift, as long as we would still say 4 s.
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
_GIVEN: Final = re.compile(r"^# given: (?P<given>\{.*\})$", re.MULTILINE)
_KEEP: Final = re.compile(r"^# keep: (.+)$", re.MULTILINE)
PASSING: Final = "# now: "
"""Begins a comment that is true on the day only, such as a rank: it alone is no reason to write a file anew."""


class Drift(NamedTuple):
    """A value that the catalogue would now write, and did not when it wrote the file."""

    path: str
    here: str
    now: str
    """Empty where it would say nothing any more."""

    def __str__(self) -> str:
        here = f"file {self.here}" if self.here else "not in the file"
        return f"{self.path}: {here}, the architecture now gives {self.now or 'nothing'}"


class Marked(NamedTuple):
    """What a file says of how it was made."""

    of: str
    digest: str
    values: frozenset[str]
    given: Mapping[str, Any]
    """What it was made with besides the architecture, so that it can be made again when that is not at hand."""


def marked(of: str, text: str, given: Mapping[str, Any]) -> str:
    """The text of a file about `of`, with the marks that tell later what became of it."""
    values = " ".join(sorted(_digest(f"{path}={value}", 6) for path, value in leaves(text).items()))
    told = f"# given: {json.dumps(given, sort_keys=True)}\n" if given else ""
    text = f"{_plain(text).rstrip()}\n"
    return f"{text}\n# brownout: {of} as {_digest(text, 16)}\n# values: {values}\n{told}"


def mark(text: str) -> Marked | None:
    """None for a file that the catalogue did not write, or that has lost its marks."""
    text = _plain(text)
    found, values = _MARK.search(text), _VALUES.search(text)
    if found is None:
        return None
    given: Any = {}
    if match := _GIVEN.search(text):
        with contextlib.suppress(ValueError):  # a person was in it
            given = json.loads(match["given"])
    before = frozenset(values["values"].split() if values else ())
    return Marked(found["of"], found["digest"], before, given if isinstance(given, dict) else {})


def is_untouched(text: str) -> bool:
    """Whether nobody has changed a file since it was written, be it a comment; line ends do not count."""
    known = mark(text)
    return known is not None and known.digest == _digest(unmarked(text), 16)


def unmarked(text: str) -> str:
    text = _plain(text)
    for pattern in (_MARK, _VALUES, _GIVEN):
        text = pattern.sub("", text)
    return f"{text.rstrip()}\n"


def same(text: str, other: str) -> bool:
    """Whether two texts differ in nothing but what is true on the day only."""
    return _lasting(text) == _lasting(other)


def drifts(text: str, fresh: str) -> tuple[Drift, ...]:
    """What the file would say differently if it were written today, but for what its `# keep: PATH` lines name.

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
    """Every value of a file by its path, as it is written; entries of lists go by their name. Raises InvalidSpec."""
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
    """The mistake with its line and without the file, which stands before it already."""
    row = error.path.rpartition(":")[2]
    return f"cannot be read: {f'line {row}: ' if row.isdecimal() else ''}{error.reason}"


def _lasting(text: str) -> str:
    return "\n".join(line for line in unmarked(text).splitlines() if not line.startswith(PASSING))


def _plain(text: str) -> str:
    """Git may turn line ends, and editors add a mark in front."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:length]
