"""Compose files as one model: overrides, `extends`, `include`, profiles and variables worked out, as compose does.

Lists that stand for mappings (environment, depends_on, networks) become mappings, as only these can be merged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from brownout_catalogue.importers.compose.interpolation import UNSET, interpolated, read_env
from brownout_catalogue.importers.source import (
    RESET,
    Listed,
    Mapped,
    Place,
    documents,
    entries,
    mapping,
    place_of,
    read_text,
    text,
)
from brownout_core.errors import InvalidSpec, Unavailable

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_USUAL: Final = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_REPLACED: Final = frozenset(("command", "entrypoint", "test"))
"""Lists that an override replaces; others grow."""
_REMOTE: Final = re.compile(r"(?:oci|https?|git|ssh)://|git@|.+\.git(?:#|$)")

Note = Callable[[str], None]


def load(files: Sequence[Path], env_files: Sequence[Path], profiles: Collection[str], note: Note) -> Mapped:
    """The services of several files, of which later ones win. Raises InvalidSpec, Unavailable."""
    home = files[0] if os.path.isdir(files[0]) else files[0].parent
    variables = _variables(env_files or [home / ".env"], required=bool(env_files))
    profiles = profiles or frozenset(filter(None, re.split(r"[,\s]+", variables.get("COMPOSE_PROFILES", ""))))
    files = [file for path in files for file in (default_files(path, variables) if os.path.isdir(path) else [path])]
    services = Mapped()
    for file in files:
        services = _over(services, _Files(variables, note).services(file, ()))
    return _chosen(services, profiles, note)


def default_files(folder: Path, variables: Mapping[str, str]) -> list[Path]:
    """What compose reads in a folder: COMPOSE_FILE, or the usual file and its override. Raises InvalidSpec."""
    named = variables.get("COMPOSE_FILE")
    if named:
        separator = variables.get("COMPOSE_PATH_SEPARATOR") or (";" if ";" in named else ":")
        return [folder / name for name in named.split(separator) if name]
    for name in _USUAL:
        if (folder / name).is_file():
            stem, _, ending = name.rpartition(".")
            overrides = (folder / f"{stem}.override.{end}" for end in (ending, "yaml" if ending == "yml" else "yml"))
            return [folder / name, *(path for path in overrides if path.is_file())][:2]
    raise InvalidSpec(str(folder), f"has no compose file; name one, such as {_USUAL[0]}")


def _variables(files: Sequence[Path], *, required: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        if required or file.is_file():
            found |= {name: value for name, (value, _) in read_env(read_text(file)).items()}
    return found


def _chosen(services: Mapped, profiles: Collection[str], note: Note) -> Mapped:
    """Those that the profiles start."""
    chosen, left = Mapped(), {}
    for name, service in services.items():
        wanted = [str(profile) for profile in entries(service.get("profiles"))]
        if not wanted or "*" in profiles or not profiles.isdisjoint(wanted):  # type: ignore[attr-defined]
            chosen.put(name, service, place_of(services, name))
        else:
            left[name] = wanted[0]
    if left:
        names = ", ".join(left)
        one = next(iter(left.values()))
        note(f"left out, as {'its' if len(left) == 1 else 'their'} profile is not chosen: {names}; --profile {one}")
    return chosen


class _Files:
    def __init__(self, variables: Mapping[str, str], note: Note) -> None:
        self._variables = variables
        self._note = note

    def services(self, file: Path, above: tuple[Path, ...]) -> Mapped:
        """All services of a file, with what it includes."""
        place = file.resolve()
        if place in above:
            raise InvalidSpec(str(file), "includes itself")
        root = self._root(file)
        found = Mapped()
        for index, entry in enumerate(entries(root.get("include"))):
            found = _over(found, self._included(entry, file, (*above, place), place_of(root["include"], index)))
        raw = root.get("services")
        if raw is not None and not isinstance(raw, Mapped):
            raise InvalidSpec(str(place_of(root, "services", Place(str(file)))), "services must be a mapping")
        own = Mapped()
        for name in raw or ():
            service = self._service(file, name, root, ())
            self._add_configs(service, root, file.parent)
            own.put(name, service, place_of(raw, name))
        return _over(found, own)

    def _add_configs(self, service: Mapped, root: Mapped, folder: Path) -> None:
        """`configs` of a service, each with its file or its content in place of its name."""
        known = mapping(root.get("configs"))
        found = Listed()
        for entry in entries(service.get("configs")):
            name = text(entry) or text(mapping(entry).get("source")) or ""
            config = interpolated(known[name], self._variables) if isinstance(known.get(name), Mapped) else None
            if config is not None:
                file = text(config.get("file"))
                value = {"file": str(folder / file)} if file else {"content": text(config.get("content")) or ""}
                found.append(Mapped(value))
                found.places.append(
                    place_of(known[name], "file" if file else "content", Place(str(folder))) or Place("")
                )
        if found:
            service["configs"] = found

    def _root(self, file: Path) -> Mapped:
        found = documents(read_text(file), str(file))
        if not found:
            raise InvalidSpec(str(file), "is empty; a compose file has services")
        root = found[0]
        if not isinstance(root, Mapped):
            raise InvalidSpec(str(file), "is no compose file: it is no mapping with services")
        if "services" not in root and "include" not in root:
            if "apiVersion" in root or "kind" in root:
                raise InvalidSpec(str(file), "is a Kubernetes manifest; use `brownout import kubernetes`")
            raise InvalidSpec(str(file), "is no compose file: it has no services")
        return root

    def _included(self, entry: Any, file: Path, above: tuple[Path, ...], place: Place | None) -> Mapped:
        paths = entry if isinstance(entry, str) else mapping(entry).get("path")
        folder = mapping(entry).get("project_directory")
        env = mapping(entry).get("env_file")
        found = Mapped()
        for name in [paths] if isinstance(paths, str) else entries(paths):
            name = interpolated(str(name), self._variables)
            if _REMOTE.match(name) or UNSET in name:
                self._note(f"{place or file}: what is included from elsewhere is not read")
                continue
            inner = file.parent / name
            files = [file.parent / str(one) for one in ([env] if isinstance(env, str) else entries(env))]
            files = files or [(file.parent / folder if isinstance(folder, str) else inner.parent) / ".env"]
            variables = _variables(files, required=False) | dict(self._variables)
            try:
                found = _over(found, _Files(variables, self._note).services(inner, above))
            except Unavailable as error:
                raise InvalidSpec(str(place or file), f"includes what cannot be read: {error}") from None
        return found

    def _service(self, file: Path, name: str, root: Mapped, above: tuple[tuple[Path, str], ...]) -> Mapped:
        raw = mapping(root.get("services")).get(name)
        place = place_of(root.get("services"), name, Place(str(file)))
        if not _NAME.fullmatch(name):
            raise InvalidSpec(str(place), "a service's name may have letters, digits, dots, - and _")
        if not isinstance(raw, Mapped):
            if raw is None or raw is RESET:
                return Mapped()
            raise InvalidSpec(str(place), f"service {name} must be a mapping")
        service = self._normal(interpolated(raw, self._variables), file.parent)
        extends = service.pop("extends", None)
        if extends is None:
            return service
        base = text(extends) or text(mapping(extends).get("service"))
        other = text(mapping(extends).get("file"))
        if other is not None and UNSET in other:
            raise InvalidSpec(str(place), f"service {name} extends a file whose name has a variable that nobody sets")
        where = file if other is None else file.parent / other
        if base is None:
            raise InvalidSpec(str(place), f"service {name} extends nothing; name a service")
        if (where.resolve(), base) in above or (where.resolve(), base) == (file.resolve(), name):
            raise InvalidSpec(str(place), f"service {name} extends itself")
        try:
            origin = root if other is None else self._root(where)
        except Unavailable as error:
            raise InvalidSpec(str(place), f"service {name} extends what cannot be read: {error}") from None
        if base not in mapping(origin.get("services")):
            raise InvalidSpec(str(place), f"service {name} extends {base}, which is not in {where}")
        return _over(self._service(where, base, origin, (*above, (file.resolve(), name))), service)

    def _normal(self, service: Mapped, folder: Path) -> Mapped:
        """With mappings for lists that stand for them, and with what the file's place and variables add."""
        for key in ("environment", "depends_on", "networks"):
            if isinstance(listed := service.get(key), Listed):
                service[key] = _named(listed, key)
        if isinstance(environment := service.get("environment"), Mapped):
            for name in [name for name, value in environment.items() if value is None]:
                environment[name] = self._variables.get(name)
        if (build := service.get("build")) is not None:
            context = Mapped(mapping(build)) if isinstance(build, Mapping) else Mapped({"context": build})
            where = text(context.get("context")) or "."
            context["context"] = str(folder / where) if UNSET not in where and not _REMOTE.match(where) else None
            service["build"] = context
        written = service.get("env_file")
        if written is not None:
            names = [text(one) or text(mapping(one).get("path")) for one in _several(written)]
            service["env_file"] = Listed(str(folder / name) for name in names if name and UNSET not in name)
        return service


def _several(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _named(listed: Listed, key: str) -> Mapped:
    """A list of names or of NAME=VALUE as the mapping that it stands for."""
    mapped = Mapped()
    mapped.replaces = listed.replaces
    for index, entry in enumerate(listed):
        name, equals, value = (text(entry) or "").partition("=" if key == "environment" else "\n")
        if name:
            mapped.put(name, value if equals else None, place_of(listed, index))
    return mapped


def _over(base: Mapped, over: Mapped) -> Mapped:
    found = merged(base, over)
    assert isinstance(found, Mapped)
    return found


def merged(base: Any, over: Any, key: str = "") -> Any:
    """`over` on top of `base`, as compose merges files."""
    if isinstance(base, Mapped) and isinstance(over, Mapped) and not over.replaces:
        found = Mapped(base)
        found.places = {**base.places}
        for name, value in over.items():
            if value is RESET:
                found.pop(name, None)
            else:
                found.put(name, merged(base.get(name), value, name), over.places.get(name))
        return found
    if isinstance(base, Listed) and isinstance(over, Listed) and not over.replaces and key not in _REPLACED:
        listed = Listed([*base, *(value for value in over if value not in base)])
        listed.places = [
            *base.places,
            *(one for one, value in zip(over.places, over, strict=False) if value not in base),
        ]
        return listed
    return base if over is None else over
