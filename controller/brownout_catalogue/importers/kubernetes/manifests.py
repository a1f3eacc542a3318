"""Kubernetes manifests as objects: files, folders, standard input.

What is no manifest becomes a note with a remedy. Of a folder with kustomizations only the bases count: overlays,
patches and components change what is there, and have to be built.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from brownout_catalogue.importers.source import (
    LARGEST,
    Mapped,
    Place,
    decode,
    documents,
    entries,
    mapping,
    read_text,
    text,
)
from brownout_core.errors import InvalidSpec, Unavailable

_ENDINGS: Final = (".yaml", ".yml", ".json")
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_PARAMETER: Final = re.compile(r"\$\{\{?([A-Za-z0-9_]+)\}\}?")
_MOST: Final = 5000  # files of a folder

Note = Callable[[str], None]


class Object(NamedTuple):
    """An object of a cluster, and the file that it is from."""

    kind: str
    name: str
    namespace: str | None
    content: Mapping[str, Any]
    place: Place | None = None

    @property
    def title(self) -> str:
        """As kubectl writes it."""
        return f"{self.kind.lower()}/{self.name}"


def read_manifests(paths: Sequence[Path], stdin: BinaryIO, note: Note) -> list[Object]:
    """`-` is standard input. Raises InvalidSpec, Unavailable."""
    found: list[Object] = []
    for path in paths:
        if str(path) == "-":
            found += _of_text(decode(stdin.read(LARGEST + 1), "standard input"), "standard input", note)
        elif path.is_dir():
            found += _of_folder(path, note)
        else:
            found += _of_text(read_text(path), str(path), note)
    return found


def _of_folder(folder: Path, note: Note) -> Iterator[Object]:
    if (folder / "Chart.yaml").exists():
        raise InvalidSpec(str(folder), f"is a Helm chart; {_helm(str(folder))}")
    files = sorted(path for path in folder.rglob("*") if path.suffix in _ENDINGS and path.is_file())
    if not files:
        raise InvalidSpec(str(folder), "has no .yaml, .yml or .json file")
    if len(files) > _MOST:
        raise Unavailable(f"{folder}: has {len(files)} files; name a folder with at most {_MOST}")
    charts = {path.parent for path in files if path.name == "Chart.yaml"}
    for chart in sorted(charts):
        note(f"{chart} is a Helm chart and left out; {_helm(str(chart))}")
    left = _overlays(files, note)
    bad: list[InvalidSpec | Unavailable] = []
    read = 0
    for path in files:
        if not charts.isdisjoint(path.parents) or not left.isdisjoint((path, *path.parents)):
            continue
        try:
            yield from _of_text(read_text(path), str(path), note)
            read += 1
        except (InvalidSpec, Unavailable) as error:
            bad.append(error)
            note(f"{error}; the file is left out")
    if bad and not read:
        raise bad[0]


def _overlays(files: Sequence[Path], note: Note) -> set[Path]:
    """Folders of overlays and components, and files of patches, which are left out."""
    left: set[Path] = set()
    folders: list[str] = []
    for path in files:
        if path.name not in _KUSTOMIZATIONS:
            continue
        kustomization = _kustomization(path)
        bases = [text(one) or "" for key in ("resources", "bases") for one in entries(kustomization.get(key))]
        is_overlay = any((path.parent / base).is_dir() for base in bases) and any(
            not (path.parent / base).resolve().is_relative_to(path.parent.resolve()) for base in bases
        )
        if is_overlay or kustomization.get("kind") == "Component":
            left.add(path.parent)
            folders.append(str(path.parent))
        for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
            for patch in entries(kustomization.get(key)):
                name = text(patch) or text(mapping(patch).get("path"))
                if name is not None and "\n" not in name:
                    left.add(path.parent / name)
    if folders:
        example = folders[0]
        note(
            f"left out, as they change what is in their bases: {', '.join(folders)}; for one of them: "
            f"kubectl kustomize {example} | brownout import kubernetes -"
        )
    return left


def _kustomization(path: Path) -> Mapping[str, Any]:
    try:
        found = documents(read_text(path), str(path))
    except (InvalidSpec, Unavailable):
        return {}
    return mapping(found[0]) if found else {}


def _helm(chart: str) -> str:
    return f"render it: helm template {chart} | brownout import kubernetes -"


def _of_text(content: str, file: str, note: Note) -> list[Object]:
    try:
        found = _json(content) if content.lstrip()[:1] == "{" else None
        found = documents(content, file) if found is None else found
    except InvalidSpec:
        if "{{" in content:
            raise InvalidSpec(file, f"is a template, not YAML; {_helm('CHART')}") from None
        raise
    objects: list[Object] = []
    for value in found:
        objects += _objects(value, file, note)
    return objects


def _json(content: str) -> list[Any] | None:
    """None for what only looks like JSON, as Helm's templates do; YAML's reader has the better words for it."""
    try:
        return [json.loads(content)]
    except (ValueError, RecursionError):
        return None


def _objects(value: Any, file: str, note: Note) -> Iterator[Object]:
    if not isinstance(value, Mapping) or "kind" not in value:
        note(f"{file} has what is no Kubernetes object; it is left out")
        return
    kind = text(value.get("kind")) or ""
    if kind.endswith("List") and isinstance(value.get("items"), list):
        for item in value["items"]:
            if isinstance(item, Mapping) and "kind" not in item and kind != "List":
                item = {"kind": kind.removesuffix("List"), **item}  # the API leaves it out in its lists
            yield from _objects(item, file, note)
        return
    if kind in ("Kustomization", "Component"):
        folder = Path(file).parent
        note(f"{file} is not applied; render it: kubectl kustomize {folder} | brownout import kubernetes -")
        return
    if kind == "Template" and isinstance(value.get("objects"), list):
        yield from _of_template(value, file, note)
        return
    made = as_object(kind, value, _start(value, file))
    if made is not None:
        yield made


def _of_template(value: Mapping[str, Any], file: str, note: Note) -> Iterator[Object]:
    """The objects of an OpenShift Template, with the values that its parameters have by themselves."""
    known = {
        text(mapping(one).get("name")) or "": text(mapping(one).get("value"))
        for one in entries(value.get("parameters"))
    }

    def filled(inner: Any) -> Any:
        if isinstance(inner, str):
            return _PARAMETER.sub(lambda match: known.get(match[1]) or match[0], inner)
        if isinstance(inner, Mapped):
            mapped = Mapped({key: filled(one) for key, one in inner.items()})
            mapped.places = inner.places
            return mapped
        if isinstance(inner, Mapping):
            return {key: filled(one) for key, one in inner.items()}
        return [filled(one) for one in inner] if isinstance(inner, list) else inner

    for item in value["objects"]:
        yield from _objects(filled(item), file, note)


def _start(value: Mapping[str, Any], file: str) -> Place:
    places = getattr(value, "places", {})
    return min(places.values(), default=Place(file))


def as_object(kind: str, value: Mapping[str, Any], place: Place | None = None) -> Object | None:
    """None for what has no name."""
    metadata = value.get("metadata")
    if not isinstance(metadata, Mapping) or not (name := text(metadata.get("name"))):
        return None
    return Object(kind, name, text(metadata.get("namespace")), value, place)
