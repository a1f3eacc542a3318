"""What is printed at the end, and with which status."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from brownout_controller.cli.client.follow import Finished
from brownout_controller.cli.commands.report import PAGE
from brownout_controller.cli.console.run_output import (
    leave,
    leave_page,
    print_verdict,
    report,
    report_of,
    run_content,
    status,
)
from brownout_controller.engine.store import Store
from brownout_controller.model.accounting import Counts
from brownout_controller.model.journal import Entry, Run
from brownout_controller.model.judge import Judgement
from brownout_controller.model.reasons import TEXT, Number, Reason
from brownout_controller.model.results import Result
from brownout_core.verdict import Verdict
from tests.controller.cli.client.test_requests import where


def finished(verdict: Verdict = Verdict.REFUTED, exit_: int | None = None) -> Finished:
    numbers = {"worst": Number(2.5, "s"), "good": Number(2), "bad": Number(1)}
    reason = Reason("broke", "h", "during", numbers=numbers, words={"expect": "< 1s"})
    result = Result("h", "during", "broke", Counts(2, 1), 2.5, reason)
    because, code = Reason(TEXT, words={"text": "because"}), verdict.exit if exit_ is None else exit_
    judgement = Judgement(verdict, code, (because,), (result,), {"f": 3}, 1.25)
    run = Run("r", "1", "", {}, [{"name": "h", "expect": "< 1s"}], {}, 7, "brownout run x --seed 7", 0.0)
    return Finished("r", (Entry(0, 0.0, run),), judgement)


def test_the_end_of_a_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_verdict(finished(), where("h:1"))
    assert capsys.readouterr().out.splitlines() == [
        "hypothesis  phase   expected  worst seen  measurements         outcome",
        "h           during  < 1s            2.5s  2 good, 1 bad, of 3  broke",
        "  because",
        "recovered 1.2 s after the revert",
        "verdict: refuted, exit status 1: the fault was in place and a hypothesis did not hold",
        "run r at h:1",
        "again with: brownout run x --seed 7",
    ]
    print_verdict(finished(), where())
    assert f"run r in {Path('.brownout/runs/r')}\n" in capsys.readouterr().out


def test_reasons_have_units(capsys: pytest.CaptureFixture[str]) -> None:
    broke = finished()
    broke = replace(broke, judgement=replace(broke.judgement, reasons=(broke.judgement.results[0].reason,)))
    print_verdict(broke, where())
    assert "  h (during): 2.5s at worst, expected < 1s: 2 good, 1 bad, of 3" in capsys.readouterr().out
    assert run_content(broke)["reasons"] == ["h (during): 2.5s at worst, expected < 1s: 2 good, 1 bad, of 3"]


def test_programs_get_the_same() -> None:
    told = json.loads(json.dumps(run_content(finished())))
    assert (told["run"], told["verdict"], told["exit"], told["recovery_seconds"]) == ("r", "refuted", 1, 1.25)
    (claim,) = told["hypotheses"]
    assert (claim["outcome"], claim["samples"], claim["good"], claim["bad"]) == ("broke", 3, 2, 1)
    assert (claim["unanswered"], claim["missing"], claim["reason"]["numbers"]["worst"]) == (0, 0, [2.5, "s"])


def test_the_worst_verdict_wins_and_a_signal_over_all_but_a_fault_that_may_be_left() -> None:
    passed, stopped = finished(Verdict.PASSED), finished(Verdict.STOPPED, 130)
    assert status([passed, finished(Verdict.REFUTED)]) == 1
    assert status([passed, finished(Verdict.DONE)]) == 0
    assert status([passed, stopped]) == 130
    assert status([finished(Verdict.NOT_REVERTED), stopped]) == 6


def test_a_run_that_was_lost_is_reported_as_it_was_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost = finished(Verdict.INCONCLUSIVE)
    assert report_of(lost).judgement is lost.judgement
    report([lost], [tmp_path / "a.md", tmp_path / "a.json"], quiet=False)
    assert "inconclusive" in (tmp_path / "a.md").read_text()
    assert capsys.readouterr().out.splitlines() == [
        f"report in {tmp_path / 'a.md'}",
        f"report in {tmp_path / 'a.json'}",
    ]
    report([], [tmp_path / "none.md"], quiet=True)
    assert not (tmp_path / "none.md").exists()


def test_a_page_is_left_where_the_journal_is_and_not_for_a_controller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Store(tmp_path).begin("x")
    journal.write(Run(journal.run_id, "1", "2026-01-01T00:00:00+00:00", {"name": "x"}, [], {}, 7, "", 0.0))
    journal.close()
    here = replace(where(), runs=tmp_path)
    leave(replace(finished(), run=journal.run_id), here, quiet=False)
    page = journal.directory / PAGE
    assert page.read_text().startswith("<!doctype html>")
    assert capsys.readouterr().out == f"report in {page}\n"
    leave(finished(), where("h:1"), quiet=False)
    assert capsys.readouterr().out == ""
    assert leave_page(tmp_path / "none") is None
    assert "the verdict stands" in capsys.readouterr().err
