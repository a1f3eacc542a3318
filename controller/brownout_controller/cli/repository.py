"""What `brownout init` finds in a repository: compose files or manifests, its name, and its CI.

It looks two levels deep, reads what is nearest to the root, and names the rest.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from brownout_catalogue.generate.edge_proxies import Machine
from brownout_catalogue.generate.setup_files import Ci
from brownout_catalogue.importers.compose.files import load
from brownout_catalogue.importers.source import Mapped, entries, mapping, number, text
from brownout_core.errors import InvalidSpec

_COMPOSE: Final = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""The names that compose itself looks for."""
_DEPTH: Final = 2
_LEFT_OUT: Final = frozenset(("node_modules", "vendor", "venv", "target", "dist", "build", "test", "tests", "testdata"))
"""Folders of other people's files, of built ones, and of tests."""
_WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet", "Rollout")
_LARGEST: Final = 1 << 20
"""Bytes of a manifest that is looked into for its kind."""


@dataclass(frozen=True)
class Repository:
    """What a repository has."""

    root: Path
    name: str
    compose: Path | None = None
    services: Mapped = field(default_factory=Mapped)
    """Those of the compose file, worked out."""
    manifests: tuple[Path, ...] = ()
    others: tuple[str, ...] = ()
    """What could have been read in place of that, from the root."""
    ci: Ci | None = None
    other_ci: str = ""
    """A CI for which there is no job, by its file."""
    machine: Machine = field(default_factory=Machine)
    """The ports that compose publishes."""


def find_repository(path: Path) -> Repository:
    """The repository at a folder, or the one of a compose file. Raises InvalidSpec, Unavailable."""
    if not path.exists():
        raise InvalidSpec(str(path), "does not exist; name the root of a repository, or a compose file in it")
    if path.is_file():
        root = Path() if path.resolve().is_relative_to(Path.cwd()) else path.parent
        compose_files, folders = [path], []
    else:
        root = path
        compose_files = [folder / name for folder in _folders(root) for name in _COMPOSE if (folder / name).is_file()]
        folders = _manifest_folders(root)
    compose = compose_files[0] if compose_files else None
    read = () if compose is not None or not folders else _topmost(root, folders)
    others = [
        *compose_files[1:],
        *(folder for folder in folders if not any(folder.is_relative_to(one) for one in read)),
    ]
    services = load([compose], (), frozenset(), lambda _: None) if compose is not None else Mapped()
    ci, other_ci = _ci(root)
    return Repository(
        root, _name(root), compose, services, read, tuple(_from(root, one) for one in others), ci, other_ci,
        Machine(published_ports(services), frozenset(_taken(services))),
    )  # fmt: skip


def _folders(root: Path) -> Sequence[Path]:
    """The root and the folders below it, the nearest first, each level by name."""
    found, level = [root], [root]
    for _ in range(_DEPTH):
        level = [
            folder
            for above in level
            for folder in sorted(_listed(above))
            if folder.is_dir() and not folder.name.startswith(".") and folder.name not in _LEFT_OUT
        ]
        found += level
    return found


def _listed(folder: Path) -> Sequence[Path]:
    try:
        return [Path(entry) for entry in os.scandir(folder) if not entry.is_symlink()]
    except OSError:
        return ()


def _manifest_folders(root: Path) -> list[Path]:
    """Folders that have manifests of workloads in them; templates of a Helm chart are none before they are rendered."""
    return [
        folder
        for folder in _folders(root)
        if not any((above / "Chart.yaml").exists() for above in (folder, folder.parent))
        and any(map(_is_workload, sorted(path for path in _listed(folder) if path.suffix in (".yaml", ".yml"))))
    ]


def _topmost(root: Path, folders: Sequence[Path]) -> tuple[Path, ...]:
    """The nearest folder; or its files, where it is the root, which has other YAML as well."""
    first = folders[0]
    if first == root or any(folder != first and folder.is_relative_to(first) for folder in folders):
        return tuple(path for path in sorted(_listed(first)) if path.suffix in (".yaml", ".yml") and _is_manifest(path))
    return (first,)


def _is_workload(path: Path) -> bool:
    content = _manifest(path)
    return any(f"\nkind: {kind}" in content for kind in _WORKLOADS)


def _is_manifest(path: Path) -> bool:
    content = _manifest(path)
    return "\nkind: " in content and "\napiVersion: " in content


def _manifest(path: Path) -> str:
    """The text of a file that may be a manifest; empty for a template and for what cannot be read."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        content = f"\n{path.read_text('utf-8', errors='replace')}"
    except OSError:
        return ""
    return "" if "{{" in content else content


def _from(root: Path, path: Path) -> str:
    return f"{path.relative_to(root) if path.is_relative_to(root) else path}{'/' if path.is_dir() else ''}"


def _ci(root: Path) -> tuple[Ci | None, str]:
    if (root / ".gitlab-ci.yml").is_file():
        return "gitlab", ""
    if (root / ".github").is_dir() or not (root / "Jenkinsfile").is_file():
        return "github", ""
    return None, "Jenkinsfile"


def _name(root: Path) -> str:
    """What the repository calls itself."""
    try:
        if (root / "pyproject.toml").is_file():
            return str(tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["name"])
        if (root / "package.json").is_file():
            return str(json.loads((root / "package.json").read_text("utf-8"))["name"])
    except (OSError, ValueError, LookupError, TypeError):
        pass  # somebody else's file; a folder has a name as well
    return root.resolve().name or "system"


def published_ports(services: Mapping[str, Any]) -> Mapping[str, Mapping[int, int]]:
    """By service, the machine's port for each port of its container; not those that are chosen at each start."""
    found: dict[str, dict[int, int]] = {}
    for name, service in services.items():
        for entry in entries(mapping(service).get("ports")):
            outer, inner = _ends(entry)
            if outer is not None and inner is not None:
                found.setdefault(name, {}).setdefault(inner[0], outer[0])
    return found


def _taken(services: Mapping[str, Any]) -> Iterator[int]:
    for service in services.values():
        for entry in entries(mapping(service).get("ports")):
            outer, _ = _ends(entry)
            if outer is not None:
                yield from range(outer[0], outer[1] + 1)


def _ends(entry: Any) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The ranges of ports on the machine and in the container."""
    if isinstance(entry, Mapping):
        return _range(text(entry.get("published"))), _range(text(entry.get("target")))
    parts = (text(entry) or "").partition("/")[0].split(":")
    return (_range(parts[-2]) if len(parts) > 1 else None), _range(parts[-1])


def _range(written: str | None) -> tuple[int, int] | None:
    low, _, high = (written or "").partition("-")
    first, last = number(low), number(high or low)
    return (first, last) if first and last and 0 < first <= last < 65536 else None
