"""A test whose program is missing skips on a laptop and fails in CI: a green run hides nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import EXTRAS, check, in_ci, missing, needs, program

ROOT = Path(__file__).parents[2]
NOWHERE = "brownout-no-such-program"


def test_a_program_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "some-tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program("some-tool") == str(tool)
    assert missing(["some-tool", NOWHERE]) == [NOWHERE]


def test_an_extra_is_asked_instead_of_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.requirements.EXTRAS", {"sh": lambda: False})
    assert missing(["sh"]) == ["sh"]
    assert set(EXTRAS) == {"nginx-stream", "root"}


def test_a_test_with_all_it_needs_runs() -> None:
    check([needs("sh").mark], ci=True)


def test_a_test_that_lacks_something_skips_with_the_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match=f"lacks {NOWHERE}"):
        check([needs("sh").mark, needs(NOWHERE).mark], ci=False)


def test_a_test_that_lacks_something_fails_in_ci() -> None:
    with pytest.raises(pytest.fail.Exception, match=f"lacks {NOWHERE}.*CI=true"):
        check([needs(NOWHERE, "sh", NOWHERE).mark], ci=True)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"CI": ""}, False),
        ({"CI": "false"}, False),
        ({"CI": "true"}, True),
        ({"CI": "1"}, True),
    ],
)
def test_ci_is_what_the_variable_says(environment: dict[str, str], expected: bool) -> None:
    assert in_ci(environment) is expected


@pytest.mark.parametrize(("ci", "summary"), [("", "1 passed, 1 skipped"), ("true", "1 passed, 1 error")])
def test_the_marker_is_obeyed_by_the_whole_suite(tmp_path: Path, ci: str, summary: str) -> None:
    """The hook of tests/conftest.py, in a run of its own."""
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = needs(*things): programs\n")
    (tmp_path / "test_sample.py").write_text(
        "import pytest\n"
        f"@pytest.mark.needs({NOWHERE!r})\n"
        "def test_that_lacks_something(): ...\n"
        "@pytest.mark.needs('sh')\n"
        "def test_that_has_it(): ...\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)],
        env={
            **os.environ,
            "CI": ci,
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert summary in run.stdout, run.stdout + run.stderr
    assert (run.returncode == 0) is (ci == "")
