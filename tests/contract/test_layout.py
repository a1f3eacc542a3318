"""The layout holds: import roots are not packages, modules say what they own and have a twin.

The twin of proxy/brownout_proxy/relay/link.py is tests/proxy/relay/test_link.py, and the other way
round: a test file in the mirror without a module tests something that moved.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
ROOTS: Final = ("proxy", "controller")
"""Import roots: each holds one package, brownout_<root>, that tests/<root> mirrors."""

EXCUSED: Final = {
    "brownout_proxy/__main__.py": "one call, made by the tests of the command line in tests/e2e",
    "brownout_proxy/server/engine.py": "wiring without a decision of its own",
    "brownout_controller/backends/base.py": "the protocol that tests/contract/test_backends.py holds all backends to",
}
"""Modules without a twin, and why. An __init__ needs none, but may have one: test_init.py."""


def modules(root: str) -> Iterator[Path]:
    """Every module below an import root, relative to it, generated code apart."""
    for path in sorted((ROOT / root).rglob("*.py")):
        if "v1" not in path.parts:
            yield path.relative_to(ROOT / root)


def twin(root: str, module: Path) -> Path:
    """Where the tests of a module live."""
    name = module.stem.strip("_") if module.stem == "__init__" else module.stem
    return Path("tests", root, *module.parts[1:-1], f"test_{name}.py")


def module(root: str, test: Path) -> Path:
    """The module that a file of the mirror tests; `test` is relative to tests/<root>."""
    stem = test.stem.removeprefix("test_")
    name = "__init__" if stem == "init" else stem
    return Path(root, f"brownout_{root}", test.parent, f"{name}.py")


@pytest.mark.parametrize("root", ROOTS)
def test_an_import_root_is_not_a_package(root: str) -> None:
    assert (ROOT / root / f"brownout_{root}" / "__init__.py").is_file()
    assert not (ROOT / root / "__init__.py").exists(), f"{root}/__init__.py lets a file load as two modules"


@pytest.mark.parametrize("root", ROOTS)
def test_every_package_says_that_it_is_typed(root: str) -> None:
    assert (ROOT / root / f"brownout_{root}" / "py.typed").is_file()


@pytest.mark.parametrize("root", ROOTS)
def test_every_module_opens_with_a_docstring_of_at_most_15_lines(root: str) -> None:
    for path in modules(root):
        docstring = ast.get_docstring(ast.parse((ROOT / root / path).read_text()))
        assert docstring, f"{root}/{path} does not say what it owns"
        assert len(docstring.splitlines()) <= 15, f"{root}/{path}: its docstring is an essay"


@pytest.mark.parametrize("root", ROOTS)
def test_every_module_has_its_twin(root: str) -> None:
    expected = [
        twin(root, path) for path in modules(root) if path.stem != "__init__" and path.as_posix() not in EXCUSED
    ]
    assert [str(path) for path in expected if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("root", ROOTS)
def test_every_test_in_the_mirror_has_its_module(root: str) -> None:
    mirror = ROOT / "tests" / root
    tests = [path.relative_to(mirror) for path in sorted(mirror.rglob("test_*.py"))]
    orphans = [path for path in tests if not (ROOT / module(root, path)).is_file()]
    assert [f"tests/{root}/{path}" for path in orphans] == []


def test_an_excuse_lapses_with_its_module() -> None:
    known = {path.as_posix() for root in ROOTS for path in modules(root)}
    assert set(EXCUSED) <= known
    assert not any((ROOT / twin(path.split("/")[0].split("_")[1], Path(path))).exists() for path in EXCUSED)


def test_twin_and_module_are_each_other_s_inverse() -> None:
    for name in (
        "brownout_proxy/units.py",
        "brownout_proxy/relay/link.py",
        "brownout_proxy/faults/__init__.py",
    ):
        test = twin("proxy", Path(name))
        assert module("proxy", test.relative_to("tests/proxy")) == Path("proxy", name)
