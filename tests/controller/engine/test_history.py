"""The history of directories: journals are the truth, the database only saves reading them again."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from brownout_controller.engine import history
from brownout_controller.engine.history import DATABASE, History, collect
from brownout_controller.engine.store import JOURNAL, Journal
from brownout_controller.model.journal import Interrupted
from brownout_core.errors import NotFound
from tests.support.builders import journals
from tests.support.builders.journals import NASTY, Story
from tests.support.running import eventually


def _store(root: Path, story: Story, name: str) -> Path:
    """`story` has to have that name for its run's id."""
    return story.store(root, name)


def _passed(root: Path, number: int, day: int = 1) -> Path:
    name = f"run-{number}"
    return _store(root, journals.passed(run_id=name, started=f"2026-11-{day:02d}T10:00:00+00:00"), name)


def _spoil(directory: Path) -> None:
    """The journal becomes one that cannot be read, and looks as if nobody had touched it."""
    path = directory / JOURNAL
    status = path.stat()
    path.write_bytes(b"x\n" * (status.st_size // 2) + b"x" * (status.st_size % 2))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    for number in range(5):
        _passed(root, number, day=5 - number)
    return root


def test_runs_come_oldest_first_with_the_directory_that_they_are_in(runs: Path) -> None:
    found = collect([runs])
    assert [run.run for run in found.runs] == ["run-4", "run-3", "run-2", "run-1", "run-0"]
    assert found.runs[0].directory == str(runs / "run-4")
    assert found.warnings == []


def test_the_trials_of_a_search_are_no_part_of_it(runs: Path) -> None:
    """They break on purpose: one of them beside a passed run of the same experiment would read as a regression."""
    name = "run-5"
    _store(runs, journals.refuted(run_id=name, started="2026-11-06T10:00:00+00:00", part_of="margin-1"), name)
    for _ in range(2):  # from the journal, and from what was kept of it
        assert [run.run for run in collect([runs]).runs] == ["run-4", "run-3", "run-2", "run-1", "run-0"]


def test_a_journal_is_read_again_only_if_it_has_changed(runs: Path) -> None:
    first = collect([runs])
    for number in range(4):
        _spoil(runs / f"run-{number}")
    _store(runs / "..", journals.refuted(run_id="run-4", started="2026-11-01T10:00:00+00:00"), "new")
    os.replace(runs / ".." / "new" / JOURNAL, runs / "run-4" / JOURNAL)
    second = collect([runs])
    assert second.warnings == []
    assert second.runs[1:] == first.runs[1:]
    assert second.runs[0].verdict == "refuted"


def test_two_thousand_runs_are_read_once(tmp_path: Path) -> None:
    text = (_passed(tmp_path, 0) / JOURNAL).read_text()
    for number in range(1, 2000):
        directory = tmp_path / f"run-{number}"
        directory.mkdir()
        (directory / JOURNAL).write_text(text.replace('"run-0"', f'"run-{number}"', 1))
    first = collect([tmp_path])
    assert len(first.runs) == 2000
    for number in range(2000):
        _spoil(tmp_path / f"run-{number}")
    assert collect([tmp_path]) == first


def test_nothing_is_written_if_nothing_has_changed(runs: Path) -> None:
    collect([runs])
    before = (runs / DATABASE).stat()
    collect([runs])
    assert (runs / DATABASE).stat().st_ino == before.st_ino


def test_who_reads_the_database_meanwhile_sees_all_of_the_old_one(runs: Path) -> None:
    collect([runs])
    with (runs / DATABASE).open("rb") as file:
        before = file.read(100)
        rest = (runs / DATABASE).read_bytes()[100:]
        _passed(runs, 9)
        assert len(collect([runs]).runs) == 6
        assert (before, file.read()) == (before, rest)


def test_what_a_run_keeps_beside_its_journal_is_its_own(runs: Path) -> None:
    _passed(runs / "run-1" / "copies", 7)
    assert len(collect([runs]).runs) == 5


def test_a_run_that_a_process_is_at_is_running_and_then_cut_off(tmp_path: Path) -> None:
    directory = _store(tmp_path, journals.killed(), "run")
    journal = Journal(directory, number=99)
    assert [run.state for run in collect([tmp_path]).runs] == ["running"]
    journal.close()
    assert [run.state for run in collect([tmp_path]).runs] == ["unfinished"]
    _store(tmp_path / "x", journals.closed_later(), "run")
    os.replace(tmp_path / "x" / "run" / JOURNAL, directory / JOURNAL)
    assert [run.state for run in collect([tmp_path]).runs] == ["inconclusive"]


def test_a_run_that_has_only_just_begun_is_no_broken_one(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    journal = Journal(directory)
    assert collect([tmp_path]) == History([], [], [])
    journal.close()
    assert len(collect([tmp_path]).warnings) == 1


def test_to_ask_whether_a_run_is_under_way_leaves_nothing_in_its_directory(tmp_path: Path) -> None:
    directory = _store(tmp_path, journals.killed(), "run")
    collect([tmp_path])
    assert os.listdir(directory) == [JOURNAL]


def test_a_journal_that_cannot_be_read_is_a_warning_with_its_path_and_spoils_nothing(runs: Path) -> None:
    _spoil(runs / "run-1")
    (runs / "empty").mkdir()
    (runs / "empty" / JOURNAL).write_text("")
    (runs / "odd").mkdir()
    odd = '{"n":0,"at":0,"kind":"run","run_id":1,"version":[],"started":{},"experiment":3,'
    odd += '"terms":9,"environment":0,"seed":0,"replay":0,"recovery":"x"}\n'
    (runs / "odd" / JOURNAL).write_text(odd)
    for _ in range(2):
        found = collect([runs])
        assert [run.run for run in found.runs] == ["run-4", "run-3", "run-2", "run-0"]
        assert len(found.warnings) == 3
        for directory, warning in zip(("empty", "odd", "run-1"), found.warnings, strict=True):
            assert warning.startswith(f"{runs / directory / JOURNAL}: ")
            assert "\n" not in warning


def test_texts_of_a_journal_do_no_harm(tmp_path: Path) -> None:
    story = journals.nasty()
    story.entries[0] = journals.passed(started="2026-11-01T10:00:00+00:00", run_id=NASTY, source=NASTY).entries[0]
    _store(tmp_path, story, "nasty")
    first = collect([tmp_path])
    assert len(first.runs) == 1
    assert collect([tmp_path]) == first


def test_a_pipe_in_the_place_of_a_journal_does_not_hold_anybody_up(runs: Path) -> None:
    (runs / "pipe").mkdir()
    os.mkfifo(runs / "pipe" / JOURNAL)
    assert collect([runs]).warnings == [f"{runs / 'pipe' / JOURNAL}: is no regular file"]


def test_a_run_that_is_deleted_is_gone(runs: Path) -> None:
    collect([runs])
    (runs / "run-1" / JOURNAL).unlink()
    assert "run-1" not in [run.run for run in collect([runs]).runs]
    assert _rows(runs / DATABASE) == ["run-0", "run-2", "run-3", "run-4"]


def _rows(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [path for (path,) in connection.execute("SELECT path FROM runs ORDER BY path")]


def _garbage(database: Path) -> None:
    database.write_bytes(os.urandom(20_000))


def _torn(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:5000])


def _flipped(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096:] = bytes(255 - byte for byte in content[4096:])
    database.write_bytes(content)


def _empty(database: Path) -> None:
    database.write_bytes(b"")


def _older(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA user_version = 1")
        connection.execute("UPDATE runs SET verdict = 'refuted'")


def _other_columns(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("ALTER TABLE runs DROP COLUMN verdict")


def _other_types(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE runs SET started = 'yesterday', recovery = 'x', faults = 7")


def _is_directory(database: Path) -> None:
    database.unlink()
    database.mkdir()


@pytest.mark.parametrize(
    "harm", [_garbage, _torn, _flipped, _empty, _older, _other_columns, _other_types, _is_directory, Path.unlink]
)
def test_a_database_that_cannot_be_used_is_made_anew_without_a_word(
    runs: Path, harm: object, capfd: pytest.CaptureFixture[str]
) -> None:
    first = collect([runs])
    assert callable(harm)
    harm(runs / DATABASE)
    assert collect([runs]) == first
    assert capfd.readouterr() == ("", "")
    if harm is not _is_directory:
        assert len(_rows(runs / DATABASE)) == 5
        for number in range(5):
            _spoil(runs / f"run-{number}")
        assert collect([runs]) == first


def test_another_version_reads_the_journals_itself(runs: Path) -> None:
    collect([runs])
    _spoil(runs / "run-0")
    with closing(sqlite3.connect(runs / DATABASE)) as connection:
        (stamp,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {stamp - 1}")
    assert len(collect([runs]).warnings) == 1


def test_a_directory_that_takes_no_file_is_read_all_the_same(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = collect([runs])
    (runs / DATABASE).unlink()
    if os.geteuid():
        runs.chmod(0o555)
    else:  # root may write anywhere, but not into a file's directory
        monkeypatch.setattr(history, "DATABASE", "run-0/journal.jsonl/history.db")
    try:
        assert collect([runs]) == expected
    finally:
        runs.chmod(0o755)
    assert not (runs / DATABASE).exists()


_COLLECT = """
import sys
from pathlib import Path
from brownout_controller.engine.history import collect
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    found = collect([Path(sys.argv[1])])
    assert not found.warnings, found.warnings
    print(len(found.runs), flush=True)
"""


@pytest.fixture
def collecting(runs: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that wait for a line to begin."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", _COLLECT, str(runs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(4)
    ]  # fmt: skip
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def test_processes_at_the_same_time_do_not_spoil_each_other_s_answers(
    runs: Path, collecting: list[subprocess.Popen[str]]
) -> None:
    for process in collecting:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in collecting:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    number = 5
    while any(process.poll() is None for process in collecting) and number < 60:
        # Added as a whole, as a run that begins is not told of before it has said what it is.
        _passed(runs / "..", number)
        os.replace(runs / ".." / f"run-{number}", runs / f"run-{number}")
        if number % 7 == 0:
            _garbage(runs / DATABASE)
        number += 1
    for process in collecting:
        out, errors = process.communicate(timeout=50)
        assert (process.returncode, errors) == (0, "")
        counts = [int(word) for word in out.split()]
        assert counts == sorted(counts)
        assert len(counts) == 20
    assert len(collect([runs]).runs) == number
    assert sorted(name for name in os.listdir(runs) if not name.startswith("run-")) == [DATABASE]


def test_a_run_that_is_being_written_is_read_as_far_as_it_is(tmp_path: Path) -> None:
    directory = _store(tmp_path, journals.killed(), "run")
    with (directory / JOURNAL).open("a") as file:
        file.write('{"n":30,"at":9,"ki')
    found = collect([tmp_path])
    assert (found.warnings, found.runs[0].state) == ([], "unfinished")


def test_directories_are_looked_for_at_any_depth_and_a_run_that_is_found_twice_counts_once(tmp_path: Path) -> None:
    for job in ("job-1", "job-2/runs"):
        _passed(tmp_path / "artifacts" / job, 1)
    _passed(tmp_path / "artifacts" / "job-1", 2)
    (tmp_path / "artifacts" / "circle").symlink_to(tmp_path)
    assert [run.run for run in collect([tmp_path / "artifacts"]).runs] == ["run-1", "run-2"]
    _passed(tmp_path / "own", 3)
    both = collect([tmp_path / "own", tmp_path / "artifacts", tmp_path / "own"])
    assert [run.run for run in both.runs] == ["run-1", "run-2", "run-3"]


def test_of_two_copies_of_a_run_the_one_that_ended_counts(tmp_path: Path) -> None:
    started = "2026-11-01T10:00:00+00:00"
    story = journals.killed()
    story.entries[0] = journals.passed(run_id="r", started=started).entries[0]
    _store(tmp_path, story, "a")
    _store(tmp_path, journals.passed(run_id="r", started=started), "b")
    _store(tmp_path, story, "c")
    assert [(run.state, Path(run.directory).name) for run in collect([tmp_path]).runs] == [("passed", "b")]


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        collect([tmp_path / "nowhere"])
    assert collect([tmp_path]) == History([], [], [])
    assert os.listdir(tmp_path) == []


def test_a_name_that_no_database_takes_is_read_each_time(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    _passed(root, 1)
    os.rename(root / "run-1", os.fsencode(root) + b"/run-\xff")
    for _ in range(2):
        assert len(collect([root]).runs) == 1


def test_a_journal_that_grows_is_another_one(tmp_path: Path) -> None:
    directory = _store(tmp_path, journals.killed(), "run")
    assert collect([tmp_path]).runs[0].duration == 6
    journal = Journal(directory, number=99, age=100.0)
    journal.write(Interrupted("SIGINT"))
    eventually(lambda: collect([tmp_path]).runs[0].duration >= 100)
    journal.close()
