"""`brownout report`: one journal, several forms, to stdout or into a file."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import pytest
from click import Argument, Context
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.report import (
    BY_SUFFIX,
    FORMATS,
    attempt_reports,
    checked,
    report,
    write,
    write_reports,
)
from brownout_controller.engine.store import Store
from brownout_core.errors import InvalidSpec, NotFound, Unavailable
from tests.support.builders.runs import ExperimentRun, experiment
from tests.support.fakes.probes import READINGS
from tests.support.virtual_time import run_virtually


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    run_virtually(ExperimentRun(root, experiment()).run())
    READINGS.clear()
    return root / "runs"


def _report(runs: Path, *words: str) -> Result:
    return CliRunner().invoke(report, [*words, "--runs", str(runs)])


def test_each_form_tells_the_verdict(runs: Path) -> None:
    assert "passed" in _report(runs, "last").output
    assert json.loads(_report(runs, "last", "--format", "json").output)["verdict"] == "passed"
    assert _report(runs, "--format", "html").output.startswith("<!doctype html>")
    suite = ElementTree.fromstring(_report(runs, "--format", "junit").output)
    assert suite.find(".//testcase") is not None


def test_a_file_s_name_says_its_form(runs: Path, tmp_path: Path) -> None:
    for name, begins in (("a.md", "#"), ("a.xml", "<?xml"), ("a.json", "{"), ("a.HTML", "<!doctype html>")):
        result = _report(runs, "last", "--output", str(tmp_path / name))
        assert result.output.strip() == str(tmp_path / name)
        assert (tmp_path / name).read_text().lstrip().startswith(begins)


def test_a_run_or_a_place_that_is_not_there_is_named(runs: Path, tmp_path: Path) -> None:
    assert isinstance(_report(runs, "nothing").exception, NotFound)
    (tmp_path / "file").write_text("")
    assert isinstance(_report(runs, "last", "--output", str(tmp_path / "file" / "x.md")).exception, Unavailable)


def test_several_runs_go_into_one_file_of_each_form(runs: Path, tmp_path: Path) -> None:
    directory = Store(runs).find("last")
    outputs = [tmp_path / "new" / f"all{suffix}" for suffix in BY_SUFFIX]
    write_reports([directory, directory], outputs)
    page, summary, suites, content = (output.read_text() for output in outputs)
    assert "<h1>2 runs</h1>" in page
    assert summary.count("## ") == 2
    assert len(ElementTree.fromstring(suites).findall("testsuite")) == 2
    assert [item["verdict"] for item in json.loads(content)] == ["passed", "passed"]


def test_a_file_whose_name_says_no_form_is_refused(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match=r"in one of: .html, .md, .xml, .json"):
        write_reports([Store(runs).find("last")], [tmp_path / "a.pdf"])


def _checked(*outputs: Path) -> None:
    checked(Context(report), Argument(["x"]), outputs)


def test_what_cannot_be_written_is_said_before_anything_runs(tmp_path: Path) -> None:
    _checked(tmp_path / "a.html", tmp_path / "new" / "folder" / "a.md")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.md").mkdir()
    for name, told in (("a.txt", "suffix"), ("file/a.md", "cannot be written"), ("folder.md", "is a directory")):
        with pytest.raises(InvalidSpec, match=told):
            _checked(tmp_path / name)


def test_a_folder_that_is_not_ours_is_said_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", denied)  # root may write anywhere
    with pytest.raises(InvalidSpec, match=f"cannot be written in {tmp_path}: permission denied"):
        _checked(tmp_path / "new" / "a.html")


def test_an_old_report_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    output = tmp_path / "a.md"
    output.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write(output, "\ud800")
    assert output.read_text() == "old"
    write(output, "new")
    assert output.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]


def test_a_link_of_somebody_else_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, link = tmp_path / "victim", tmp_path / "a.md"
    victim.write_text("precious")
    link.symlink_to(victim)
    write(link, "ours")
    assert (victim.read_text(), link.is_symlink()) == ("ours", True), "our own link is followed"
    if os.geteuid():
        monkeypatch.setattr(os, "geteuid", lambda: 4321)
    else:
        os.lchown(link, 4321, -1)
    with pytest.raises(Unavailable, match=f"{link}: is a symbolic link of user"):
        write(link, "theirs")
    assert victim.read_text() == "ours"


def test_an_attempt_tells_what_went_wrong_and_raises_nothing(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Store(runs).find("last")
    full = tmp_path / "full.md"
    full.symlink_to("/dev/full")
    assert not attempt_reports([directory], [full, tmp_path / "good.md"])
    assert (tmp_path / "good.md").exists(), "one that fails is no reason to leave out the others"
    for error in (ZeroDivisionError("a bug"), KeyboardInterrupt(), MemoryError()):

        def broken(*_: object, error: BaseException = error) -> str:
            raise error

        monkeypatch.setitem(cast("dict[str, object]", FORMATS), "html", broken)
        assert not attempt_reports([directory], [tmp_path / "a.html"])
    lines = capsys.readouterr().err.splitlines()
    assert "no space left on device; the verdict stands" in lines[0]
    assert "ZeroDivisionError: a bug; the verdict stands" in lines[1]
    assert len(lines) == 4
