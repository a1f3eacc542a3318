"""Small files of our own, for the tests of importers, and what comes of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.importers.compose.reader import read_compose
from brownout_catalogue.importers.imported import Imported
from brownout_catalogue.importers.kubernetes.manifests import read_manifests
from brownout_catalogue.importers.kubernetes.reader import read_kubernetes


def files(folder: Path, contents: Mapping[str, str]) -> None:
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def composed(folder: Path, *names: str, profiles: tuple[str, ...] = (), env: tuple[str, ...] = ()) -> Imported:
    found = read_compose([folder / name for name in names], [folder / name for name in env], profiles)
    Architecture.model_validate(found.content())
    return found


def applied(manifests: str) -> Imported:
    """From standard input."""
    found = Imported("standard input")
    read_kubernetes(found, read_manifests([Path("-")], io.BytesIO(manifests.encode()), found.note))
    Architecture.model_validate(found.content())
    return found


def edges(found: Imported) -> dict[str, str]:
    """The strength of each call."""
    return {f"{edge.source} -> {edge.sink}": edge.strength.word for edge in found.edges()}


def guess(found: Imported, name: str) -> str:
    return next(edge.guess for edge in found.edges() if f"{edge.source} -> {edge.sink}" == name)


def workload(name: str, *, kind: str = "Deployment", service: bool = True, **more: str) -> str:
    """A manifest; what is said of `metadata`, `spec`, `labels`, `annotations`, `pod` and `container` is added there."""
    labels = more.get("labels", f"{{app: {name}}}")
    manifest = f"""
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}{more.get("metadata", "")}}}
spec:
  selector: {{matchLabels: {labels}}}
{more.get("spec", "")}
  template:
    metadata: {{labels: {labels}, annotations: {more.get("annotations", "{}")}}}
    spec:
{more.get("pod", "")}
      containers:
      - name: {name}
        image: {more.get("image", f"shop/{name}:1")}
{more.get("container", "")}
---
"""
    if service:
        manifest += f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}{more.get("metadata", "")}}}
spec: {{selector: {labels}, ports: [{{port: 80}}]}}
---
"""
    return manifest
