"""What commands say: to whom has left and to disks that are full, without an error and without an exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from brownout_controller.cli.console.output import echo

_PROGRAM = (
    "from brownout_controller.cli.console.output import echo; "
    "[echo('x' * 9999) for _ in range(99)]; raise SystemExit(5)"
)


def test_a_line_goes_where_it_should(capsys: pytest.CaptureFixture[str]) -> None:
    echo("a")
    echo("b", err=True)
    assert capsys.readouterr() == ("a\n", "b\n")


def test_a_reader_that_has_left_changes_no_exit_status() -> None:
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1) == b"x"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 5


def test_a_disk_that_is_full_is_told_once() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (5, "the output could not be written: no space left on device\n")
