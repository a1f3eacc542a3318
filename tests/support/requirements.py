"""What a test needs of the system that no Python package brings, and what its lack means.

    @needs("nginx", "nginx-stream")
    def test_...: ...

A missing thing skips the test with a reason on a developer's machine; under CI=true it is an
error, so that a green run hides nothing. tests/conftest.py asks `check` before each test; use
`program` for the path of what was found.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

needs = pytest.mark.needs
"""Marks a test, a class or (as `pytestmark`) a module with the names of programs, or of EXTRAS."""

_ELSEWHERE: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian keeps servers; not on the PATH of a user who is not root."""

EXTRAS: Final[Mapping[str, Callable[[], bool]]] = {
    "nginx-stream": lambda: any(
        Path(folder, "ngx_stream_module.so").exists()
        for folder in ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules")
    ),
    "root": lambda: os.geteuid() == 0,
}
"""Needs that are not programs on PATH."""


def program(name: str) -> str | None:
    """The path of a program, also from the folders that only root has on PATH; None without it."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_ELSEWHERE))
    return shutil.which(name, path=path)


def missing(things: Iterable[str]) -> list[str]:
    """Those of `things` that this machine does not have, in the order given."""
    return [name for name in things if not EXTRAS.get(name, lambda name=name: program(name))()]


def check(marks: Iterable[pytest.Mark], *, ci: bool) -> None:
    """Skips the running test when one of its needs is missing; fails it instead with `ci`."""
    lacking = missing(dict.fromkeys(name for mark in marks for name in mark.args))
    if not lacking:
        return
    reason = f"this machine lacks {', '.join(lacking)}"
    if ci:
        pytest.fail(f"{reason}, and CI=true lets no test skip", pytrace=False)
    pytest.skip(reason)


def in_ci(environment: Mapping[str, str]) -> bool:
    """Whether the run has to be complete, by the variable that CI services set."""
    return environment.get("CI", "").lower() in {"1", "true", "yes"}
