"""docs/architecture.md describes this code: its walks name functions that exist, and go one way."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "architecture.md").read_text()
WALKS: Final = ("an experiment", "a chunk of bytes")
BOTH_ENDS: Final = "proxy/brownout_proxy/relay/endpoint.py"
"""A chunk comes from one socket and leaves by the other."""
FLOORS: Final = (
    "brownout_controller/cli", "brownout_controller/engine", "brownout_controller/backends", "brownout_proxy/api",
    "brownout_proxy/server", "brownout_proxy/relay",
)  # fmt: skip
"""From the top; what both planes stand on is a floor of neither."""


def steps(walk: str) -> list[tuple[str, list[str]]]:
    """The file of each step, and the functions that it names there."""
    text = PAGE.partition(f"<!-- walk: {walk} -->\n")[2].partition("\n\n")[0]
    found = []
    for number, step in enumerate(re.split(r"^\d+\. ", text, flags=re.MULTILINE)[1:], 1):
        file, described = re.match(r"`([^`]+)`: (.*)", step, re.DOTALL).groups()  # type: ignore[union-attr]
        assert text.count(f"\n{number}. ") == (number > 1), "steps are numbered"
        defined = functions(ROOT / file)
        named = [name for name in re.findall(r"`([\w.]+)`", described) if "." in name or name in defined]
        found.append((file, [name for name in named if "/" not in name and not name.endswith(".py")]))
    return found


def functions(file: Path) -> set[str]:
    """By name, with their class if they have one."""
    names = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
            names.update(f"{node.name}.{item.name}" for item in inner)
    return names


@pytest.mark.parametrize("walk", WALKS)
def test_each_step_of_a_walk_names_a_function_that_is_in_its_file(walk: str) -> None:
    found = steps(walk)
    assert len(found) > 5
    for file, named in found:
        first = named[0] if named else ""
        assert first in functions(ROOT / file), f"{file} has no {first or 'function that the page names'}"
        owners = {name.partition(".")[0] for name in functions(ROOT / file) if "." in name}
        for name in named:
            if "." not in name or name.partition(".")[0] in owners:
                assert name in functions(ROOT / file), f"{file} has no {name}"


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_does_not_come_back_to_a_file(walk: str) -> None:
    files = [file for file, _ in steps(walk)]
    once = [file for file in files if file != BOTH_ENDS]
    assert len(once) == len(set(once))
    assert files.count(BOTH_ENDS) in (0, 2)


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_never_goes_up_a_floor(walk: str) -> None:
    floors = [number for file, _ in steps(walk) for number, floor in enumerate(FLOORS) if f"/{floor}/" in f"/{file}"]
    assert floors == sorted(floors)


def test_each_file_that_the_page_names_exists() -> None:
    known = {
        path.relative_to(ROOT).as_posix()
        for root in ("proxy", "controller", "bench")
        for path in (ROOT / root).rglob("*.*")
    }
    for name in set(re.findall(r"`((?:[\w.]+/)+[\w]+\.\w+)`", PAGE)):
        assert any(f"/{path}".endswith(f"/{name}") for path in known), f"{name} is not there"
