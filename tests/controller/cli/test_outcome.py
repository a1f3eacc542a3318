"""What a run came to, for people."""

from __future__ import annotations

import pytest

from brownout_controller.cli import outcome
from brownout_controller.cli.outcome import Look
from brownout_controller.model.judge import Judgement, Result
from brownout_controller.model.verdict import Verdict
from tests.controller.cli.ground import begun, claimed

_CLAIM = {"name": "p99 stays low", "traffic": "p99", "expect": "< 300ms"}
_LOAD = {"url": "http://127.0.0.1:1/", "rate": 5}


def _told(verdict: Verdict = Verdict.REFUTED, look: Look | None = None) -> str:
    sentence = "p99 stays low (during): bad"
    results = (
        Result("p99 stays low", "baseline", "held", 9, 0, 0.01234, ""),
        Result("p99 stays low", "during", "broke", 9, 3, 0.5, sentence),
        Result("p99 stays low", "recovery", "no-data", 9, 0, None, ""),
    )
    judged = Judgement(verdict, verdict.exit, (sentence,), results, {}, 1.25)
    return outcome.told(begun(claimed(_CLAIM, traffic=_LOAD)), judged, look)


def test_the_table_has_values_in_their_unit_and_every_line_stands_for_itself() -> None:
    lines = _told().splitlines()
    assert lines[0].split() == ["hypothesis", "phase", "expected", "worst", "seen", "outcome"]
    assert [line.split()[-2:] for line in lines[1:4]] == [["12.3ms", "held"], ["500ms", "broke"], ["-", "no-data"]]
    assert all(line.startswith("p99 stays low") for line in lines[1:4])
    assert "\x1b" not in "".join(lines)


def test_the_last_line_says_the_verdict_in_words() -> None:
    told = _told()
    assert "  p99 stays low (during): bad\n" in told
    assert "recovered 1.2 s after the revert" in told
    last = told.splitlines()[-1]
    assert last == "verdict: refuted, exit status 1: the fault was in place and a hypothesis did not hold"


def test_on_a_narrow_terminal_nothing_is_wider_and_nothing_is_lost() -> None:
    lines = _told(look=Look(40)).splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join("".join(lines).split()).count("p99stayslow(during):bad") == 1


def test_colours_are_for_those_who_see_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in _told(look=Look(80, colour=True))
    assert "\x1b" not in _told(look=Look(80))
    assert outcome.fitting() == Look(), "this is no terminal"


def test_a_run_of_which_nothing_is_known_has_its_verdict_all_the_same() -> None:
    verdict = Verdict.INCONCLUSIVE
    told = outcome.told(None, Judgement(verdict, verdict.exit, ("the run was cut off",)))
    assert told.splitlines() == [
        "  the run was cut off", f"verdict: inconclusive, exit status 3: {verdict.meaning}"
    ]  # fmt: skip


def test_a_hypothesis_that_stopped_the_run_is_told_though_no_sample_counts() -> None:
    results = (Result("p99 stays low", "during", "broke", 0, 0, None, "p99 stays low (during): p99 was 0.4"),)
    judged = Judgement(Verdict.STOPPED, Verdict.STOPPED.exit, ("p99 was 0.4",), results)
    lines = outcome.told(begun(claimed(_CLAIM, traffic=_LOAD)), judged).splitlines()
    assert lines[1].split()[-4:] == ["<", "300ms", "-", "broke"]
    untested = judged.results[0]._replace(outcome="untested")
    told = outcome.told(begun(claimed(_CLAIM, traffic=_LOAD)), Judgement(Verdict.STOPPED, 5, ("x",), (untested,)))
    assert "untested" not in told
