"""`brownout stop` and `runs` beside real processes: whatever a run is doing, it ends with its fault gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.processes.controller import MAIN, controller_process, server_environment
from tests.support.processes.system_under_test import PATIENCE, Stage, Started, staged
from tests.support.running import eventually

_STATES: Final = ("baseline", "injecting", "observing", "reverting", "recovering")
# So long that a command that waited for the end of a phase would give up; what a busy machine measures is no matter.
_LONG: Final[Mapping[str, Any]] = {
    "baseline": "1s", "duration": "300s", "recovery": "300s", "lease": "60s",
    "nets": {"baseline-gate": "the machine of a test may be busy"},
}  # fmt: skip


_BEGUN: Final[list[subprocess.Popen[str]]] = []


@pytest.fixture(autouse=True)
def _reaped() -> Iterator[None]:
    """Nothing that a test began is there after it, also when it failed."""
    yield
    while _BEGUN:
        process = _BEGUN.pop()
        process.kill()
        process.communicate()


def _command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MAIN, *words],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=server_environment(root),
        check=False,
    )


def _started(stage: Stage, state: str = "observing", **changes: Any) -> Started:
    times = {**_LONG, **({"baseline": "300s"} if state == "baseline" else {}), **changes}
    if state in ("reverting", "recovering"):
        times |= {"duration": "1s", "lease": "10s"}
    run = stage.start(stage.write(**times))
    _BEGUN.append(run.process)
    run.until_state(state)
    return run


@pytest.mark.timeout(500)
@pytest.mark.parametrize("state", _STATES)
def test_a_run_of_another_process_ends_in_every_state(tmp_path: Path, state: str) -> None:
    with staged(tmp_path) as [stage]:
        _stopped(stage, state)


def _stopped(stage: Stage, state: str) -> None:
    run = _started(stage, state)
    told = _command(stage.root, "stop", "last", "--because", "enough")
    assert told.returncode == 0, told.stderr + told.stdout
    assert stage.faults() == []
    ended = run.end()
    assert ended.verified
    assert f": {ended.records[-1]['verdict']}: " in told.stdout
    assert (ended.status, ended.records[-1]["verdict"]) == (5, "stopped"), ended.told
    assert [record["why"] for record in ended.of("stop")] == ["enough"]
    assert not (run.journals()[-1].parent / "stop").exists()
    again = _command(stage.root, "stop", "last")
    assert (again.returncode, "is over already: stopped" in again.stdout) == (0, True), again.stdout


@pytest.mark.timeout(400)
def test_all_runs_end_together_and_what_follows_them_is_not_begun(tmp_path: Path) -> None:
    with staged(tmp_path, 3) as stages:
        for stage in stages[1:]:
            stage.root = stages[0].root
        runs = []
        for number, stage in enumerate(stages):
            path = stage.write(**_LONG)
            own = path.rename(path.with_name(f"experiment-{number}.json"))
            runs.append(stage.start(own, str(own)) if number == 0 else stage.start(own))
            _BEGUN.append(runs[-1].process)
        for stage in stages:
            eventually(lambda stage=stage: stage.faults() != [], "the fault", seconds=PATIENCE)  # type: ignore[misc]
        listed = json.loads(_command(stages[0].root, "runs", "--json").stdout)["runs"]
        assert [(row["phase"], row["state"]) for row in listed] == [("observing", "in another process")] * 3
        assert all(0 < row["left_seconds"] <= 300 and row["targets"] for row in listed)
        told = _command(stages[0].root, "stop", "--all", "--json")
        assert told.returncode == 0, told.stderr + told.stdout
        assert [one["verdict"] for one in json.loads(told.stdout)] == ["stopped"] * 3
        assert all(stage.faults() == [] for stage in stages)
        for run in runs:
            out, err = run.process.communicate(timeout=PATIENCE)
            assert run.process.returncode == 5, out + err
        assert len(runs[0].journals()) == 3, "the second experiment of the first command"
        assert "Nothing goes on" in _command(stages[0].root, "stop", "--all").stdout


@pytest.mark.timeout(400)
def test_a_stop_whose_command_is_killed_is_a_stop(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        run = _started(stage)
        os.kill(run.process.pid, signal.SIGSTOP)  # so that it cannot answer before the command is killed
        command = subprocess.Popen(
            [*MAIN, "stop", "last"], cwd=stage.root, text=True, env=server_environment(stage.root)
        )
        _BEGUN.append(command)
        request = run.journals()[-1].parent / "stop"
        eventually(request.exists, "the request", PATIENCE)
        command.kill()
        command.wait()
        os.kill(run.process.pid, signal.SIGCONT)
        ended = run.end()
        assert (ended.records[-1]["verdict"], ended.verified, stage.faults()) == ("stopped", True, []), ended.told


@pytest.mark.timeout(400)
def test_a_process_that_does_not_answer_is_told_and_one_that_was_killed_is_closed(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        run = _started(stage, lease="60s")
        os.kill(run.process.pid, signal.SIGSTOP)
        told = _command(stage.root, "stop", "last", "--timeout", "1s")
        assert (told.returncode, "has not ended within 1 s" in told.stdout) == (3, True), told.stdout + told.stderr
        run.process.kill()
        run.process.communicate()
        assert stage.faults() != [], "its lease has a minute to go"
        assert "cut off" in _command(stage.root, "runs").stdout
        told = _command(stage.root, "stop", "last")
        assert (told.returncode, stage.faults()) == (0, []), told.stdout + told.stderr
        assert "was cut off, and is closed: inconclusive" in told.stdout


@pytest.mark.timeout(400)
def test_a_controller_lists_ends_and_reports_its_runs(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        (tmp_path / "there").mkdir()
        config = {"environments": {"local": {"control": stage.proxy.control}}}
        (tmp_path / "there" / "brownout.yaml").write_text(json.dumps(config))
        with controller_process(tmp_path / "there") as controller:
            there = ("--controller", controller.address)
            run = subprocess.Popen(
                [*MAIN, "run", str(stage.write(**_LONG)), *there], cwd=tmp_path, env=server_environment(tmp_path),
                stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            _BEGUN.append(run)
            eventually(lambda: stage.faults() != [], "the fault", seconds=PATIENCE)
            (row,) = json.loads(_command(tmp_path, "runs", "--json", *there).stdout)["runs"]
            assert (row["state"], row["phase"], row["environment"]) == ("observing", "observing", "local")
            assert "observing" in _command(tmp_path, "runs", *there).stdout
            under_way = json.loads(_command(tmp_path, "report", "last", "--format", "json", *there).stdout)
            assert under_way["run"] == row["run"]
            told = _command(tmp_path, "stop", "--all", *there)
            assert (told.returncode, ": stopped: " in told.stdout) == (0, True), told.stdout + told.stderr
            assert stage.faults() == []
            run.communicate(timeout=PATIENCE)
            assert run.returncode == 5
            here = ("--runs", str(tmp_path / "there" / ".brownout" / "runs"))
            for words in (("report", "last", "--format", "junit"), ("report", "last"), ("report", row["run"][:-3])):
                assert _command(tmp_path, *words, *there).stdout == _command(tmp_path, *words, *here).stdout != ""
            past = [json.loads(_command(tmp_path, "history", "--json", *where).stdout) for where in (there, here)]
            assert [one["verdict"] for one in past[0]["runs"]] == ["stopped"]
            for one in past[0]["runs"] + past[1]["runs"]:
                del one["directory"]  # of its own machine
            assert past[0] == past[1]
            assert _command(tmp_path, "history", *there).stdout == _command(tmp_path, "history", *here).stdout
            missing = _command(tmp_path, "stop", "nobody", *there)
            assert (missing.returncode, "there is no run 'nobody'" in missing.stderr) == (1, True), missing.stderr
