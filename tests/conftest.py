"""What holds for every test: a test that lacks what it `needs` does not run.

Markers are registered in pyproject.toml; fixtures live beside the tests that use them.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.support import kube, requirements

# Under nohup the end of a terminal is ignored, by the children too: tests of what it ends would wait for ever.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_report_header() -> list[str]:
    """A report that speaks of Kubernetes says which."""
    said = kube.versions()
    return [] if said is None else [said]


def pytest_runtest_setup(item: pytest.Item) -> None:
    requirements.check(item.iter_markers("needs"), ci=requirements.in_ci(os.environ))
