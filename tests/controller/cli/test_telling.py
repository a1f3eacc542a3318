"""What is printed at the end, and with which status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brownout_controller.cli.following import Finished
from brownout_controller.cli.telling import shown, status, tell
from brownout_controller.model.journal import Entry, Run
from brownout_controller.model.judge import Judgement, Result
from brownout_controller.model.verdict import Verdict
from tests.controller.cli.test_loading import where


def finished(verdict: Verdict = Verdict.REFUTED, exit_: int | None = None) -> Finished:
    result = Result("h", "during", "broke", 3, 1, 2.5, "h (during): 2.5 at worst")
    judgement = Judgement(verdict, verdict.exit if exit_ is None else exit_, ("because",), (result,), {"f": 3}, 1.25)
    run = Run("r", "1", "", {}, [{"name": "h", "expect": "< 1s"}], {}, 7, "brownout run x --seed 7", 0.0)
    return Finished("r", (Entry(0, 0.0, run),), judgement)


def test_the_end_of_a_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    tell(finished(), where("h:1"))
    assert capsys.readouterr().out.splitlines() == [
        "hypothesis  phase   expected  worst seen  outcome",
        "h           during  < 1s            2.5s  broke",
        "  because",
        "recovered 1.2 s after the revert",
        "verdict: refuted, exit status 1: the fault was in place and a hypothesis did not hold",
        "run r at h:1",
        "again with: brownout run x --seed 7",
    ]
    tell(finished(), where())
    assert f"run r in {Path('.brownout/runs/r')}\n" in capsys.readouterr().out


def test_programs_get_the_same() -> None:
    told = json.loads(json.dumps(shown(finished())))
    assert (told["run"], told["verdict"], told["exit"], told["recovery_seconds"]) == ("r", "refuted", 1, 1.25)
    assert told["hypotheses"][0]["outcome"] == "broke"


def test_the_worst_verdict_wins_and_a_signal_over_all_but_a_fault_that_may_be_left() -> None:
    passed, stopped = finished(Verdict.PASSED), finished(Verdict.STOPPED, 130)
    assert status([passed, finished(Verdict.REFUTED)]) == 1
    assert status([passed, finished(Verdict.DONE)]) == 0
    assert status([passed, stopped]) == 130
    assert status([finished(Verdict.NOT_REVERTED), stopped]) == 6
