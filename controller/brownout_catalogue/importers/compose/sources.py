"""Calls in the source of a compose service, and in the files that it mounts."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from brownout_catalogue.architecture import STORES
from brownout_catalogue.importers.code import Mention, Names, files_below, is_read, libraries, mentions, mentions_in
from brownout_catalogue.importers.compose.interpolation import UNSET
from brownout_catalogue.importers.imported import Evidence, Imported, Strength
from brownout_catalogue.importers.source import Mapped, Place, entries, mapping, place_of, text

_MAX_MOUNTED: Final = 200  # files of a mounted folder
_ADDRESS_BOOK: Final = 3
"""Services that mount a file which names them, from which on it is a list of everybody."""

Hosts = Mapping[str, str]


def read_sources(found: Imported, services: Mapped, hosts: Hosts, published: Mapping[int, str]) -> None:
    """Adds the calls to components that are named in source folders and mounted files."""
    names = Names(hosts, published)
    homes = {name: _home(services, name) for name in services}
    folders = {name: source_folder(name, service, homes[name]) for name, service in services.items()}
    built = Counter(folder for folder in folders.values() if folder is not None)
    books = _address_books(services, homes, names)
    for name, service in services.items():
        if found.services[name].seen_as in STORES:
            continue  # a store calls nobody
        variables = {key: text(value) for key, value in mapping(service.get("environment")).items()}
        for path in mounted_files(service, homes[name]):
            if path not in books:
                _add(found, name, mentions(path, names, variables), "a mounted file has", Strength.STRONG)
        for index, config in enumerate(entries(service.get("configs"))):
            place = place_of(service.get("configs"), index)
            content = text(mapping(config).get("content"))
            if content is not None and place is not None:
                inside = Place(place.file, place.line + 1)  # the text begins below its key
                _add(found, name, mentions_in(content, inside, names, variables), "a config has", Strength.STRONG)
        folder = folders[name]
        if folder is None:
            continue
        strength = Strength.LIKELY if built[folder] == 1 else Strength.WEAK
        for path in files_below(folder):
            owner = _configured(found, name, path, hosts)
            if owner is not None:
                _add(found, owner, mentions(path, names, variables), "its source has", strength)
        for technology, place in libraries(folder):
            sink = _only(found, technology)
            if sink is not None:
                found.call(name, sink, Evidence(Strength.WEAK, f"a client library for {technology}", place))


def _add(found: Imported, name: str, mentioned: Iterator[Mention], what: str, strength: Strength) -> None:
    for one in mentioned:
        sure = strength if one.is_address else Strength.WEAK
        found.call(name, one.component, Evidence(sure, f"{what} {one.spelled}", one.place, one.port))


def _configured(found: Imported, name: str, path: Path, hosts: Hosts) -> str | None:
    """Whose settings a file has: a configuration server has a file for each of its clients, named after it."""
    stem = path.name.partition(".")[0].lower()
    if "config" not in name or path.suffix not in (".yml", ".yaml", ".properties"):
        return name
    owner = hosts.get(stem)
    # What is for all of them is not what each of them needs.
    return owner if owner is not None else (None if stem == "application" and "shared" in path.parts else name)


def _only(found: Imported, technology: str) -> str | None:
    """The one component that is of a technology."""
    known = [
        name
        for name, one in found.services.items()
        if (one.is_registry if technology == "registry" else technology in f"{name} {one.image or ''}")
    ]
    return known[0] if len(known) == 1 else None


def _home(services: Mapped, name: str) -> Path:
    """The folder of the file that a service is in."""
    place = place_of(services, name)
    return Path(".") if place is None else Path(place.file).parent


def source_folder(name: str, service: Mapping[str, Any], home: Path) -> Path | None:
    """The folder that it is built from, or one beside the file that has its name."""
    build = mapping(service.get("build"))
    if build:
        context = text(build.get("context"))
        if context is None:
            return None
        folder = Path(context)
        dockerfile = text(build.get("dockerfile"))
        if dockerfile is not None and UNSET not in dockerfile:
            inner = (folder / dockerfile).parent
            # Many services are built from the root of a repository, each by a Dockerfile of its own.
            folder = inner if _is_above(folder, home) else folder
        return folder if os.path.isdir(folder) and not _is_above(folder, home) else None
    image = re.split(r"[:@]", (text(service.get("image")) or "").rpartition("/")[2])[0]
    for folder in (home / name, home / image, home / "src" / name):
        if name and image and os.path.isdir(folder) and not _is_above(folder, home):
            return folder
    return None


def _is_above(folder: Path, home: Path) -> bool:
    """Whether a folder has the compose file in it, and so everybody's source."""
    return folder.resolve() == home.resolve() or _is_below(home, folder)


def _is_below(path: Path, folder: Path) -> bool:
    return folder.resolve() in path.resolve().parents


def mounted_files(service: Mapping[str, Any], home: Path) -> Iterator[Path]:
    """The files of this machine that a service mounts."""
    for config in entries(service.get("configs")):
        written = text(mapping(config).get("file"))
        if written is not None and UNSET not in written and os.path.isfile(written):
            yield Path(written)
    for volume in entries(service.get("volumes")):
        source = (
            text(mapping(volume).get("source"))
            if isinstance(volume, Mapping)
            else (text(volume) or "").partition(":")[0]
        )
        if not source or UNSET in source or (not Path(source).is_absolute() and not source.startswith(".")):
            continue
        path = home / source
        if os.path.isfile(path) and is_read(path):
            yield path
        elif os.path.isdir(path) and _is_below(path, home):  # a home or / is nobody's configuration
            for index, inner in enumerate(files_below(path)):
                if index < _MAX_MOUNTED:
                    yield inner


def _address_books(services: Mapped, homes: Mapping[str, Path], names: Names) -> frozenset[Path]:
    """Files that several services mount and that name them: where each one is, not who calls whom."""
    mounted: dict[Path, set[str]] = {}
    for name, service in services.items():
        for path in mounted_files(service, homes[name]):
            mounted.setdefault(path, set()).add(name)
    return frozenset(
        path
        for path, users in mounted.items()
        if len(users) >= _ADDRESS_BOOK and len(users & {one.component for one in mentions(path, names, {})}) > 1
    )
