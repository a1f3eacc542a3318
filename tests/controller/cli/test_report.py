"""`brownout report`: one journal, several forms, to stdout or into a file."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.report import report
from brownout_proxy.errors import NotFound, Unavailable
from tests.controller.engine.ground import TOLD, Play, experiment


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    Play(root, experiment()).run()
    TOLD.clear()
    return root / "runs"


def _report(runs: Path, *words: str) -> Result:
    return CliRunner().invoke(report, [*words, "--runs", str(runs)])


def test_each_form_tells_the_verdict(runs: Path) -> None:
    assert "passed" in _report(runs, "last").output
    assert json.loads(_report(runs, "last", "--format", "json").output)["verdict"] == "passed"
    suite = ElementTree.fromstring(_report(runs, "--format", "junit").output)
    assert suite.find(".//testcase") is not None


def test_a_file_s_name_says_its_form(runs: Path, tmp_path: Path) -> None:
    for name, begins in (("a.md", "#"), ("a.xml", "<?xml"), ("a.json", "{")):
        result = _report(runs, "last", "--output", str(tmp_path / name))
        assert result.output.strip() == str(tmp_path / name)
        assert (tmp_path / name).read_text().lstrip().startswith(begins)


def test_a_run_or_a_place_that_is_not_there_is_named(runs: Path, tmp_path: Path) -> None:
    assert isinstance(_report(runs, "nothing").exception, NotFound)
    (tmp_path / "file").write_text("")
    assert isinstance(_report(runs, "last", "--output", str(tmp_path / "file" / "x.md")).exception, Unavailable)
