"""`brownout run` as far as no run is needed; what it does with real processes is in tests/e2e/test_experiments.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from brownout_controller.cli.run import run
from brownout_proxy.errors import BrownoutError, InvalidSpec

_GOOD = """\
name: x
edge: a -> b
fault: {latency: 1s}
duration: 1s
hypotheses: [{name: h, tcp: "127.0.0.1:1", expect: < 1s}]
"""


def _refused(root: Path, *words: str) -> BrownoutError:
    result = CliRunner().invoke(run, [*words, "--runs", str(root / "runs")])
    assert isinstance(result.exception, BrownoutError), result.output
    assert not (root / "runs").exists()
    return result.exception


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_GOOD.replace("duration: 1s\n", ""), "duration is missing"),
        (_GOOD.replace("edge", "egde"), ":2:1: egde: unknown key; did you mean edge?"),
        (_GOOD.replace("latency: 1s", "latency: soon"), ":3:9: fault.latency: 'soon' is not a quantity"),
        (_GOOD.replace("< 1s", "quick"), "'quick' is not an expectation; write it like '< 2s'"),
        (_GOOD.replace("name: x", "name: ${NAME}"), "${NAME} is not set: give --var NAME=... or export it"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_before_anything_is_made(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    assert told in str(_refused(tmp_path, str(file)))


def test_a_file_or_an_environment_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert isinstance(_refused(tmp_path, str(tmp_path / "none.yaml")), InvalidSpec)
    file = tmp_path / "x.yaml"
    file.write_text(_GOOD)
    config = tmp_path / "brownout.yaml"
    config.write_text("environments: {staging: {}}")
    error = _refused(tmp_path, str(file), "--env", "stagin", "--config", str(config))
    assert isinstance(error, InvalidSpec)
    assert "did you mean staging?" in str(error)


def test_a_variable_is_a_pair(tmp_path: Path) -> None:
    assert "is not NAME=VALUE" in str(_refused(tmp_path, "x.yaml", "--var", "oops"))
