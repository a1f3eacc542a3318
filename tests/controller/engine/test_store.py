"""Runs on the disk: numbered lines, one owner, found by id, prefix or `last`."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from brownout_controller.engine.store import JOURNAL, Journal, Store, brief, is_closed, is_held, read
from brownout_controller.model.journal import Failure, Interrupted, Judged, Run, Sample
from brownout_core import limits
from brownout_core.errors import InvalidSpec, NotFound, Unavailable
from tests.support.running import eventually


def test_records_are_numbered_and_come_back_as_they_went(tmp_path: Path) -> None:
    journal = Store(tmp_path).begin("My Experiment!")
    assert "-my-experiment-" in journal.run_id
    written = [journal.write(Interrupted("SIGINT")), journal.write(Failure("probe", "naïve\nline"))]
    journal.close()
    assert [(entry.n, entry.record) for entry in read(journal.directory)] == [(e.n, e.record) for e in written]
    assert len((journal.directory / JOURNAL).read_text().splitlines()) == 2


def test_a_run_has_one_owner_while_its_journal_is_open(tmp_path: Path) -> None:
    journal = Store(tmp_path).begin("x")
    assert is_held(journal.directory)
    with pytest.raises(BlockingIOError):
        Journal(journal.directory)
    journal.close()
    assert not is_held(journal.directory)


def test_a_run_is_found_by_its_id_its_beginning_its_path_or_as_the_last(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for name in ("a", "b"):
        journal = store.begin(name)
        journal.write(Interrupted("SIGINT"))
        journal.close()
    first, second = store.runs()
    assert store.find(first.name) == store.find(first.name[:-1]) == store.find(str(first)) == first
    assert store.find("last") in (first, second)
    with pytest.raises(NotFound, match="not one but 2"):
        store.find("20")
    with pytest.raises(NotFound, match="there is no run"):
        store.find("nothing")


def test_a_torn_last_line_is_left_out_and_a_broken_one_in_the_middle_is_told(tmp_path: Path) -> None:
    journal = Store(tmp_path).begin("x")
    journal.write(Interrupted("SIGINT"))
    journal.close()
    path = journal.directory / JOURNAL
    path.write_text(path.read_text() + '{"n":1,"at":2,"ki')
    assert len(read(journal.directory)) == 1
    path.write_text('{"n":\n' + path.read_text())
    with pytest.raises(InvalidSpec, match="line 1"):
        read(journal.directory)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(Unavailable, match="runs"):
        Store(tmp_path / "runs").begin("x")
    with pytest.raises(Unavailable, match=JOURNAL):
        read(tmp_path)


def test_a_journal_that_cannot_be_opened_leaves_nobody_at_the_run(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).mkdir()
    with pytest.raises(Unavailable, match="is a directory"):
        Journal(tmp_path)
    assert not is_held(tmp_path)


def test_who_comes_late_writes_into_nobody_s_journal(tmp_path: Path) -> None:
    ours = Store(tmp_path).begin("ours")
    ours.close()
    with closing(Store(tmp_path).begin("another")) as another:  # the system gives the same descriptors out again
        with pytest.raises(Unavailable, match="is closed"):
            ours.write(Failure("probe", "late"))
        assert (another.directory / JOURNAL).read_bytes() == b""


def test_a_record_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Store(tmp_path).begin("x")
    journal.write(Interrupted("SIGINT"))
    write = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data[: len(data) // 2])

    entry = journal.entry(Failure("probe", "away"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(Unavailable, match="no space left"):
            journal.append(entry)
    assert len(read(journal.directory)) == 1
    journal.append(entry)
    assert [entry.n for entry in read(journal.directory)] == [0, 1]
    journal.close()


def test_a_run_is_closed_by_its_verdict_as_the_last_line(tmp_path: Path) -> None:
    journal = Store(tmp_path).begin("x")
    assert not is_closed(journal.directory)
    for number in range(2000):
        journal.write(Failure("probe", f"away {number}, and this is a long sentence about that" * 20))
    assert not is_closed(journal.directory)
    journal.write(Judged("passed", 0, ["it held"]))
    assert is_closed(journal.directory)
    journal.write(Judged("refuted", 1, ["a hypothesis with a long name" * 20] * 200))
    assert is_closed(journal.directory)
    journal.write(Interrupted("SIGINT"))
    assert not is_closed(journal.directory)
    journal.close()
    with pytest.raises(Unavailable):
        is_closed(tmp_path)


def test_a_disk_that_is_full_is_an_error_and_not_a_silent_loss(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    journal = Store(tmp_path).begin("x")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._file)
    os.close(full)
    with pytest.raises(Unavailable, match="no space left"):
        journal.write(Interrupted("SIGINT"))
    journal.close()


def test_a_journal_is_its_owner_s_alone(tmp_path: Path) -> None:
    journal = Store(tmp_path / "runs").begin("x")
    journal.close()
    places = (journal.directory.parent, journal.directory, *journal.directory.iterdir())
    assert [stat.S_IMODE(place.stat().st_mode) for place in places] == [0o700, 0o700, 0o600, 0o600]


@pytest.mark.parametrize("name", [JOURNAL, "lock"])
def test_a_journal_or_its_lock_that_is_a_link_leaves_the_file_behind_it_alone(tmp_path: Path, name: str) -> None:
    directory, victim = tmp_path / "run", tmp_path / "victim"
    directory.mkdir()
    victim.write_text("precious, and without an end of line")
    (directory / name).symlink_to(victim)
    for number in (0, 1):
        with pytest.raises(Unavailable, match=f"{directory / name}: is a symbolic link; remove it"):
            Journal(directory, number=number)
    assert victim.read_text() == "precious, and without an end of line"


def test_who_may_not_look_at_the_lock_of_a_run_takes_it_for_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Store(tmp_path).begin("x")
    journal.close()
    assert not is_held(journal.directory)

    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    assert is_held(journal.directory)


def test_a_run_in_a_line_is_told_by_its_first_and_its_last_record(tmp_path: Path) -> None:
    journal = Store(tmp_path).begin("x")
    assert brief(journal.directory) == (journal.run_id, "", "", "", True, None)
    run = Run(journal.run_id, "1", "2026", {"name": "x"}, [], {"name": "local"}, 7, "", 0.0)
    journal.write(run)
    assert brief(journal.directory) == (journal.run_id, "x", "local", "2026", False, None)
    journal.write(Failure("probe", "x" * 100_000))
    journal.write(Judged("passed", 0, ["y" * 1000]))
    assert brief(journal.directory).verdict == Judged("passed", 0, ["y" * 1000])
    journal.close()
    with pytest.raises(Unavailable):
        brief(tmp_path / "none")


def test_two_machines_do_not_give_the_same_id(tmp_path: Path) -> None:
    journal = Store(tmp_path).begin("Payment is slow")
    journal.close()
    assert re.fullmatch(r"\d{8}-\d{6}-payment-is-slow-[0-9a-f]{8}", journal.run_id)


def test_a_name_is_no_path(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    journal = store.begin("x")
    journal.write(Failure("probe", ""))
    journal.close()
    assert store.named("last") == store.find(str(journal.directory)) == journal.directory
    with pytest.raises(NotFound):
        store.named(str(journal.directory))


@pytest.mark.parametrize("torn", [b"", b"{", b"x" * 200_000], ids=["whole", "short", "long"])
@pytest.mark.parametrize(
    "whole", [b"", b"{}\n", b'"' + b"y" * 200_000 + b'"\n'], ids=["nothing", "a line", "a long line"]
)
def test_what_a_crash_left_of_a_last_line_is_cut_off(tmp_path: Path, whole: bytes, torn: bytes) -> None:
    path = tmp_path / JOURNAL
    path.write_bytes(2 * whole + torn)
    with closing(Journal(tmp_path, number=2)):
        assert path.read_bytes() == 2 * whole


def test_a_disk_that_fails_beside_the_loop_fails_the_next_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    journal = Store(tmp_path, partial(Journal, sync_after=0.0)).begin("x")
    sample = Sample("h", "during", 1.0)

    def told() -> bool:
        try:
            journal.write(sample)
        except Unavailable as error:
            return "input/output error" in str(error)
        return False

    eventually(told, "the failure")
    journal.close()


def test_nothing_is_written_that_nobody_would_read_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Store(tmp_path).begin("x")) as journal:
        journal.write(Interrupted("SIGINT"))
        with pytest.raises(Unavailable, match="takes records of 8 MiB"):
            journal.write(Failure("probe", "x" * (8 << 20)))
        monkeypatch.setattr(limits, "JOURNAL", 100)
        with pytest.raises(Unavailable, match="in all"):
            journal.write(Failure("probe", "x" * 100))
        assert len(read(journal.directory)) == 1


def test_whatever_is_called_like_a_journal_makes_a_run_that_says_so_when_it_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in ("pipe", "folder", "link", "nothing"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("no directory")
    os.mkfifo(tmp_path / "pipe" / JOURNAL)
    (tmp_path / "folder" / JOURNAL).mkdir()
    (tmp_path / "link" / JOURNAL).symlink_to(tmp_path / "nowhere")
    assert [path.name for path in store.runs()] == ["folder", "link", "pipe"]
    for path in store.runs():
        for look in (read, brief, is_closed):
            with pytest.raises(InvalidSpec, match=JOURNAL):
                look(path)
        assert store.find(str(path)) == path
