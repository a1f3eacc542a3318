"""What holds for every test: a test that lacks what it `needs` does not run.

Markers are registered in pyproject.toml; fixtures live beside the tests that use them.
"""

from __future__ import annotations

import os

import pytest

from tests.support import kube, requirements


def pytest_report_header() -> list[str]:
    """A report that speaks of Kubernetes says which."""
    said = kube.versions()
    return [] if said is None else [said]


def pytest_runtest_setup(item: pytest.Item) -> None:
    requirements.check(item.iter_markers("needs"), ci=requirements.in_ci(os.environ))
