"""How much of a real system an import finds: truth files against checkouts.

A truth file (tests/catalogue/importers/truth/NAME.yaml) has the repository, its commit, the files to import in order,
the names of the services and the calls between them, as a person has read them from the system's own files. Checkouts
stand under one folder as OWNER+NAME, and no part of them is kept here:

    BROWNOUT_SYSTEMS=DIR python -m tools.import_truth [DIR] [NAME ...] [--calls]
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from brownout_catalogue.importers.compose.reader import read_compose
from brownout_catalogue.importers.imported import Imported
from brownout_catalogue.importers.kubernetes.manifests import read_manifests
from brownout_catalogue.importers.kubernetes.reader import read_kubernetes
from brownout_core import document

TRUTHS: Final = Path(__file__).parents[1] / "tests/catalogue/importers/truth"
FOLDER_VARIABLE: Final = "BROWNOUT_SYSTEMS"
_KEYS: Final = {"repository", "commit", "kind", "files", "profiles", "services", "external", "calls", "entries"}
_OPTIONAL: Final = {"profiles", "external"}


class Truth(NamedTuple):
    """What is so, by the system's own files."""

    name: str
    repository: str
    commit: str
    kind: str
    files: tuple[str, ...]
    profiles: tuple[str, ...]
    services: frozenset[str]
    external: frozenset[str]
    calls: frozenset[str]
    """Each as `caller -> callee`."""
    entries: tuple[str, ...]
    """Services by which requests of users come in."""

    def folder(self, systems: Path) -> Path:
        return systems / self.repository.replace("/", "+")


class Measure(NamedTuple):
    """What an import has found of a truth."""

    truth: Truth
    components: int
    found: frozenset[str]
    strengths: Mapping[str, str]
    unnamed: frozenset[str]
    """Services of the truth that the import does not have."""
    invented: frozenset[str]
    """Services that the import has and the truth does not."""
    entries: frozenset[str]

    @property
    def right(self) -> frozenset[str]:
        return self.found & self.truth.calls

    @property
    def missed(self) -> frozenset[str]:
        return self.truth.calls - self.found

    @property
    def false(self) -> frozenset[str]:
        return self.found - self.truth.calls


def read_truth(path: Path) -> Truth:
    """Raises ValueError for a file that is not of the form, naming what is wrong; Unavailable, InvalidSpec."""
    value = document.read(path)
    content = value.plain() if value is not None else None
    if not isinstance(content, dict) or not _KEYS - _OPTIONAL <= set(content) <= _KEYS:
        raise ValueError(f"{path}: needs the keys {', '.join(sorted(_KEYS - _OPTIONAL))}")
    services = frozenset(content["services"])
    external = frozenset(content.get("external", ()))
    calls = [f"{source} -> {sink}" for source, sinks in content["calls"].items() for sink in sinks]
    strange = {end for call in calls for end in call.split(" -> ")} - services - external
    if strange:
        raise ValueError(f"{path}: calls name {', '.join(sorted(strange))}, which are no services")
    if len(calls) != len(set(calls)):
        raise ValueError(f"{path}: has a call twice")
    if not set(content["entries"]) <= services:
        raise ValueError(f"{path}: an entry is no service")
    if content["kind"] not in ("compose", "kubernetes"):
        raise ValueError(f"{path}: kind is compose or kubernetes")
    return Truth(
        name=path.stem,
        repository=content["repository"],
        commit=content["commit"],
        kind=content["kind"],
        files=tuple(content["files"]),
        profiles=tuple(content.get("profiles", ())),
        services=services,
        external=external,
        calls=frozenset(calls),
        entries=tuple(content["entries"]),
    )


def truths(names: Iterable[str] = ()) -> list[Truth]:
    wanted = set(names)
    return [read_truth(path) for path in sorted(TRUTHS.glob("*.yaml")) if not wanted or path.stem in wanted]


def imported(truth: Truth, systems: Path) -> Imported:
    """Raises InvalidSpec, Unavailable."""
    paths = [truth.folder(systems) / name for name in truth.files]
    if truth.kind == "compose":
        return read_compose(paths, (), truth.profiles)
    found = Imported(truth.name)
    return read_kubernetes(found, read_manifests(paths, io.BytesIO(), found.note))


def measure(truth: Truth, systems: Path) -> Measure:
    """Raises InvalidSpec, Unavailable."""
    result = imported(truth, systems)
    strengths = {f"{edge.source} -> {edge.sink}": edge.guess for edge in result.edges()}
    services = frozenset(result.services)
    return Measure(
        truth,
        len(services),
        frozenset(strengths),
        strengths,
        truth.services - services,
        services - truth.services,
        frozenset(result.entries),
    )


class Totals(NamedTuple):
    components: int
    calls: int
    right: int
    missed: int
    false: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.false) if self.right + self.false else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.calls if self.calls else 1.0

    def row(self, name: str, commit: str) -> str:
        counts = f"{self.components} | {self.calls} | {self.right} | {self.missed} | {self.false}"
        return f"| {name} | {commit} | {counts} | {self.precision:.0%} | {self.recall:.0%} |"


def totals(measures: Sequence[Measure]) -> Totals:
    return Totals(
        sum(one.components for one in measures),
        sum(len(one.truth.calls) for one in measures),
        sum(len(one.right) for one in measures),
        sum(len(one.missed) for one in measures),
        sum(len(one.false) for one in measures),
    )


def table(measures: Sequence[Measure]) -> str:
    """As docs/importing.md has it."""
    rows = [totals([one]).row(f"{one.truth.name}: {one.truth.repository}", one.truth.commit[:12]) for one in measures]
    head = "| system | commit | components | calls | found | missed | false | precision | recall |"
    return "\n".join([head, "| --- " * 9 + "|", *rows, totals(measures).row("all", "")])


def detail(one: Measure) -> str:
    """Every call that is missed or false, with its evidence."""
    lines = [f"== {one.truth.name}"]
    lines += [f"  no component: {name}" for name in sorted(one.unnamed)]
    lines += [f"  not in the truth: {name}" for name in sorted(one.invented)]
    lines += [f"  entries: {', '.join(sorted(one.entries))}; by the truth: {', '.join(sorted(one.truth.entries))}"]
    lines += [f"  missed: {call}" for call in sorted(one.missed)]
    lines += [f"  false: {call}: {one.strengths[call]}" for call in sorted(one.false)]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    words = [word for word in arguments if not word.startswith("-")]
    folder = os.environ.get(FOLDER_VARIABLE) or (words.pop(0) if words else None)
    if folder is None:
        print(f"name the folder of the checkouts, or set {FOLDER_VARIABLE}", file=sys.stderr)
        return 2
    systems = Path(folder)
    measures = []
    for truth in truths(words):
        if truth.folder(systems).is_dir():
            measures.append(measure(truth, systems))
        else:
            print(f"left out: {truth.folder(systems)} is no folder", file=sys.stderr)
    if "--calls" in arguments:
        print("\n".join(detail(one) for one in measures))
    print(table(measures))
    right = sum(len(one.entries & set(one.truth.entries)) for one in measures)
    every = sum(len(one.truth.entries) for one in measures)
    print(f"entries: {right} of {every} found, {sum(len(one.entries) for one in measures) - right} others")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
