"""A run that was killed is found by the next start: what is left of it is undone, and it is closed as inconclusive."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brownout_controller.backends.base import Backend
from brownout_controller.engine import store as store_module
from brownout_controller.engine.recovery import Recovered, close_unfinished, environment_of
from brownout_controller.engine.store import JOURNAL, Journal, Store, read
from brownout_controller.model.environment import Environment, Tls
from brownout_controller.model.journal import Closed, Entry, Injected, Judged, Reverted, Run, Undo
from brownout_core.errors import InvalidSpec
from brownout_core.verdict import Verdict
from tests.support.builders.runs import ExperimentRun, experiment
from tests.support.fakes.backends import EDGE, FailingBackend

pytestmark = pytest.mark.virtual_time


async def _killed(tmp_path: Path, backend: FailingBackend, after: str) -> Store:
    """A journal that ends with the first record of that kind, and a target as it was then."""
    play = ExperimentRun(tmp_path, experiment(), backend)
    await play.run()
    directory = next(iter(play.store.runs()))
    lines = (directory / JOURNAL).read_text().splitlines(keepends=True)
    end = next(number for number, entry in enumerate(play.entries) if entry.record.kind == after)
    (directory / JOURNAL).write_text("".join(lines[: end + 1]) + '{"n": 99, "at"')  # the last line was torn

    if after in (Undo.kind, Injected.kind):
        target = (await backend.targets(EDGE))[0]
        await backend.inject(target, experiment().faults, directory.name, 600.0)
    return play.store


async def _close(store: Store, backend_of: Callable[[Run], Backend]) -> Recovered:
    return await close_unfinished(store.runs(), backend_of)


@pytest.mark.parametrize("after", [Undo.kind, Injected.kind])
async def test_what_is_left_is_undone_and_the_run_is_closed(tmp_path: Path, after: str) -> None:
    backend = FailingBackend()
    store = await _killed(tmp_path, backend, after)
    assert not backend.clean
    closed = (await _close(store, lambda _: backend)).closed
    assert backend.clean
    directory = next(iter(store.runs()))
    assert closed == [directory.name]
    entries = [entry.record for entry in read(directory)]
    assert isinstance(entries[-1], Judged)
    assert entries[-1].verdict == Verdict.INCONCLUSIVE
    assert any(isinstance(record, Closed) for record in entries)
    assert (await _close(store, lambda _: backend)).closed == []


async def test_a_run_that_had_injected_nothing_is_only_closed(tmp_path: Path) -> None:
    backend = FailingBackend()
    store = await _killed(tmp_path, backend, "state")
    backend.asked.clear()
    assert len((await _close(store, lambda _: backend)).closed) == 1
    assert backend.asked == []


async def test_a_run_that_somebody_is_at_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    journal = store.begin("x")
    journal.write(Undo("u0", {"id": "db", "proxy": "db", "where": ""}, "x"))
    assert (await _close(store, lambda _: FailingBackend())).closed == []
    journal.close()


async def test_what_cannot_be_undone_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = FailingBackend()
    store = await _killed(tmp_path, backend, Injected.kind)
    backend.fails.add("revert")
    await _close(store, lambda _: backend)
    entries = [entry.record for entry in read(next(iter(store.runs())))]
    assert any(isinstance(record, Reverted) and not record.verified for record in entries)
    assert isinstance(entries[-1], Judged)
    assert entries[-1].exit == 6


async def test_each_run_is_undone_where_it_was_injected(tmp_path: Path) -> None:
    backend, elsewhere = FailingBackend(), FailingBackend({})
    store = await _killed(tmp_path, backend, Injected.kind)
    asked: list[str] = []

    def backend_of(run: Run) -> FailingBackend:
        asked.append(str(run.environment["name"]))
        return backend if run.environment["name"] == "test" else elsewhere

    await _close(store, backend_of)
    assert (asked, backend.clean) == (["test"], True)


async def test_a_run_that_nothing_is_known_of_how_to_reach_is_left_for_a_start_that_knows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = await _killed(tmp_path, FailingBackend(), Injected.kind)
    before = read(next(iter(store.runs())))

    def unknown(run: Run) -> FailingBackend:
        raise InvalidSpec("tls.ca", "is away")

    assert (await _close(store, unknown)).closed == []
    assert read(next(iter(store.runs()))) == before
    assert "tls.ca: is away" in caplog.text


async def test_a_journal_that_cannot_be_read_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = FailingBackend()
    store = await _killed(tmp_path, backend, Injected.kind)
    broken = store.root / "20000101-000000-broken-0000"
    broken.mkdir()
    (broken / JOURNAL).write_text("not JSON\nnot at all\n")
    assert len((await _close(store, lambda _: backend)).closed) == 1
    assert backend.clean
    assert caplog.text == ""


def _broken(store: Store) -> Path:
    path = store.root / "20000101-000000-broken-0000" / JOURNAL
    path.parent.mkdir()
    path.write_text('{"n": 0, "at": null, "kind": "state", "state": "baseline", "before": "planned"}\n{}\n')
    return path


async def test_a_journal_that_cannot_be_read_is_named_with_what_its_run_may_have_left(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = _broken(store)
    content = path.read_bytes()
    (found,) = (await _close(store, lambda _: FailingBackend())).left_out
    assert (found.path, found.line) == (str(path), 1)
    assert re.search(r"may have left a fault, which ends with its lease, at \d\d:\d\d:\d\d UTC", found.reason)
    os.utime(path, (0, 0))
    (found,) = (await _close(store, lambda _: FailingBackend())).left_out
    assert "has ended with its lease" in found.reason
    assert path.read_bytes() == content


async def test_what_is_no_journal_at_all_is_named_as_well(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in ("pipe", "link", "folder", "garbage", "empty"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "pipe" / JOURNAL)
    (tmp_path / "link" / JOURNAL).symlink_to("/dev/zero")
    (tmp_path / "folder" / JOURNAL).mkdir()
    (tmp_path / "garbage" / JOURNAL).write_bytes(bytes(range(256)))
    (tmp_path / "empty" / JOURNAL).touch()  # its owner was killed before it did anything
    found = {
        Path(one.path).parent.name: one.reason for one in (await _close(store, lambda _: FailingBackend())).left_out
    }
    assert sorted(found) == ["folder", "garbage", "link", "pipe"]
    assert found["pipe"].startswith("is no regular file")
    assert found["link"].startswith("is a symbolic link")


async def test_a_run_that_somebody_is_at_is_none_whose_journal_cannot_be_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with closing(store.begin("x")) as journal:
        (journal.directory / JOURNAL).write_text("{}\n{}\n")
        assert (await _close(store, lambda _: FailingBackend())).left_out == []


@pytest.mark.parametrize("started", ["yesterday", "", 7, None])
async def test_a_journal_without_a_time_holds_up_no_other(tmp_path: Path, started: Any) -> None:
    backend = FailingBackend()
    store = await _killed(tmp_path, backend, Injected.kind)
    with closing(store.begin("timeless")) as journal:
        journal.write(Run(journal.run_id, "1", started, {}, [], {"name": "test"}, 7, "", 1.0))
    recovered = await _close(store, lambda _: backend)
    assert (len(recovered.closed), backend.clean) == (1, True)
    assert [one.path for one in recovered.left_out] == [str(journal.directory / JOURNAL)]


async def test_a_time_without_a_zone_is_utc(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with closing(store.begin("x")) as journal:
        journal.write(Run(journal.run_id, "1", "2026-01-01T00:00:00", {}, [], {"name": "test"}, 7, "", 1.0))
    assert (await _close(store, lambda _: FailingBackend())).closed == [journal.run_id]


async def test_a_run_that_came_to_its_end_while_it_was_looked_at_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await _killed(tmp_path, FailingBackend(), Injected.kind)
    directory = next(iter(store.runs()))

    def late(directory: Path) -> list[Entry]:
        entries = read(directory)
        with closing(Journal(directory, number=entries[-1].n + 1)) as journal:
            journal.write(Judged("inconclusive", 3, ["its owner was quicker"]))
        return entries

    monkeypatch.setattr(store_module, "read", late)
    assert (await _close(store, lambda _: FailingBackend())).closed == []
    assert read(directory)[-1].record == Judged("inconclusive", 3, ["its owner was quicker"])


async def test_a_backend_that_fails_in_any_way_leaves_a_run_that_a_person_must_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = FailingBackend()
    store = await _killed(tmp_path, backend, Injected.kind)

    async def broken(*_: object) -> None:
        raise KeyError("127.0.0.1:1")

    monkeypatch.setattr(backend, "revert", broken)
    await _close(store, lambda _: backend)
    last = read(next(iter(store.runs())))[-1].record
    assert isinstance(last, Judged)
    assert last.exit == 6


def test_the_environment_of_a_run_is_the_journal_s_with_the_credentials_of_the_one_of_that_name() -> None:
    there = {
        "name": "a",
        "tls": {"ca": "***/ca.pem"},
        "control": ["127.0.0.1:1"],
        "edges": {"app -> db": {"proxy": "db"}},
        "later": 1,
    }
    run = Run("r", "1", "2026-01-01T00:00:00+00:00", {}, [], there, 7, "", 1.0)
    known = {
        "a": Environment(control=("127.0.0.1:2",), token="secret", tls=Tls(ca="/certs/ca.pem")),
        "b": Environment(token="other"),
    }
    found = environment_of(run, known)
    assert (found.control, found.token, found.edges["app -> db"].proxy) == (("127.0.0.1:1",), "secret", "db")
    assert found.tls == Tls(ca="/certs/ca.pem")
    assert environment_of(run, {}).token is None
    assert environment_of(run, {"a": Environment()}).tls == Tls(ca="***/ca.pem")
    with pytest.raises(InvalidSpec, match="environment"):
        environment_of(replace(run, environment={"control": 7}), known)
