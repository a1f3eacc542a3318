"""Programs that answer by exit code or number, and end when nobody waits for them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from brownout_controller.model.probe import ProbeContext, ProbeError
from brownout_controller.probes.command import CommandProbe
from tests.controller.probes.ground import cancelled_while, complaint, eventually, measured


def _python(code: str, measure: str = "number") -> CommandProbe:
    return CommandProbe.model_validate({"run": [sys.executable, "-c", code], "measure": measure})


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def test_the_exit_code_is_the_measure_and_a_failure_is_a_measurement() -> None:
    assert (await measured(CommandProbe.model_validate({"run": "true"}))).value == 0
    assert (await measured(_python("raise SystemExit(3)", "exit"))).value == 3


async def test_the_number_that_is_printed_is_the_measure() -> None:
    assert (await measured(_python("print(' 12.5 ')"))).value == 12.5


async def test_nothing_and_nan_are_no_data_and_other_text_is_an_error() -> None:
    assert (await measured(_python("pass"))).why.endswith("printed nothing")
    assert (await measured(_python("print('nan')"))).why.endswith("printed NaN")
    assert "something else than one number" in await complaint(_python("print('12 apples')"))


async def test_a_number_of_a_program_that_failed_does_not_count() -> None:
    assert "exit code 1" in await complaint(_python("print(1); raise SystemExit(1)"))


async def test_a_flood_of_output_does_not_block_the_program() -> None:
    assert "something else" in await complaint(_python("print('1' * 300_000, 2)"))


async def test_no_shell_sees_the_command() -> None:
    assert (await measured(CommandProbe.model_validate({"run": "test '$HOME' = $HOME"}))).value == 0


async def test_a_program_that_is_not_there_is_an_error() -> None:
    assert await complaint(CommandProbe(run=["no-such-program-7"])) == (
        "no-such-program-7 could not be started: no such file or directory"
    )


async def test_a_cancelled_measurement_ends_the_program_and_all_that_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"open({str(note)!r} + '.new', 'w').write(f'{{os.getpid()}} {{child.pid}}');"
        f"os.rename({str(note)!r} + '.new', {str(note)!r});"
        "time.sleep(600)"
    )

    await cancelled_while(measured(_python(code)), note.exists)
    for process in map(int, note.read_text().split()):
        await eventually(lambda process=process: not _alive(process), "the end of the process")  # type: ignore[misc]


async def test_what_a_program_leaves_running_ends_with_the_measurement(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    reading = await measured(CommandProbe(run=["sh", "-c", f"sleep 600 & echo $! > {note}"]))
    assert reading.value == 0
    await eventually(lambda: not _alive(int(note.read_text())), "the end of the process")


def test_a_run_from_the_network_may_run_listed_commands_only() -> None:
    allowed = ProbeContext(allowed_commands=frozenset({"check-stock  --shop 1"}))
    CommandProbe.model_validate({"run": "check-stock --shop 1"}).open(allowed)
    for run in ("check-stock", "check-stock --shop 2", "check-stock --shop 1 --force"):
        with pytest.raises(ProbeError, match="not started with this command"):
            CommandProbe.model_validate({"run": run}).open(allowed)
    with pytest.raises(ProbeError):
        CommandProbe.model_validate({"run": "true"}).open(ProbeContext(allowed_commands=frozenset()))
