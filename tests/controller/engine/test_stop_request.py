"""A request to end a run is a file: asked twice it is one, taken it is gone, and nobody else's counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from brownout_controller.engine import stop_request
from brownout_core.errors import Unavailable


def test_a_request_is_taken_once_with_the_first_reason(tmp_path: Path) -> None:
    assert stop_request.take(tmp_path) is None
    stop_request.write(tmp_path, "enough\x1b[31m\nof it" + "x" * 5000)
    stop_request.write(tmp_path, "another")
    assert (tmp_path / "stop").stat().st_mode & 0o777 == 0o600
    why = stop_request.take(tmp_path)
    assert why is not None
    assert why.startswith("enough\\x1b[31m of it")
    assert len(why) <= 1000
    assert stop_request.take(tmp_path) is None
    assert os.listdir(tmp_path) == []


def test_a_request_without_a_reason_counts_as_well(tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    assert stop_request.take(tmp_path) == "somebody asked for it"


def test_what_is_no_file_of_ours_is_no_request(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "stop").symlink_to(tmp_path / "elsewhere")
    assert stop_request.take(tmp_path) is None
    (tmp_path / "stop").unlink()
    os.mkfifo(tmp_path / "stop")
    assert stop_request.take(tmp_path) is None
    (tmp_path / "stop").unlink()
    (tmp_path / "stop").mkdir()
    assert stop_request.take(tmp_path) is None


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, who alone can give files away")
def test_the_request_of_another_user_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    os.chown(tmp_path / "stop", 12345, 12345)
    assert stop_request.take(tmp_path) is None


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="only the run's user can end it"):
        stop_request.write(tmp_path / "none", "x")
