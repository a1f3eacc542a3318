"""`brownout lint`: one line for each file that is wrong, and exit status 2."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from brownout_controller.cli.lint import lint
from tests.controller.catalogue.ground import SHOP
from tests.controller.model.test_environment import _FILE
from tests.controller.model.test_experiment import _SMALL


def _lint(folder: Path, **files: str) -> tuple[int, list[str]]:
    paths = []
    for name, text in files.items():
        paths.append(str(folder / f"{name}.yaml"))
        Path(paths[-1]).write_text(text)
    result = CliRunner().invoke(lint, paths)
    return result.exit_code, result.output.splitlines()


def test_files_that_are_right_say_nothing_and_variables_need_no_value(tmp_path: Path) -> None:
    variable = _SMALL.replace("127.0.0.1:1", "${WHERE}:1")
    assert _lint(tmp_path, a=_SMALL, b=variable, brownout=_FILE) == (0, [])


def test_each_file_that_is_wrong_has_its_line(tmp_path: Path) -> None:
    status, lines = _lint(
        tmp_path, a=_SMALL.replace("edge", "egde"), b=_SMALL, brownout=_FILE.replace("protected", "protcted"), c="[",
    )  # fmt: skip
    assert status == 2
    assert [line.partition(".yaml:")[2].partition(" ")[0] for line in lines] == ["2:1:", "12:16:", "1:"]


def test_a_file_with_services_is_an_architecture(tmp_path: Path) -> None:
    status, lines = _lint(tmp_path, architecture=SHOP, wrong=SHOP.replace("fallback:", "falback:"))
    assert status == 2
    assert len(lines) == 1
    assert "wrong.yaml:10:15: services.orders.calls.redis.falback: unknown key; did you mean fallback?" in lines[0]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(lint, [str(tmp_path / "none.yaml")])
    assert result.exit_code == 2
    assert "none.yaml: no such file or directory" in result.output
