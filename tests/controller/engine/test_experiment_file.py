"""An experiment file is read and parsed once, and has all of its errors at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_controller.engine.experiment_file import ExperimentFile, read_experiment_file
from brownout_controller.model.variables import Variables
from tests.controller.model.test_experiment import _SMALL
from tests.support.parsing import count_parses


def read(folder: Path, text: str, **given: str) -> ExperimentFile:
    path = folder / "x.yaml"
    path.write_text(text)
    return read_experiment_file(path, Variables(given, {}, lenient=True))


def test_what_is_right_is_read_with_its_variables(tmp_path: Path) -> None:
    file = read(tmp_path, _SMALL.replace("name: x", "name: ${NAME}"), NAME="y")
    assert file.experiment is not None
    assert (file.experiment.name, file.known_errors(), file.findings()) == ("y", [], [])


def test_it_is_parsed_once_whatever_is_asked_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parses = count_parses(monkeypatch)
    for text in (_SMALL, _SMALL.replace("127.0.0.1:1", "${WHERE}:1"), _SMALL.replace("edge", "egde")):
        parses.clear()
        file = read(tmp_path, text)
        file.findings()
        file.known_errors()
        assert parses == {file.name: 1}


@pytest.mark.parametrize("name", ["none.yaml", "."])
def test_a_file_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path, name: str) -> None:
    file = read_experiment_file(tmp_path / name, Variables({}, {}, lenient=True))
    (error,) = file.known_errors()
    assert str(tmp_path / name) in str(error)
    assert (file.root, file.experiment, file.findings()) == (None, None, ())


def test_what_depends_on_a_variable_that_is_not_set_is_no_known_error(tmp_path: Path) -> None:
    file = read(tmp_path, _SMALL.replace("{latency: 1s}", '{latency: "${DELAY}"}'))
    assert (file.experiment, file.known_errors()) == (None, [])
    assert len(file.errors) == 1
    assert [error.path for error in read(tmp_path, "edge: ${EDGE}\n").known_errors()] != []


def test_lint_looks_at_a_file_whose_addresses_are_not_known_yet(tmp_path: Path) -> None:
    idle = _SMALL.replace("latency: 1s", "latency: 0s").replace("127.0.0.1:1", "${WHERE}:1")
    assert [finding.code for finding in read(tmp_path, idle).findings()] == ["fault-does-nothing"]


def test_neither_errors_nor_findings_repeat_a_secret(tmp_path: Path) -> None:
    wrong = read(tmp_path, _SMALL.replace("a -> b", "${PASSWORD}"), PASSWORD="hunter2")
    assert [error.path.rpartition(" ")[2] for error in wrong.known_errors()] == ["edge"]
    twice = f'{_SMALL}  - {{name: "${{PASSWORD}}", tcp: "127.0.0.1:1", expect: < 1s}}\n'
    weak = read(tmp_path, twice, PASSWORD="hunter2")
    assert [finding.code for finding in weak.findings()] == ["duplicate-claim"]
    assert "hunter2" not in "".join(map(str, (*wrong.known_errors(), *weak.findings())))
