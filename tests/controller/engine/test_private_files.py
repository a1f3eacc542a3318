"""The twin of engine/private.py: a file is plainly ours, or it is named and not touched."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from brownout_controller.engine import private_files
from brownout_core.errors import Unavailable


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def _open(path: Path) -> None:
    os.close(private_files.open_file(path, os.O_RDWR, "do this"))


@pytest.fixture(autouse=True)
def _lax() -> object:
    """What is private is so whatever the umask is."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_file_and_its_directories_are_their_owner_s_alone(tmp_path: Path) -> None:
    private_files.make_directory(tmp_path / "a" / "b", "")
    _open(tmp_path / "a" / "b" / "lock")
    assert [_mode(tmp_path / place) for place in ("a", "a/b", "a/b/lock")] == [0o700, 0o700, 0o600]


def test_what_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    place, file = tmp_path / "locks", tmp_path / "locks" / "lock"
    place.mkdir(0o777)
    file.touch(0o666)
    private_files.make_directory(place, "")
    _open(file)
    assert (_mode(place), _mode(file), _mode(tmp_path) & 0o777) == (0o700, 0o600, _mode(tmp_path))


def test_a_file_that_is_there_keeps_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("kept")
    _open(tmp_path / "lock")
    assert (tmp_path / "lock").read_text() == "kept"


def _link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def _dangling_link(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("nothing"))


def _hard_link(path: Path, victim: Path) -> None:
    path.hardlink_to(victim)


def _pipe(path: Path, victim: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path, victim: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _directory(path: Path, victim: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_link, "is a symbolic link"),
        (_dangling_link, "is a symbolic link"),
        (_hard_link, "is a hard link"),
        (_pipe, "is no regular file"),
        (_socket, "is no regular file"),
        (_directory, "is a directory"),
    ],
)
@pytest.mark.parametrize("flags", [os.O_RDWR, os.O_WRONLY | os.O_APPEND])
def test_what_is_no_file_of_ours_is_named_and_not_touched(
    tmp_path: Path, make: Callable[[Path, Path], None], why: str, flags: int
) -> None:
    path, victim = tmp_path / "lock", tmp_path / "victim"
    victim.write_text("precious")
    victim.chmod(0o644)
    make(path, victim)
    with pytest.raises(Unavailable) as error:
        private_files.open_file(path, flags, "do this")
    assert str(error.value).startswith(f"{path}: {why}")
    assert str(error.value).endswith("; do this")
    assert (victim.read_text(), _mode(victim)) == ("precious", 0o644)
    assert not (tmp_path / "nothing").exists()


def test_a_file_of_somebody_else_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _open(tmp_path / "lock")
    private_files.make_directory(tmp_path / "locks", "")
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    with pytest.raises(Unavailable, match=r"lock: belongs to user \d+, and you are user 4321; do this"):
        _open(tmp_path / "lock")
    with pytest.raises(Unavailable, match="locks: belongs to user"):
        private_files.make_directory(tmp_path / "locks", "do this")


@pytest.mark.parametrize("make", [_link, _dangling_link, _pipe])
def test_a_directory_is_none_but_a_real_one(tmp_path: Path, make: Callable[[Path, Path], None]) -> None:
    (tmp_path / "victim").mkdir(0o755)
    make(tmp_path / "locks", tmp_path / "victim")
    with pytest.raises(Unavailable, match=r"locks: .*; do this"):
        private_files.make_directory(tmp_path / "locks", "do this")
    assert _mode(tmp_path / "victim") == 0o755
    assert list((tmp_path / "victim").iterdir()) == []


def test_a_file_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="not a directory; do this"):
        private_files.make_directory(tmp_path / "file" / "locks", "do this")
    with pytest.raises(Unavailable, match="not a directory; do this"):
        private_files.open_file(tmp_path / "file" / "lock", os.O_RDWR, "do this")
