"""What a run writes down: masked, told to whoever watches, and never a reason to fail."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from brownout_controller.engine.journal_writer import JournalWriter
from brownout_controller.engine.store import Journal, Store, read
from brownout_controller.model.journal import (
    Closed,
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    Judged,
    Plan,
    Record,
    Reverted,
    Run,
    Sample,
    Stop,
    Undo,
)
from brownout_controller.model.judge import judge, terms_of
from brownout_controller.model.secrets import Masker
from brownout_controller.report.sentences import sentence
from brownout_core.errors import Unavailable
from brownout_core.verdict import Verdict

pytestmark = pytest.mark.virtual_time

_TARGET = {"id": "127.0.0.1:8475/shop", "proxy": "shop", "where": "127.0.0.1:8475"}
_RUN = Run("r-shop", "1", "2026-01-01T00:00:00+00:00", {"name": "shop"}, [], {"control": ["shop:1"]}, 7, "", 1.0)


class Full(Journal):
    """Takes so many records, and no more until `room` is made."""

    room = 0

    def append(self, entry: Entry) -> None:
        if not self.room:
            raise Unavailable("no space left on device")
        self.room -= 1
        super().append(entry)


class Broken:
    """Counts how often the journal was found to be of no use."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def _writer(
    journal: Journal, broken: Broken, observer: Callable[[Entry], None] = lambda _: None, masker: Masker | None = None
) -> JournalWriter:
    return JournalWriter(journal, masker or Masker(), observer, broken)


async def test_what_is_written_is_told_and_in_the_journal(tmp_path: Path) -> None:
    journal, broken, told = Store(tmp_path).begin("x"), Broken(), list[Entry]()
    writer = _writer(journal, broken, told.append)
    assert writer.write(_RUN)
    assert writer.write(Interrupted("SIGINT"))
    assert [entry.record for entry in read(journal.directory)] == [entry.record for entry in told]
    assert writer.has(Interrupted)
    assert not writer.has(Failure)
    assert (await writer.judged()).verdict is Verdict.STOPPED
    assert broken.times == 0
    journal.close()


@pytest.mark.parametrize("error", [BrokenPipeError(), ZeroDivisionError()])
def test_whoever_watches_and_fails_is_told_no_more_and_that_is_all(tmp_path: Path, error: Exception) -> None:
    journal, asked = Store(tmp_path).begin("x"), list[Entry]()

    def observer(entry: Entry) -> None:
        asked.append(entry)
        raise error

    writer = _writer(journal, Broken(), observer)
    assert writer.write(_RUN)
    assert writer.write(Interrupted("SIGINT"))
    assert len(asked) == 1
    assert len(read(journal.directory)) == 2
    journal.close()


async def test_a_journal_that_takes_no_more_ends_the_run_without_a_conclusion(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    journal, broken = Full(tmp_path / "run"), Broken()
    journal.room = 1
    writer = _writer(journal, broken)
    assert writer.write(_RUN)
    assert not writer.write(Undo("u0", _TARGET, "x"))
    assert not writer.write(Reverted("u0", _TARGET["id"], verified=True))
    assert broken.times == 1
    judgement = await writer.judged()
    assert (judgement.verdict, judgement.exit) == (Verdict.INCONCLUSIVE, 3)
    assert "no space left on device" in sentence(judgement.reasons[0])
    # With room again everything is there, in order.
    journal.room = 99
    assert writer.write(Interrupted("SIGINT"))
    entries = read(journal.directory)
    assert [entry.n for entry in entries] == list(range(5))
    assert [entry.record.kind for entry in entries] == ["run", "undo", "error", "reverted", "interrupted"]
    assert (await writer.judged()).verdict is Verdict.INCONCLUSIVE
    journal.close()


async def test_a_revert_that_is_not_verified_is_graver_than_a_lost_journal(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    journal = Full(tmp_path / "run")
    writer = _writer(journal, Broken())
    for record in (_RUN, Undo("u0", _TARGET, "x"), Reverted("u0", _TARGET["id"], verified=False, why="away")):
        writer.write(record)
    assert (await writer.judged()).verdict is Verdict.NOT_REVERTED
    journal.close()


async def test_a_journal_that_was_taken_away_is_no_conclusion(tmp_path: Path) -> None:
    journal, broken = Store(tmp_path).begin("x"), Broken()
    writer = _writer(journal, broken)
    writer.write(_RUN)
    shutil.rmtree(journal.directory)
    assert (await writer.judged()).verdict is Verdict.INCONCLUSIVE
    assert broken.times == 1
    journal.close()


async def test_a_verdict_that_the_journal_does_not_take_is_the_one_that_a_later_start_comes_to(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    journal, seen = Full(tmp_path / "run"), list[Entry]()
    journal.room = 99
    writer = _writer(journal, Broken(), seen.append)
    done: list[Record] = [
        _RUN, Plan([_TARGET], ["slow"], []), Entered("injecting", "planned"), Undo("u0", _TARGET, "x"),
        Injected("u0", _TARGET["id"], ["slow"], 10.0), Entered("observing", "injecting"),
        Entered("reverting", "observing"), Reverted("u0", _TARGET["id"], verified=True), Entered("judged", "reverting"),
    ]  # fmt: skip
    for record in done:
        assert writer.write(record)
    assert judge(writer.entries).verdict is Verdict.DONE
    journal.room = 0
    judgement = await writer.conclude()
    assert (judgement.verdict, judgement.exit) == (Verdict.INCONCLUSIVE, 3)
    kinds = [entry.record.kind for entry in seen]
    assert kinds[len(done) :] == ["error", "verdict"]
    assert [entry.n for entry in seen] == list(range(len(seen)))
    # What a later start does with such a journal.
    left = read(journal.directory)
    assert len(left) == len(done)
    later = [*left, Entry(99, 99.0, Closed("a later start"))]
    assert judge(later).verdict is judgement.verdict
    journal.close()


def test_secrets_are_masked_and_names_of_ours_and_addresses_are_not(tmp_path: Path) -> None:
    # A fault is found by its name and undone at its address, of which the value of a variable may be a part.
    journal = Store(tmp_path).begin("x")
    writer = _writer(journal, Broken(), masker=Masker(["shop", "8475"]))
    fault = "latency.r-shop"
    writer.write(_RUN)
    writer.write(Plan([_TARGET], [fault], ["release"]))
    writer.write(Undo("u0", _TARGET, "release"))
    writer.write(Counted(_TARGET["id"], 1, 1, 1, {fault: 1}, {fault: 1}))
    writer.write(Failure("probe", "the shop said no"))
    run, plan, undo, _, failure = (entry.record for entry in read(journal.directory))
    assert isinstance(run, Run)
    assert (run.run_id, run.environment) == ("r-shop", {"control": ["shop:1"]})
    assert run.experiment == {"name": "***"}
    assert isinstance(plan, Plan)
    assert list(plan.faults) == [fault]
    assert isinstance(undo, Undo)
    assert undo.target == _TARGET
    assert failure == Failure("probe", "the *** said no")
    journal.close()


def test_the_terms_stay_what_the_judge_can_read_whatever_a_variable_held(tmp_path: Path) -> None:
    terms: dict[str, object] = {
        "name": "of hunter2", "because": "hunter2", "expect": "< 200ms", "stop": "> 20%",
        "when": ["during", "recovery"], "no_data": "fail", "series": "any", "probe": "http",
    }  # fmt: skip
    held = ["< 200ms", "> 20%", "during", "fail", "http", "passed", "observing", "hunter2", "condition", "here"]
    environment = {"name": "here", "control": [], "prometheus": "hunter2"}
    journal = Store(tmp_path).begin("x")
    writer = _writer(journal, Broken(), masker=Masker(held))
    both: list[dict[str, object]] = [terms, {**terms, "no_data": {"pass": "hunter2"}}]
    writer.write(replace(_RUN, terms=both, environment=environment))
    writer.write(Entered("observing", "injecting", "hunter2"))
    writer.write(Sample("of hunter2", "during", 1.0))
    writer.write(Stop("condition", "hunter2"))
    writer.write(Judged("passed", 0, ["hunter2"]))
    run, entered, sample, stop, verdict = (entry.record for entry in read(journal.directory))
    assert isinstance(run, Run)
    masked = {**terms, "name": "of ***", "because": "***"}
    assert run.terms == [masked, {**masked, "no_data": {"pass": "***"}}]
    assert len(terms_of(run)) == 2
    assert run.environment == {**environment, "prometheus": "***"}
    assert entered == Entered("observing", "injecting", "***")
    assert sample == Sample("of ***", "during", 1.0, series=[])
    assert stop == Stop("condition", "***")
    assert verdict == Judged("passed", 0, ["***"])
    journal.close()
