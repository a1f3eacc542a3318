"""The files of a command: all are read, and all that is wrong is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_controller.cli.client.files import Read, check_all, read_all, read_text
from brownout_controller.engine.settings_file import SettingsFile
from brownout_controller.model.environment import Environment
from brownout_controller.model.variables import Variables
from brownout_core.errors import InvalidSpec
from brownout_core.strict_model import InvalidSpecs
from tests.controller.model.test_experiment import _SMALL


def _variables(**given: str) -> Variables:
    return Variables(given, {}, lenient=True)


def _read(files: list[Path], config: Path | None, environment: str, variables: Variables) -> Read:
    return read_all(list(map(read_text, files)), SettingsFile(config), environment, variables)


def test_what_is_right_is_read_with_its_variables(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_SMALL.replace("name: x", "name: ${NAME}"))
    (tmp_path / "b.yaml").write_text("environments: {here: {control: '${WHERE}'}}")
    variables = _variables(NAME="y", WHERE="h:1")
    settings, experiments, warnings = _read([tmp_path / "a.yaml"], tmp_path / "b.yaml", "here", variables)
    assert (settings.control, experiments[0].name) == (("h:1",), "y")
    assert not warnings
    assert _read([], None, "local", _variables()) == (Environment(), [], [])


def test_every_mistake_of_every_file_is_told_and_every_variable_that_is_not_set(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_SMALL.replace("edge", "egde").replace("a -> b", "${EDGE}"))
    (tmp_path / "b.yaml").write_text("environments: {here: {contrl: 1}}")
    with pytest.raises(InvalidSpecs) as refusal:
        _read([tmp_path / "a.yaml", tmp_path / "none.yaml"], tmp_path / "b.yaml", "here", _variables())
    told = [str(one) for one in refusal.value.found]
    assert [line.removeprefix(f"{tmp_path}/").partition(": ")[0] for line in told] == [
        "b.yaml:1:23", "none.yaml", "a.yaml:2:1",
    ]  # fmt: skip
    assert "${EDGE} is not set" in told[2]


def test_a_mistake_does_not_repeat_a_secret(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_SMALL.replace("a -> b", "${PASSWORD}"))
    (tmp_path / "b.yaml").write_text("environments: {here: {edges: {'${PASSWORD}': {proxy: p}}}}")
    with pytest.raises(InvalidSpecs) as refusal:
        _read([tmp_path / "a.yaml"], tmp_path / "b.yaml", "here", _variables(PASSWORD="hunter2"))
    told = "\n".join(map(str, refusal.value.found))
    assert "edge: '***'" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("name", ["none.yaml", "."])
def test_a_file_that_cannot_be_read_is_no_verdict(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidSpec, match=r"no such file|is a directory"):
        _read([tmp_path / name], None, "local", _variables())


def test_what_proves_nothing_is_a_mistake_and_what_proves_less_is_not(tmp_path: Path) -> None:
    idle, faint = (_SMALL.replace("{latency: 1s}", f"{{latency: {delay}}}") for delay in ("0s", "1ms"))
    (tmp_path / "a.yaml").write_text(idle)
    (tmp_path / "b.yaml").write_text(faint)
    with pytest.raises(InvalidSpec, match="fault-does-nothing"):
        _read([tmp_path / "a.yaml", tmp_path / "b.yaml"], None, "local", _variables())
    (warning,) = _read([tmp_path / "b.yaml"], None, "local", _variables()).warnings
    assert warning.code == "fault-hardly-noticeable"
    with pytest.raises(InvalidSpec, match="fault-does-nothing"):
        check_all([read_text(tmp_path / "a.yaml")], _variables())
    assert [one.code for one in check_all([read_text(tmp_path / "b.yaml")], _variables())] == [warning.code]


def test_a_finding_is_told_beside_the_mistakes_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_SMALL.replace("{latency: 1s}", "{noop: true}"))
    (tmp_path / "b.yaml").write_text(_SMALL.replace("edge", "egde"))
    with pytest.raises(InvalidSpecs) as refusal:
        _read([tmp_path / "a.yaml", tmp_path / "b.yaml"], None, "local", _variables())
    told = "\n".join(map(str, refusal.value.found))
    assert "fault-does-nothing" in told
    assert "egde" in told
