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
PACKAGES: Final = {"core": "proxy", "proxy": "proxy", "controller": "controller", "catalogue": "controller"}
"""Packages brownout_<name> and the import root of each; tests/<name> mirrors it."""

EXCUSED: Final = {
    "brownout_proxy/__main__.py": "one call, made by the tests of the command line in tests/e2e",
    "brownout_proxy/server/engine.py": "wiring without a decision of its own",
    "brownout_controller/backends/base.py": "the protocol that tests/contract/test_backends.py holds all backends to",
}
"""Modules without a twin, and why. An __init__ needs none, but may have one: test_init.py."""


def modules(name: str) -> Iterator[Path]:
    """Every module of a package, relative to its import root, generated code apart."""
    root = ROOT / PACKAGES[name]
    for path in sorted((root / f"brownout_{name}").rglob("*.py")):
        if "v1" not in path.parts:
            yield path.relative_to(root)


def twin(module: Path) -> Path:
    """Where the tests of a module live; `module` is relative to its import root."""
    name = module.stem.strip("_") if module.stem == "__init__" else module.stem
    return Path("tests", module.parts[0].removeprefix("brownout_"), *module.parts[1:-1], f"test_{name}.py")


def module(test: Path) -> Path:
    """The module that a file of the mirror tests, relative to its import root; `test` is relative to tests/."""
    stem = test.stem.removeprefix("test_")
    folder, *rest = test.parent.parts
    return Path(f"brownout_{folder}", *rest, f"{'__init__' if stem == 'init' else stem}.py")


@pytest.mark.parametrize("name", PACKAGES)
def test_an_import_root_is_not_a_package(name: str) -> None:
    root = PACKAGES[name]
    assert (ROOT / root / f"brownout_{name}" / "__init__.py").is_file()
    assert not (ROOT / root / "__init__.py").exists(), f"{root}/__init__.py lets a file load as two modules"


def test_the_import_roots_hold_these_packages_alone() -> None:
    found = {path.parent.name for root in set(PACKAGES.values()) for path in (ROOT / root).glob("*/__init__.py")}
    assert found == {f"brownout_{name}" for name in PACKAGES}


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_says_that_it_is_typed(name: str) -> None:
    assert (ROOT / PACKAGES[name] / f"brownout_{name}" / "py.typed").is_file()


@pytest.mark.parametrize("name", PACKAGES)
def test_every_module_opens_with_a_docstring_of_at_most_15_lines(name: str) -> None:
    for path in modules(name):
        docstring = ast.get_docstring(ast.parse((ROOT / PACKAGES[name] / path).read_text()))
        assert docstring, f"{path} does not say what it owns"
        assert len(docstring.splitlines()) <= 15, f"{path}: its docstring is an essay"


@pytest.mark.parametrize("name", PACKAGES)
def test_every_module_has_its_twin(name: str) -> None:
    expected = [twin(path) for path in modules(name) if path.stem != "__init__" and path.as_posix() not in EXCUSED]
    assert [str(path) for path in expected if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_every_test_in_the_mirror_has_its_module(name: str) -> None:
    tests = [path.relative_to(ROOT / "tests") for path in sorted((ROOT / "tests" / name).rglob("test_*.py"))]
    assert [str(path) for path in tests if not (ROOT / PACKAGES[name] / module(path)).is_file()] == []


def test_an_excuse_lapses_with_its_module() -> None:
    known = {path.as_posix() for name in PACKAGES for path in modules(name)}
    assert set(EXCUSED) <= known
    assert not any((ROOT / twin(Path(path))).exists() for path in EXCUSED)


def test_twin_and_module_are_each_other_s_inverse() -> None:
    for name in ("brownout_core/units.py", "brownout_proxy/relay/link.py", "brownout_core/faults/__init__.py"):
        assert module(twin(Path(name)).relative_to("tests")) == Path(name)
