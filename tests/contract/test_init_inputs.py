"""`brownout init --yes` on every compose file and manifest of the tests: files, or one clear error; never a crash."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml
from click.testing import CliRunner

from brownout_controller.cli.commands.init import init
from brownout_controller.cli.commands.lint import lint
from brownout_core.errors import BrownoutError
from tests.support.merged_compose import hops, merged

TESTS: Final = Path(__file__).parents[1]
SOURCES: Final = [
    *sorted((TESTS / "catalogue" / "importers").rglob("test_*.py")),
    TESTS / "controller" / "cli" / "commands" / "test_init.py",
    TESTS / "controller" / "cli" / "commands" / "test_import_.py",
    TESTS / "catalogue" / "generate" / "test_compose_override.py",
]
PROFILES: Final = "services: {web: {image: w, ports: ['8080:80']}, seed: {image: s, profiles: [seed]}}\n"


def _texts() -> Iterator[tuple[str, str]]:
    """Every literal of those modules that may be one, with where it stands; and the files that fuzzing starts from."""
    yield "profiles", PROFILES
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _may_be_one(node.value):
                yield f"{path.stem}:{node.lineno}", node.value
    for path in sorted((TESTS / "fuzz" / "corpus").glob("*.yaml")):
        yield path.name, path.read_text("utf-8", "replace")


def _may_be_one(text: str) -> bool:
    return len(text) < 20_000 and ("services:" in text or "kind:" in text)


def _name(text: str) -> str:
    return "k8s/all.yaml" if "kind:" in text and "\nkind: Deployment" in f"\n{text}" else "compose.yaml"


TEXTS: Final = list(_texts())


@pytest.mark.parametrize("text", [text for _, text in TEXTS], ids=[place for place, _ in TEXTS])
def test_init_ends_with_files_or_with_one_clear_error(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / _name(text)
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    made = CliRunner().invoke(init, ["--yes"])
    if made.exit_code != 0:
        assert isinstance(made.exception, BrownoutError), made.exc_info
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file], "an error changes nothing"
        return
    assert yaml.safe_load((tmp_path / "brownout.yaml").read_text())
    files = sorted(map(str, (tmp_path / "experiments").glob("*.yaml")))
    checked = CliRunner().invoke(lint, ["--strict", "architecture.yaml", "brownout.yaml", *files])
    assert (checked.exit_code, checked.output) == (0, "")
    override = tmp_path / "compose.brownout.yaml"
    if override.exists():
        list(hops(merged(file, override), tmp_path / "brownout.yaml"))  # each of them is checked


def test_there_are_such_texts() -> None:
    assert len(TEXTS) > 60
    assert {_name(text) for _, text in TEXTS} == {"k8s/all.yaml", "compose.yaml"}
