"""Lint has nothing to say of what we write ourselves: the demo, the pages, and what the catalogue and init make."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from brownout_catalogue.architecture import Architecture, read_architecture
from brownout_catalogue.generate.baseline import Baselines
from brownout_catalogue.generate.experiment_file import Setting, write_top
from brownout_catalogue.rendering.listing import listing
from brownout_catalogue.scoring.criticality import Criticality
from brownout_controller.cli.commands.init import init
from brownout_controller.cli.commands.lint import lint as command
from brownout_controller.lint import findings
from brownout_controller.lint.reading import read
from brownout_controller.model.variables import Variables
from brownout_core import document
from tests.catalogue.generate.test_terms import server
from tests.controller.cli.commands.test_init import COMPOSE
from tests.support.builders.architectures import SHOP

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ARCHITECTURES: Final = [
    *sorted((ROOT / "examples" / "architectures").glob("*.yaml")),
    *sorted((ROOT / "deploy" / "demo").glob("architecture-*.yaml")),
]
STREAM: Final = (
    "services: {mail-worker: {calls: [rabbit, postgres]}, rabbit: , postgres: , redis: , api: {calls: [redis]}}"
)
MANIFESTS: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: w, env: [{name: DB_URL, value: 'postgres://db:5432/x'}]}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: 'postgres:16'}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{port: 5432}]}
"""


def _found(text: str, name: str) -> list[str]:
    root, experiment = read(text, name, Variables({}, {}, lenient=True))
    return [str(finding) for finding in findings(experiment, root)]


def _of_pages() -> Iterator[tuple[str, str]]:
    """Whole experiments in the pages, but for the examples of what lint finds."""
    for page in PAGES:
        for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)):
            if re.search(r"^edge:", text, re.MULTILINE) and "hypotheses:" in text and "duration:" in text:
                yield f"{page.name}-{number}", text


@pytest.mark.parametrize(("name", "text"), list(_of_pages()), ids=lambda part: part if "\n" not in part else "")
def test_the_experiments_of_the_pages_obey_lint(name: str, text: str) -> None:
    assert _found(text, name) == []


def test_there_are_experiments_in_the_pages() -> None:
    assert {name.rpartition("-")[0] for name, _ in _of_pages()} >= {
        "README.md",
        "experiments.md",
        "first-experiment.md",
    }


def test_the_experiments_of_the_demo_obey_lint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY", "PAYMENT", "POSTGRES_DSN"):
        monkeypatch.delenv(name, raising=False)
    files = sorted((ROOT / "deploy" / "demo" / "experiments").glob("*.yaml"))
    result = CliRunner().invoke(command, ["--strict", *map(str, files)])
    assert (result.exit_code, result.output) == (0, "")


def _architectures() -> Iterator[tuple[str, Architecture]]:
    for path in ARCHITECTURES:
        yield path.stem, read_architecture(document.read(path, columns=True), str(path))
    for name, text in (
        ("shop", SHOP),
        ("stream", STREAM),
        ("patient", SHOP.replace("tolerance: 2s", "tolerance: 45s")),
    ):
        yield name, read_architecture(document.parse(text, name, columns=True), name)


@pytest.mark.parametrize(("name", "architecture"), list(_architectures()), ids=lambda part: str(part)[:20])
@pytest.mark.parametrize("source", ["nothing", "entry", "prometheus"])
def test_what_the_catalogue_writes_obeys_lint(name: str, architecture: Architecture, source: str) -> None:
    entries = {"": "http://127.0.0.1:8080/"} if source == "entry" else {}
    known = _measured(architecture) if source == "prometheus" else None
    written, _ = write_top(
        listing(architecture),
        20 if source == "prometheus" else 1000,
        Setting(architecture, f"{name}.yaml", entries, known),
    )
    assert len(written) > 3
    for file in written:
        assert _found(file.text, file.name) == []


def _measured(architecture: Architecture) -> Baselines:
    """What a Prometheus has of every service of the flows."""
    known = server().found["gateway"]
    names = {name for stake in Criticality(architecture).stakes for name in stake.flow.path}
    return server()._replace(found={name: replace(known, service=name) for name in names})


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("compose.yaml", COMPOSE),
        ("k8s/all.yaml", MANIFESTS),
        ("architecture.yaml", SHOP),
        ("architecture.yaml", STREAM),
    ],
    ids=["compose", "manifests", "shop", "stream"],
)
def test_what_init_writes_obeys_lint_in_its_own_environment(
    file: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(content)
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(init, ["--yes"])
    assert made.exit_code == 0, made.output
    files = [str(path) for path in sorted(Path("experiments").glob("*.yaml"))]
    assert len(files) == 3
    for words in ((), ("--env", "local")):
        result = CliRunner().invoke(command, ["--strict", *words, "brownout.yaml", "architecture.yaml", *files])
        assert (result.exit_code, result.output) == (0, "")
