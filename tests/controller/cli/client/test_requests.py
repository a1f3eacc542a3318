"""Files and flags become orders; what is sent to a controller is no more than it needs."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from brownout_controller.cli.client.requests import read_files, resolve_files
from brownout_controller.cli.client.run_client import ClientOptions
from brownout_controller.cli.client.variables import VariableFlags, read_variable_flags
from brownout_controller.engine.resolve import RequestResolver, ResolvedRun
from brownout_controller.engine.run_request import RunRequest
from brownout_core.errors import InvalidSpec

_TEXT = """\
name: ${WHO} ${LENT}
edge: a -> b
fault: {latency: 1s}
duration: 99s
hypotheses: [{name: h, prometheus: "rate(x[${window}])", expect: < 1}]
"""


def where(controller: str | None = None) -> ClientOptions:
    return ClientOptions(
        environment="staging", config=None, runs=None, controller=controller, token="hidden", token_file=None,
        tls_ca=None, tls_cert=None, tls_key=None, patience=1.0,
    )  # fmt: skip


def requests_for(
    paths: list[Path], given: VariableFlags, seed: int | None, options: ClientOptions, *, warn: bool = False
) -> list[RunRequest]:
    """What is asked for, resolved or not."""
    runs = resolve_files(read_files(paths, given), given, seed, options, warn=warn)
    found = [run.request if isinstance(run, ResolvedRun) else run for run in runs]
    return [request for request in found if isinstance(request, RunRequest)]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHO", "from-here")
    monkeypatch.setenv("SECRET", "never-sent")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brownout.yaml").write_text("environments: {staging: {}}")
    path = tmp_path / "my x.yaml"
    path.write_text(_TEXT)
    return path


def test_an_order_has_the_text_its_name_and_how_to_ask_again(file: Path) -> None:
    (order,) = requests_for([file], read_variable_flags(["LENT=1"]), 7, where())
    assert (order.text, order.file, order.environment, order.seed) == (_TEXT, str(file), "staging", 7)
    assert order.variables == {"LENT": "1"}
    assert order.replay == f"brownout run '{file}' --env staging --var LENT=1"


def test_to_a_controller_go_the_variables_that_the_file_speaks_of(file: Path) -> None:
    (order,) = requests_for([file], read_variable_flags(["UNUSED=1"]), None, where("h:1"))
    assert order.variables == {"WHO": "from-here"}
    assert order.replay.endswith("--env staging --controller h:1")
    (order,) = requests_for([file], read_variable_flags(["WHO=me", "LENT=mine"]), None, where("h:1"))
    assert order.variables == {"WHO": "me", "LENT": "mine"}


def test_the_command_that_asks_again_has_the_variables_and_no_secret(file: Path) -> None:
    (order,) = requests_for([file], read_variable_flags(["WHO=< 2 s", "LENT=hunter2's", "UNUSED=x"]), None, where())
    words = order.replay.partition("--env staging ")[2]
    assert words == """--var 'WHO=< 2 s' --var LENT="$LENT\""""
    shell = ["sh", "-c", f'LENT="hunter2\'s"; printf "%s\\n" {words}']
    told = subprocess.run(shell, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == ["--var", "WHO=< 2 s", "--var", "LENT=hunter2's"], "as the shell reads it"


def test_what_is_wrong_is_told_before_anything_is_sent(file: Path, tmp_path: Path) -> None:
    file.write_text(_TEXT.replace("edge", "egde"))
    with pytest.raises(InvalidSpec, match=r"my x\.yaml:2:1: egde"):
        requests_for([file], VariableFlags(), None, where("h:1"))
    with pytest.raises(InvalidSpec, match=r"none\.yaml: no such file"):
        requests_for([tmp_path / "none.yaml"], VariableFlags(), None, where())
    file.write_bytes(b"a: b\n\xff")
    with pytest.raises(InvalidSpec, match=r"my x\.yaml:2: is not UTF-8"):
        requests_for([file], VariableFlags(), None, where())


def test_what_depends_on_a_variable_that_the_controller_may_lend_is_not_judged_here(file: Path) -> None:
    sql = '{name: s, sql: {dsn: "${DSN_OF_THE_CONTROLLER}", query: "select 1"}, expect: == 1}'
    file.write_text(_TEXT.replace("[{name", f"[{sql}, {{name"))
    (order,) = requests_for([file], VariableFlags(), None, where("h:1"))
    assert order.variables == {"WHO": "from-here"}


def test_an_environment_file_is_no_order(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="environments"):
        requests_for([tmp_path / "brownout.yaml"], VariableFlags(), None, where("h:1"))


def test_a_default_of_the_file_is_no_variable_of_ours(file: Path) -> None:
    file.write_text(_TEXT.replace("${LENT}", "${LENT:-none}"))
    (order,) = requests_for([file], VariableFlags(), None, where("h:1"))
    assert order.variables == {"WHO": "from-here"}


def test_an_experiment_and_its_environments_may_come_through_pipes(file: Path, tmp_path: Path) -> None:
    """Each can be read once only."""
    ends = []
    for text in (_TEXT, "environments: {staging: {protected: true}}"):
        reading, writing = os.pipe()
        os.write(writing, text.encode())
        os.close(writing)
        ends.append(Path(f"/dev/fd/{reading}"))
    place = replace(where(), config=ends[1])
    (order,) = requests_for([ends[0]], read_variable_flags(["LENT=1"]), None, place)
    assert order.text == _TEXT
    assert RequestResolver(place.settings).environment("staging").protected
    for end in ends:
        os.close(int(end.name))


def test_an_empty_file_of_environments_is_no_permission(file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    for config in (tmp_path / "empty.yaml", Path("/dev/null")):
        with pytest.raises(InvalidSpec, match="is empty"):
            requests_for([file], read_variable_flags(["LENT=1"]), None, replace(where(), config=config))


_WEAK = _TEXT.replace("latency: 1s", "latency: 1ms")


def test_warnings_are_printed_once_and_errors_are_mistakes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for controller in (None, "h:1"):
        file.write_text(_WEAK)
        requests_for([file], read_variable_flags(["LENT=1"]), None, where(controller), warn=True)
        out, told = capsys.readouterr()
        assert out == ""
        assert told.count("[fault-hardly-noticeable]") == 1
        requests_for([file], read_variable_flags(["LENT=1"]), None, where(controller))
        assert "fault-hardly-noticeable" not in capsys.readouterr().err
        file.write_text(_TEXT.replace("latency: 1s", "latency: 0s"))
        with pytest.raises(InvalidSpec, match=r"x\.yaml:3:1: fault: .*\[fault-does-nothing\]"):
            requests_for([file], read_variable_flags(["LENT=1"]), None, where(controller))


def test_of_many_warnings_some_are_printed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twins = ", ".join(f'{{name: h{number}, tcp: "h:1", expect: < 1s}}' for number in range(9))
    file.write_text(_TEXT.replace("hypotheses: [", f"hypotheses: [{twins}, "))
    requests_for([file], read_variable_flags(["LENT=1"]), None, where("h:1"), warn=True)
    told = capsys.readouterr().err
    assert told.count("[duplicate-claim]") == 5
    assert "and 3 more" in told


def test_what_came_from_a_file_comes_from_it_again(file: Path, tmp_path: Path) -> None:
    variables = tmp_path / "my.env"
    variables.write_text("LENT=hunter22\nUNUSED=x\n")
    (order,) = requests_for([file], read_variable_flags(["WHO=1"], [variables]), None, where())
    assert order.variables["LENT"] == "hunter22"
    assert order.replay.endswith(f"--env staging --var-file {variables} --var WHO=1")
    (order,) = requests_for([file], read_variable_flags([], [variables]), None, where("h:1"))
    assert order.variables == {"WHO": "from-here", "LENT": "hunter22"}
