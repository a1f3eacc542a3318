"""Where faults can be put, of an environment that needs no process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.targets import targets
from brownout_core.errors import InvalidSpec

_FILE = """\
environments:
  local: {backend: memory, edges: {a -> b: {proxy: p}, c -> d: {proxy: longer}}}
  away: {control: "127.0.0.1:1"}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "brownout.yaml"
    file.write_text(_FILE)
    return str(file)


def listed(*words: str) -> Result:
    return CliRunner().invoke(targets, list(words), env={"BROWNOUT_CONTROLLER": ""})


def test_a_line_for_each_place(config: str) -> None:
    result = listed("--config", config)
    assert result.exit_code == 0
    assert result.output.splitlines() == ["nowhere  longer  no faults; c -> d", "nowhere  p       no faults; a -> b"]


def test_an_edge_narrows_it_and_programs_get_json(config: str) -> None:
    result = listed("--config", config, "--edge", "a->b", "--json")
    assert json.loads(result.output) == [
        {"where": "nowhere", "proxy": "p", "edges": ["a -> b"], "faults": [], "trouble": ""}
    ]
    assert "nothing: name control addresses" in listed("--config", config, "--edge", "x -> y").output
    assert isinstance(listed("--edge", "a").exception, InvalidSpec)


def test_who_does_not_answer_is_told_and_is_no_good_status(config: str) -> None:
    result = listed("--config", config, "--env", "away")
    assert result.exit_code == 3
    assert "127.0.0.1:1" in result.output
    assert "not reachable" in result.output
